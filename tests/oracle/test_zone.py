"""Random zones: the same for ever, acceptable to the imports, and full of edges."""

from __future__ import annotations

import csv
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from . import files
from . import zone as zones
from .oracle import covered_dates, figures
from .periods import period_of
from .random_zones import random_zone

SEEDS = range(25)


def test_a_seed_makes_the_same_zone_for_ever():
    assert random_zone(7) == random_zone(7)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_zones_are_such_as_the_imports_accept(seed):
    zone = random_zone(seed)
    primary = sorted(
        (p.username, p.from_on, p.to_on or date.max) for p in zone.postings if p.primary
    )

    assert all(p[0] != q[0] or p[2] < q[1] for p, q in pairwise(primary))
    assert all(len(covered_dates(v)) <= zones.LONGEST_VISIT for v in zone.for_oracle().visits)
    assert all(v.ends_at > v.starts_at for v in zone.visits)
    assert all(v.logged_at >= v.ends_at for v in zone.for_oracle().visits if v.logged_at)
    assert all(v.entered_at <= zone.imported_at for v in zone.for_oracle().visits)


def test_random_zones_show_every_status_and_every_reason():
    answers = [
        figure
        for seed in SEEDS
        for zone in [random_zone(seed)]
        for period, as_of in zone.questions
        for figure in figures(zone.for_oracle(), period, as_of).values()
    ]

    assert {figure.report["status"] for figure in answers} == {
        "exempt", "met", "missed", "unreachable", "at_risk", "on_track",
    }  # fmt: skip
    assert {reason for figure in answers for _, reason, _ in figure.not_counted} == {
        "outside_period", "not_leader", "wrong_kind", "wrong_channel", "not_done", "rejected",
        "logged_late", "outside_employment", "absent", "same_day",
    }  # fmt: skip


def test_the_files_tell_what_the_zone_holds(tmp_path: Path):
    zone = random_zone(3)

    visits = files.write_visits(zone, tmp_path).read_text(encoding="utf-8")
    people = files.write_people(zone, tmp_path).read_text(encoding="utf-8")
    absences = files.write_absences(zone, tmp_path).read_text(encoding="utf-8")
    rules = files.write_rules(zone, tmp_path).read_text(encoding="utf-8")

    assert [row["ref"] for row in csv.DictReader(visits.splitlines())] == [
        row.ref for row in zone.visits
    ]
    assert len(people.splitlines()) == 1 + len(zone.postings)
    assert len(absences.splitlines()) == 1 + sum(absence.approved for absence in zone.absences)
    assert rules.count("- code:") == len(zone.rules)


def test_period_of_names_the_period_that_holds_a_date():
    assert [period_of(kind, date(2026, 1, 1)) for kind in zones.PERIODS] == [
        "2026-W01", "2026-01-X1", "2026-01", "2026-Q1", "2026",
    ]  # fmt: skip
