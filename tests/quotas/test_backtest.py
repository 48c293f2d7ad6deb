"""What draft rules would have said of past periods, beside what was said."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from crm.base.clock import at_civil
from crm.base.periods import Period, PeriodKind
from crm.people.rules import Duty
from crm.quotas.backtest import Counts, backtest, counts, past_periods
from crm.quotas.rules import FigureResult, FigureStatus, Rule
from crm.quotas.service import freeze_period
from crm.visits.rules import Channel
from tests.conftest import NOW
from tests.factories import DEPUTY, make_person, make_rule, make_unit, make_visit

DRAFT = Rule(**DEPUTY | {"minimum": 2})
JUNE = Period.parse("2026-06")
MISSED, MET = FigureStatus.MISSED, FigureStatus.MET


@pytest.fixture
def deputy(db):
    make_rule(db)
    person = make_person(db, "deputy", duty=Duty.DEPUTY, unit=make_unit(db, code="bureau"))
    for day in (2, 3):
        make_visit(db, person, date(2026, 6, day))
    return person


def compared(db, draft=DRAFT, first=date(2026, 6, 1), last=date(2026, 6, 30)):
    return backtest(db, [draft], first=first, last=last, now=NOW)


def freeze(db):
    at = at_civil(date(2026, 7, 4))
    freeze_period(db, period=JUNE, at=at, now=at)


def test_both_figures_stand_side_by_side(db, deputy):
    (one,) = compared(db)

    assert (one.was, one.would) == (FigureResult(6, 2, MISSED), FigureResult(2, 2, MET))
    assert (one.username, one.unit_code, one.period.name) == ("deputy", "bureau", "2026-06")
    assert (one.is_changed, one.is_frozen) == (True, False)


def test_a_frozen_figure_is_what_was_said(db, deputy):
    freeze(db)
    make_visit(db, deputy, date(2026, 6, 9), logged_at=at_civil(date(2026, 6, 10)))

    (one,) = compared(db)

    assert (one.was, one.is_frozen) == (FigureResult(6, 2, MISSED), True)
    assert one.would == FigureResult(2, 3, MET)


@pytest.mark.parametrize("is_frozen", [True, False])
def test_what_was_not_known_at_the_freeze_counts_for_neither(db, deputy, is_frozen):
    late = at_civil(date(2026, 7, 10))
    make_visit(db, deputy, date(2026, 6, 30), entered_at=late, logged_at=late, status="done")
    for _ in range(is_frozen):
        freeze(db)

    (one,) = compared(db)

    assert (one.was.achieved, one.would.achieved) == (2, 2)


def test_a_draft_of_another_kind_of_period_takes_its_own(db, deputy):
    weeks = compared(db, replace(DRAFT, period=PeriodKind.WEEK, minimum=1))

    assert [each.period.name for each in weeks] == ["2026-W23", "2026-W24", "2026-W25", "2026-W26"]
    assert [each.was for each in weeks] == [None] * 4
    assert [each.would.status for each in weeks] == [MET, MISSED, MISSED, MISSED]


def test_who_owes_nothing_any_more_is_told_too(db, deputy):
    make_person(db, "recruiter", duty=Duty.RECRUITER)

    result = compared(db, replace(DRAFT, duty=Duty.RECRUITER))

    assert {each.username: (each.was is None, each.would is None) for each in result} == {
        "deputy": (False, True),
        "recruiter": (True, False),
    }


def test_a_draft_of_a_new_code_stands_beside_nothing(db, deputy):
    (one,) = compared(db, replace(DRAFT, code="new-one", valid_from=date(2030, 1, 1)))

    assert (one.was, one.would) == (None, FigureResult(2, 2, MET))


def test_a_running_period_is_told_as_it_is_now(db, deputy):
    _, july = compared(db, last=date(2026, 7, 31))

    assert (july.was.status, july.would.status) == (FigureStatus.AT_RISK, FigureStatus.AT_RISK)


def test_it_changes_nothing(db, deputy):
    freeze(db)
    before = compared(db)

    compared(db, replace(DRAFT, channels=frozenset({Channel.EMAIL})))

    assert compared(db) == before
    assert not db.new
    assert not db.dirty


def test_it_tells_how_many_met_it_before_and_after(db, deputy):
    make_person(db, "other", duty=Duty.DEPUTY)

    assert counts(compared(db)) == Counts(
        was_owing=2, was_met=0, would_owing=2, would_met=1, changed=2, turned=1
    )


@pytest.mark.parametrize(
    ("kind", "first", "last", "names"),
    [
        (PeriodKind.MONTH, date(2026, 5, 2), date(2026, 7, 31), ["2026-06", "2026-07"]),
        (PeriodKind.MONTH, date(2026, 7, 1), date(2026, 12, 31), ["2026-07"]),
        (PeriodKind.XUN, date(2026, 7, 1), date(2026, 7, 20), ["2026-07-X1", "2026-07-X2"]),
        (PeriodKind.QUARTER, date(2026, 1, 1), date(2026, 3, 30), []),
    ],
)
def test_the_periods_that_lie_whole_within_the_dates_and_have_begun(kind, first, last, names):
    today = (NOW + timedelta(hours=8)).date()

    assert [each.name for each in past_periods(kind, first, last, today)] == names
