"""The turn between instants and civil time."""

from datetime import UTC, date, datetime, time

import pytest

from crm.base import clock


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-15T10:00", datetime(2026, 7, 15, 2, tzinfo=UTC)),
        ("2026-07-15 10:00:30", datetime(2026, 7, 15, 2, 0, 30, tzinfo=UTC)),
        ("2026-07-15T10:00Z", datetime(2026, 7, 15, 10, tzinfo=UTC)),
        ("2026-07-15T10:00+09:00", datetime(2026, 7, 15, 1, tzinfo=UTC)),
        (" 2026-07-15 ", datetime(2026, 7, 14, 16, tzinfo=UTC)),
    ],
)
def test_without_an_offset_a_time_is_civil(text, instant):
    assert clock.parse_instant(text) == instant


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30", "10:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - its message is the library's
        clock.parse_instant(text)


def test_an_instant_falls_on_its_civil_date():
    assert clock.civil_date(datetime(2026, 7, 14, 15, 59, tzinfo=UTC)) == date(2026, 7, 14)
    assert clock.civil_date(datetime(2026, 7, 14, 16, 0, tzinfo=UTC)) == date(2026, 7, 15)


def test_what_ends_at_midnight_does_not_cover_the_new_day():
    assert clock.last_civil_date(clock.at_civil(date(2026, 7, 16))) == date(2026, 7, 15)
    assert clock.last_civil_date(clock.at_civil(date(2026, 7, 16), time(2))) == date(2026, 7, 16)


def test_a_civil_time_is_kept_in_utc():
    assert clock.at_civil(date(2026, 7, 15), time(7, 30)).isoformat() == "2026-07-14T23:30:00+00:00"


def test_now_is_aware():
    assert clock.now().tzinfo is UTC
