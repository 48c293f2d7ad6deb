"""The figures of many periods at once: as each tells them, without judging what is frozen again."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.people.rules import Duty
from crm.quotas.figures_by_period import figures_by_period
from crm.quotas.models import Correction, FigureRecord
from crm.quotas.queries import figures
from crm.quotas.rules import FigureStatus
from crm.quotas.service import freeze_period
from tests.factories import make_person, make_regime, make_visit

NOW = at_civil(date(2026, 7, 8)) + timedelta(hours=10)
NAMES = ("2026-04", "2026-05", "2026-06", "2026-W20", "2026-W26", "2026-07")
PERIODS = [Period.parse(name) for name in NAMES]


@pytest.fixture
def people(db):
    """Three who owe, with something achieved."""
    make_regime(db)
    deputy = make_person(db, "deputy", duty=Duty.DEPUTY)
    for day in (4, 5, 6, 7, 8, 11):
        make_visit(db, deputy, date(2026, 5, day))
    return make_person(db, "boss", duty=Duty.PRINCIPAL), deputy, make_person(db, "recruiter")


def freeze(db, name):
    period = Period.parse(name)
    at = at_civil(period.after.first) + timedelta(days=6)
    freeze_period(db, period=period, at=at, now=at)
    db.flush()


def compared(db):
    """What is told at once, and what the periods tell one by one, without the visits behind."""
    at_once = figures_by_period(db, periods=PERIODS, as_of=NOW)
    singly = {one: figures(db, period=one, as_of=NOW) for one in PERIODS}
    return tuple(
        {period: sorted(some, key=str) for period, some in result.items()}
        for result in (at_once, singly)
    )


def test_before_anything_is_frozen_all_is_judged(db, people):
    at_once, singly = compared(db)

    assert at_once == singly
    assert len(at_once[PERIODS[1]]) == 2


def test_what_is_frozen_is_told_as_frozen_and_the_rest_as_it_stands(db, people):
    for name in NAMES[:4]:
        freeze(db, name)
    make_visit(db, people[1], date(2026, 6, 3))  # after the freeze: it changes nothing

    at_once, singly = compared(db)

    assert at_once == singly
    assert all(one.figure.settled for one in at_once[PERIODS[2]])
    assert not any(one.figure.settled for one in at_once[PERIODS[5]])


def test_who_has_no_frozen_figure_is_judged_beside_the_others(db, people):
    freeze(db, "2026-05")
    make_person(db, "second", duty=Duty.DEPUTY)

    at_once, singly = compared(db)

    assert at_once == singly
    assert sorted(bool(one.figure.settled) for one in at_once[PERIODS[1]]) == [False, True, True]


def test_the_latest_correction_stands_beside_the_frozen_figure(db, people):
    freeze(db, "2026-06")
    record = db.scalars(
        select(FigureRecord).where(FigureRecord.rule_code == "deputy-monthly")
    ).one()
    for achieved in (5, 6):
        correct(db, record, achieved)

    result = figures_by_period(db, periods=PERIODS, as_of=NOW)[PERIODS[2]]

    (corrected,) = [one.figure.settled.corrected for one in result if one.figure.settled.corrected]
    assert (corrected.achieved, corrected.status) == (6, FigureStatus.MET)


def correct(db, record, achieved):
    status = FigureStatus.MET if achieved == 6 else FigureStatus.MISSED
    db.add(
        Correction(
            figure_id=record.id,
            made_at=NOW - timedelta(days=1),
            why="补录拜访",
            from_required=6,
            from_achieved=0,
            from_status=FigureStatus.MISSED,
            to_required=6,
            to_achieved=achieved,
            to_status=status,
        )
    )
    db.flush()


def test_a_past_that_is_frozen_costs_four_queries_however_long_it_is(db, people, counted):
    for name in NAMES[:5]:
        freeze(db, name)

    with counted(4):
        figures_by_period(db, periods=PERIODS[:5], as_of=NOW)


def test_a_frozen_period_is_told_without_its_visits_being_read(db, people, counted):
    freeze(db, "2026-05")

    with counted(4):
        figures(db, period=PERIODS[1], as_of=NOW)
