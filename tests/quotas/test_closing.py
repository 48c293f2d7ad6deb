"""REGIME 4, Closing: assessed, open for late logging, frozen; later edits make corrections."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.people.models import Posting
from crm.people.rules import Duty
from crm.quotas.live import live_figures
from crm.quotas.models import FigureRecord, RuleVersion
from crm.quotas.queries import figure_of, figures
from crm.quotas.rules import FigureStatus
from crm.quotas.service import assess_period, freeze_period
from crm.visits.rules import Kind
from tests.factories import PRINCIPAL, make_absence, make_person, make_rule, make_visit

JULY = Period.parse("2026-07")
END = at_civil(date(2026, 8, 1))
GRACE = at_civil(date(2026, 8, 5)) + timedelta(hours=15)
FREEZE = at_civil(date(2026, 8, 6))
LATER = at_civil(date(2026, 8, 10)) + timedelta(hours=10)


@pytest.fixture
def deputy(db):
    make_rule(db)
    person = make_person(db, "deputy", duty=Duty.DEPUTY)
    for day in (1, 2, 3, 6, 7):
        make_visit(db, person, date(2026, 7, day))
    return person


def assess(db, period=JULY, at=END):
    return assess_period(db, period=period, at=at)


def freeze(db, period=JULY, at=FREEZE):
    return freeze_period(db, period=period, at=at, now=at)


def standing(db, as_of=LATER, **given):
    (found,) = figures(db, period=JULY, as_of=as_of, **given)
    return found.figure.achieved, found.figure.required, found.figure.status.value


def test_a_period_is_assessed_at_its_end(db, deputy):
    assert assess(db) == {"assessed": 1}

    kept = db.scalars(select(FigureRecord)).one()
    assert (kept.assessed_at, kept.frozen_at) == (END, None)
    assert (kept.assessed_achieved, kept.assessed_required) == (5, 6)
    assert kept.assessed_status is FigureStatus.MISSED


def test_it_stays_open_for_late_logging(db, deputy):
    assess(db)
    make_visit(db, deputy, date(2026, 7, 31), logged_at=at_civil(date(2026, 8, 3)))

    assert standing(db, GRACE) == (6, 6, "met")


def test_then_it_is_frozen_as_of_that_moment(db, deputy):
    assess(db)
    make_visit(db, deputy, date(2026, 7, 31), logged_at=at_civil(date(2026, 8, 3)))
    assert freeze(db) == {"frozen": 1}

    kept = db.scalars(select(FigureRecord)).one()
    assert (kept.assessed_achieved, kept.frozen_achieved) == (5, 6)
    (found,) = figures(db, period=JULY, as_of=FREEZE)
    assert found.figure.settled.frozen_at == FREEZE


def test_a_second_assessment_or_freeze_changes_nothing(db, deputy):
    assess(db)
    freeze(db)
    make_visit(db, deputy, date(2026, 7, 8))

    assert (assess(db), freeze(db)) == ({}, {})
    assert standing(db) == (5, 6, "missed")


def test_a_later_edit_changes_no_frozen_figure(db, deputy):
    freeze(db)
    make_visit(db, deputy, date(2026, 7, 8))
    make_absence(db, deputy, date(2026, 7, 20), date(2026, 7, 31))

    assert standing(db) == (5, 6, "missed")


def test_a_frozen_figure_keeps_its_explanation_unit_and_rule(db, deputy):
    visit = make_visit(db, deputy, date(2026, 7, 8), kind=Kind.RECEPTION)
    before = figure_of(db, code="deputy-monthly", person_id=deputy.id, period=JULY, as_of=FREEZE)
    freeze(db)
    visit.kind = Kind.OUTREACH
    db.scalars(select(RuleVersion)).one().minimum = 9
    db.flush()

    after = figure_of(db, code="deputy-monthly", person_id=deputy.id, period=JULY, as_of=LATER)

    assert (after.figure.counted, after.figure.not_counted) == (
        before.figure.counted,
        before.figure.not_counted,
    )
    assert (after.unit_code, after.figure.required) == (before.unit_code, 6)


def test_before_the_freeze_the_facts_are_told_whenever_one_asks(db, deputy):
    freeze(db)
    make_visit(db, deputy, date(2026, 7, 31), logged_at=at_civil(date(2026, 8, 3)))

    assert standing(db, FREEZE - timedelta(seconds=1)) == (6, 6, "met")
    assert standing(db, FREEZE) == (5, 6, "missed")


def test_what_the_rules_would_say_is_told_by_the_facts_alone(db, deputy):
    freeze(db)
    make_visit(db, deputy, date(2026, 7, 8))
    rules = [each.figure.rule for each in figures(db, period=JULY, as_of=LATER)]

    (live,) = live_figures(db, period=JULY, as_of=LATER, rules=rules)

    assert (live.figure.achieved, live.figure.settled) == (6, None)


def test_who_has_left_stays_in_the_frozen_period(db, deputy):
    freeze(db)
    db.scalars(select(Posting)).one().duty = Duty.STAFF
    db.flush()

    assert standing(db) == (5, 6, "missed")


def test_a_frozen_period_may_be_asked_for_some_people_and_rules(db, deputy):
    freeze(db)

    assert figures(db, period=JULY, as_of=LATER, codes=["other"]) == []
    assert figures(db, period=JULY, as_of=LATER, person_ids=[]) == []
    assert standing(db, codes=["deputy-monthly"], person_ids=[deputy.id]) == (5, 6, "missed")


def test_each_kind_of_period_is_frozen_for_itself(db, deputy):
    principal = make_person(db, "principal", duty=Duty.PRINCIPAL)
    make_rule(db, PRINCIPAL)
    week = Period.parse("2026-W30")

    assert freeze(db, week, at_civil(date(2026, 7, 30))) == {"frozen": 1}
    assert db.scalars(select(FigureRecord.person_id)).all() == [principal.id]
    assert standing(db)[0] == 5  # July follows the facts still


def test_a_back_dated_absence_reduces_what_an_open_period_asks(db, deputy):
    freeze(db)
    august = Period.parse("2026-08")
    make_absence(db, deputy, date(2026, 7, 20), date(2026, 8, 14))

    (open_one,) = figures(db, period=august, as_of=LATER)
    assert open_one.figure.required == 4
    assert standing(db) == (5, 6, "missed")
