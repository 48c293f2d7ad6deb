"""Visits that wait for a verdict: SQL narrows them down, and the predicates decide."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, literal, select

from crm.base import clock
from crm.base.db import Instant
from crm.base.utc_midnight import UtcMidnight
from crm.visits.queries import JudgedFrom, awaiting_verdict
from crm.visits.rules import is_logged_late
from tests.conftest import NOW
from tests.factories import make_visit
from tests.leads.zone import make_zone

LAST_ON = date(2026, 7, 11)
LIMITS = st.integers(0, 7)
ON_A_DATABASE = settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Logged:
    """A visit as far as its lateness needs it."""

    length: int
    hours: int  # from the UTC midnight of its last date to when it was logged
    late_by_days: int


VISITS = st.lists(
    st.builds(Logged, st.integers(0, 3), st.integers(10, 9 * 24), st.integers(0, 6)), max_size=8
)


@pytest.fixture(params=["Asia/Shanghai", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def zone_of_time(request):
    clock.use_zone(request.param)
    yield
    clock.use_zone("Asia/Shanghai")


@ON_A_DATABASE
@given(on=st.dates(date(2000, 1, 1), date(2040, 1, 1)), minutes=st.integers(-2, 400), days=LIMITS)
def test_whatever_is_logged_late_is_logged_after_the_midnight(db, zone_of_time, on, minutes, days):
    midnight = datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(days=days)
    at = midnight + timedelta(minutes=5 * minutes)

    is_after = db.scalar(select(literal(at, Instant()) >= UtcMidnight(literal(on, Date), days)))

    assert bool(is_after) is (at >= midnight)
    assert is_after or not is_logged_late(on, at, days)


@ON_A_DATABASE
@given(visits=VISITS, within=LIMITS, stay_within=st.none() | LIMITS)
def test_what_waits_is_what_the_predicates_call_late(db, visits, within, stay_within):
    with db.begin_nested() as point:
        zone = make_zone(db)
        me = zone.people["tracker"]
        made = [_make(db, me, visit) for visit in visits]
        expected = [visit.id for visit in made if _is_late(visit, within, stay_within)]

        found = awaiting_verdict(
            *(db, zone.eyes("supervisor")),
            limits=JudgedFrom(LAST_ON, within, stay_within),
            as_of=NOW,
        )

        assert sorted(visit.id for visit in found) == sorted(expected)
        point.rollback()


def _make(db, leader, visit):
    midnight = datetime(LAST_ON.year, LAST_ON.month, LAST_ON.day, tzinfo=UTC)
    logged_at = midnight + timedelta(hours=visit.hours)
    first_on = LAST_ON - timedelta(days=visit.length)
    given = {"logged_at": logged_at, "entered_at": logged_at, "late_by_days": visit.late_by_days}
    return make_visit(db, leader, first_on, days=visit.length + 1, **given)


def _is_late(visit, within, stay_within):
    is_entered_late = (
        stay_within is not None
        and visit.first_on < visit.last_on
        and visit.late_by_days > stay_within
    )
    return is_entered_late or is_logged_late(visit.last_on, visit.logged_at, within)
