"""`crm quota` as a shell sees it."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.cli import base, main
from crm.cli.quota import KEYS
from crm.extensions import db as database_of_app
from crm.people.quota_inputs import Edit
from crm.people.rules import Duty
from crm.quotas.rules import Reason
from crm.quotas.service import freeze_period
from crm.transactions import transaction
from crm.visits.models import Visit
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import Channel, Kind
from tests.databases import SECRET
from tests.factories import make_person, make_regime, make_unit, make_visit


@pytest.fixture
def crm(database_url, sessions, monkeypatch):
    """Run `crm …` on a zone of one deputy with two visits, on 15 July at ten."""
    monkeypatch.setenv("CRM_DATABASE_URL", database_url)
    monkeypatch.setenv("CRM_SECRET_KEY", SECRET)
    base.settings.cache_clear()
    base.app.cache_clear()
    with transaction(sessions) as db:
        make_regime(db)
        deputy = make_person(db, "lihua", duty=Duty.DEPUTY, unit=make_unit(db, code="bureau"))
        make_visit(db, deputy, date(2026, 7, 13), ref="V-1")
        make_visit(db, deputy, date(2026, 7, 14), ref="V-2", channel=Channel.VIDEO)
    yield lambda *words: CliRunner().invoke(main, ["quota", *words])
    with base.app().app_context():
        database_of_app.engine.dispose()
    base.settings.cache_clear()
    base.app.cache_clear()


FIGURE = {
    "rule": "deputy-monthly",
    "person": "lihua",
    "unit": "bureau",
    "period": "2026-07",
    "required": 6,
    "achieved": 1,
    "planned": 0,
    "pace": 3,
    "status": "on_track",
    "workdays": 23,
    "present": 23,
    "estimated": False,
    "basis": "preliminary",
}
AT = ("--as-of", "2026-07-15T10:00")


def test_the_report_speaks_json(crm):
    text = crm("report", "--period", "2026-07", *AT, "--format", "json")

    assert (text.exit_code, json.loads(text.stdout)) == (0, [FIGURE])


def test_the_report_speaks_csv(crm):
    text = crm("report", "--period", "2026-07", *AT, "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(text.stdout)))
    assert rows == [{key: str(value) for key, value in FIGURE.items()}]
    assert tuple(rows[0]) == KEYS


def test_the_report_speaks_to_people(crm):
    text = crm("report", "--period", "2026-07", *AT)

    assert text.exit_code == 0
    assert "lihua" in text.stdout


def test_one_rule_may_be_asked_for(crm):
    week = ("report", "--period", "2026-W29", *AT, "--format", "json")

    assert json.loads(crm(*week, "--rule", "principal-weekly").stdout) == []
    assert json.loads(crm(*week, "--rule", "deputy-monthly").stdout) == []  # a rule of months


def test_a_bare_date_is_that_days_end(crm):
    ask = ("report", "--period", "2026-07", "--format", "json", "--as-of")

    before, after = (json.loads(crm(*ask, on).stdout)[0] for on in ("2026-07-12", "2026-07-13"))

    assert (before["achieved"], after["achieved"]) == (0, 1)


def test_figures_by_an_estimated_calendar_say_so(crm):
    text = crm("report", "--period", "2027-07", "--as-of", "2026-07-15", "--format", "json")

    assert [row["estimated"] for row in json.loads(text.stdout)] == [True]
    assert "工作日历部分为估算" in text.stderr


def test_a_figure_explains_itself(crm):
    text = crm(
        "explain", "--rule", "deputy-monthly", "--person", "lihua", "--period", "2026-07", *AT
    )

    assert json.loads(text.stdout) == FIGURE | {
        "counted": [{"visit": "V-1", "days": 1}],
        "not_counted": [{"visit": "V-2", "reason": Reason.WRONG_KIND.value, "days": 1}],
    }


@pytest.fixture
def frozen(crm, sessions):
    """July frozen with one of six, and corrected to two since."""
    freeze = at_civil(date(2026, 8, 6))
    with transaction(sessions) as db:
        freeze_period(db, period=Period.parse("2026-07"), at=freeze, now=freeze)
    later = freeze + timedelta(days=1)
    with transaction(sessions) as db:
        visit = db.scalars(select(Visit).where(Visit.ref == "V-2")).one()
        visit.kind, visit.channel = Kind.OUTREACH, Channel.IN_PERSON
        collect_edit(db, visit, Edit.VISIT_CHANGED, people=(), by=None, at=later)
    return crm


SETTLED = {
    "frozen_at": "2026-08-06T00:00:00+08:00",
    "corrected_required": 6,
    "corrected_achieved": 2,
    "corrected_status": "missed",
}


def test_a_frozen_figure_and_its_correction_are_reported_side_by_side(frozen):
    text = frozen("report", "--period", "2026-07", "--as-of", "2026-08-10", "--format", "json")

    expected = FIGURE | {"pace": 6, "status": "missed", "basis": "settled"} | SETTLED
    assert json.loads(text.stdout) == [expected]


def test_before_the_freeze_the_report_follows_the_facts(frozen):
    text = frozen("report", "--period", "2026-07", "--as-of", "2026-08-05", "--format", "json")

    (row,) = json.loads(text.stdout)
    assert row["achieved"] == 2
    assert set(row) == set(KEYS)


def test_a_frozen_figure_is_explained_as_it_was_frozen(frozen):
    ask = ("--rule", "deputy-monthly", "--person", "lihua", "--period", "2026-07")
    result = json.loads(frozen("explain", *ask, "--as-of", "2026-08-10").stdout)

    assert result["counted"] == [{"visit": "V-1", "days": 1}]
    assert [each["reason"] for each in result["not_counted"]] == ["wrong_kind"]
    assert result["frozen_at"] == SETTLED["frozen_at"]


@pytest.mark.parametrize(
    ("rule", "person", "period"),
    [
        ("no-such-rule", "lihua", "2026-07"),
        ("deputy-monthly", "nobody", "2026-07"),
        ("deputy-monthly", "lihua", "2026-W29"),
        ("recruiter-monthly", "lihua", "2026-07"),
    ],
)
def test_what_is_not_there_is_refused_with_the_reason(crm, rule, person, period):
    text = crm("explain", "--rule", rule, "--person", person, "--period", period)

    assert (text.exit_code, text.stdout) == (1, "")
    assert "未找到" in text.stderr


@pytest.mark.parametrize(
    "words", [("--period", "2026-13"), ("--period", "2026-07", "--as-of", "x")]
)
def test_what_cannot_be_read_is_a_usage_error(crm, words):
    assert crm("report", *words).exit_code == 2
