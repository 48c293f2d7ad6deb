"""What holds of a visit's times."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from crm.base.errors import Refused
from crm.visits.rules import (
    Channel,
    Kind,
    Status,
    check_ended,
    first_and_last,
    is_logged_late,
)

ZONE = timezone(timedelta(hours=8))


def at(day, hour=0, month=7):
    return datetime(2026, month, day, hour, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "last"),
    [
        (at(14, 9), at(14, 17), date(2026, 7, 14)),
        (at(14, 22), at(15, 0), date(2026, 7, 14)),
        (at(14, 22), at(15, 2), date(2026, 7, 15)),
        (at(14, 0), at(16, 0), date(2026, 7, 15)),
    ],
)
def test_a_visit_covers_its_civil_dates(starts_at, ends_at, last):
    assert first_and_last(starts_at, ends_at) == (date(2026, 7, 14), last)


@pytest.mark.parametrize("ends_at", [at(14, 9), at(14, 8)])
def test_a_visit_ends_after_it_begins(ends_at):
    with pytest.raises(Refused, match="ends_before_start"):
        first_and_last(at(14, 9), ends_at)


def test_a_visit_is_92_days_long_at_most():
    assert first_and_last(at(1), at(1, 0, 10))[1] == date(2026, 9, 30)


def test_a_visit_of_93_days_is_refused():
    with pytest.raises(Refused, match="too_long"):
        first_and_last(at(1), at(1, 1, 10))


def test_a_visit_is_done_when_it_has_ended():
    check_ended(at(14, 17), at(14, 17))


def test_a_visit_is_not_done_before():
    with pytest.raises(Refused, match="not_ended"):
        check_ended(at(14, 17), at(14, 16))


@pytest.mark.parametrize(("logged_on", "late"), [(14, False), (17, False), (18, True)])
def test_late_is_told_by_civil_dates(logged_on, late):
    assert is_logged_late(date(2026, 7, 14), at(logged_on, 23), 3) is late


def test_a_visit_is_an_outreach_a_reception_a_residency_or_an_event():
    assert {kind.value for kind in Kind} == {"outreach", "reception", "residency", "event"}


def test_people_meet_in_person_by_video_phone_or_email_or_at_an_online_event():
    assert {channel.value for channel in Channel} == {
        *("in_person", "video", "phone", "email", "online_event")
    }


def test_a_visit_is_planned_done_or_cancelled():
    assert {status.value for status in Status} == {"planned", "done", "cancelled"}


def test_a_visit_belongs_to_its_dates_in_the_zone_and_not_in_utc():
    starts_at = datetime(2026, 7, 31, 16, 30, tzinfo=UTC)  # half past midnight in the zone

    assert first_and_last(starts_at, starts_at + timedelta(hours=1)) == (
        *(date(2026, 8, 1), date(2026, 8, 1)),
    )
