"""The product and the oracle agree on every figure of every random zone, and on why."""

import json
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner

from crm.cli import base, main
from crm.extensions import db as database_of_app
from crm.transactions import transaction
from tests.databases import SECRET

from . import files
from .oracle import figures
from .periods import CIVIL, civil_date
from .product import UNSAID, Figures, fill, live, plant, product_figures, spoken
from .random_zones import random_zone
from .zone import SHIPPED, RandomZone

ALWAYS = range(10)
MORE = range(10, 40)  # of the same SQL
ATTACK = range(1000, 1600)


def differences(
    figure_values: Figures, expected: Figures
) -> dict[tuple[str, str], tuple[object, object]]:
    """The figures that are not the same, as the product and the oracle tell them."""
    keys = figure_values.keys() | expected.keys()
    return {
        key: (figure_values.get(key), expected.get(key))
        for key in keys
        if figure_values.get(key) != expected.get(key)
    }


def disagreements(db, zone: RandomZone, folder: Path) -> dict[object, object]:
    """By question, the figures on which product and oracle differ."""
    facts, found = zone.for_oracle(), {}
    fill(db, zone, folder)
    for period, as_of in zone.questions:
        result = product_figures(db, period, as_of)
        differing = differences(result, figures(facts, period, as_of))
        if differing:
            found[period, as_of.isoformat()] = differing
    return found


@pytest.mark.parametrize("seed", ALWAYS)
def test_the_product_says_what_the_oracle_says(db, tmp_path, seed):
    assert disagreements(db, random_zone(seed), tmp_path) == {}


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("seed", MORE)
def test_the_product_says_what_the_oracle_says_of_more_zones(db, tmp_path, seed):
    assert disagreements(db, random_zone(seed), tmp_path) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", ATTACK)
def test_the_product_says_what_the_oracle_says_of_many_more_zones(db, tmp_path, seed):
    assert disagreements(db, random_zone(seed), tmp_path) == {}


@pytest.fixture
def crm(database_url, tmp_path, monkeypatch):
    """Run `crm …` at a moment of the zone's own time, and give what it prints."""
    monkeypatch.setenv("CRM_DATABASE_URL", database_url)
    monkeypatch.setenv("CRM_SECRET_KEY", SECRET)
    monkeypatch.setenv("CRM_DATA", str(tmp_path / "data"))
    base.settings.cache_clear()
    base.app.cache_clear()

    def crm(now: datetime, *words: object) -> str:
        result = [word.isoformat() if isinstance(word, date) else str(word) for word in words]
        with time_machine.travel(now, tick=False):
            done = CliRunner().invoke(main, result)
        assert done.exit_code == 0, f"{result}: {done.output}"
        return done.stdout

    yield crm
    with base.app().app_context():
        database_of_app.engine.dispose()
    base.settings.cache_clear()
    base.app.cache_clear()


@pytest.fixture
def zone(sessions, crm, tmp_path):
    """A zone of the shipped rules and others, brought in by the commands."""
    zone = random_zone(272)  # many figures, statuses and reasons
    zone = replace(zone, rules=(*SHIPPED, *(rule for rule in zone.rules if rule not in SHIPPED)))
    now = zone.imported_at
    crm(now, "init")
    with transaction(sessions) as db:
        plant(db, zone)
    crm(now, "import", "people", files.write_people(zone, tmp_path))
    crm(now, "import", "absences", files.write_absences(zone, tmp_path))
    crm(now, "import", "visits", files.write_visits(zone, tmp_path))
    with transaction(sessions) as db:
        live(db, zone)
    return zone


def test_the_commands_say_what_the_oracle_says(crm, zone):
    facts, now = zone.for_oracle(), zone.imported_at
    period, as_of = max(zone.questions, key=lambda question: len(figures(facts, *question)))
    on = civil_date(as_of)
    result = figures(facts, period, as_of)
    told_of_day = figures(facts, period, datetime.combine(on, time.max, CIVIL))
    (code, username), explained = max(result.items(), key=lambda each: len(each[1].not_counted))
    whose = ("--rule", code, "--person", username)

    report = crm(now, "quota", "report", "--period", period, "--as-of", on, "--format", "json")
    explanation = crm(now, "quota", "explain", *whose, "--period", period, "--as-of", as_of)

    assert len(result) >= 3
    assert as_reported(report) == {key: each.report for key, each in told_of_day.items()}
    assert spoken(json.loads(explanation)) == explained


def as_reported(printed: str) -> dict[tuple[str, str], dict[str, object]]:
    """The rows of a report, each once, by rule and person."""
    rows = [
        {key: value for key, value in row.items() if key not in UNSAID}
        for row in json.loads(printed)
    ]
    by_key = {(row["rule"], row["person"]): row for row in rows}
    assert len(by_key) == len(rows)
    return by_key
