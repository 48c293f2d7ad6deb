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
    kind_by,
    kinds_counting,
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


def test_a_visit_is_an_outreach_a_reception_a_residency_an_event_or_remote():
    assert {kind.value for kind in Kind} == {
        *("outreach", "reception", "residency", "event", "remote")
    }


@pytest.mark.parametrize("kind", [Kind.OUTREACH, Kind.RECEPTION, Kind.RESIDENCY])
def test_what_is_met_in_person_by_another_channel_is_remote(kind):
    online = set(Channel) - {Channel.IN_PERSON}

    assert kind_by(kind, Channel.IN_PERSON) is kind
    assert {kind_by(kind, channel) for channel in online} == {Kind.REMOTE}


def test_an_event_is_in_person_or_online_and_by_another_channel_remote():
    assert [kind_by(Kind.EVENT, channel) for channel in Channel] == [
        *(Kind.EVENT, Kind.REMOTE, Kind.REMOTE, Kind.REMOTE, Kind.EVENT)
    ]


def test_a_remote_visit_is_not_in_person():
    with pytest.raises(Refused, match="channel_of_kind"):
        kind_by(Kind.REMOTE, Channel.IN_PERSON)


@pytest.mark.parametrize(
    ("kinds", "channels", "is_added"),
    [
        ({Kind.OUTREACH}, {Channel.IN_PERSON}, False),
        ({Kind.OUTREACH}, {Channel.IN_PERSON, Channel.VIDEO}, True),
        ({Kind.RESIDENCY}, {Channel.ONLINE_EVENT}, True),
        ({Kind.EVENT}, {Channel.IN_PERSON, Channel.ONLINE_EVENT}, False),
        ({Kind.EVENT}, {Channel.PHONE}, True),
    ],
)
def test_a_rule_that_counted_what_is_remote_now_counts_remote(kinds, channels, is_added):
    counted = kinds_counting(frozenset(kinds), frozenset(channels))

    assert counted == kinds | ({Kind.REMOTE} if is_added else set())


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
