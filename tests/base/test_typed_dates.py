"""Dates and times as people type them."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.base.clock import civil
from crm.base.typed_dates import (
    NoSuchDateError,
    NoTimeError,
    YearOutOfRangeError,
    typed_date,
    typed_moment,
)


def moment(text, **more):
    """The civil time that the text means."""
    return f"{civil(typed_moment(text, **more)):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-03",
        "2026/7/3",
        "2026.7.3",
        "2026年7月3日",
        "2026年7月3号",
        "2026 年 7 月 3 日",
        "2026年07月03日",
        "２０２６年７月３日",
        "２０２６－０７－０３",
        "2026—7—3",
        "20260703",
        "46206",
        "46206.0",
        "2026-07-03T00:00:00",
        "2026/7/3 0:00",
        "\u200e2026-07-03\u200e",
    ],
)
def test_a_date_is_read_however_it_is_typed(text):
    assert typed_date(text) == date(2026, 7, 3)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-07-03T09:30", "09:30:00"),
        ("2026-07-03 9:30:15", "09:30:15"),
        ("2026年7月3日 9:30", "09:30:00"),
        ("2026年7月3日9:30", "09:30:00"),
        ("2026年7月3日9时30分", "09:30:00"),
        ("2026年7月3日 9时", "09:00:00"),
        ("2026年7月3日9点半", "09:30:00"),
        ("2026年7月3日9时5分20秒", "09:05:20"),
        ("2026-07-03 ９：３０", "09:30:00"),
        ("２０２６年７月３日　９：３０", "09:30:00"),
        ("2026/7/3 下午2:30", "14:30:00"),
        ("2026年7月3日下午2点30分", "14:30:00"),
        ("2026-07-03 上午9:30", "09:30:00"),
        ("2026-07-03 中午12:30", "12:30:00"),
        ("2026-07-03 下午14:30", "14:30:00"),
        ("2026-07-03 晚上8点", "20:00:00"),
        ("2026-07-03 晚8:15", "20:15:00"),
        ("2026-07-03 凌晨1点", "01:00:00"),
        ("2026/7/3 2:30 PM", "14:30:00"),
        ("2026/7/3 12:30 AM", "00:30:00"),
        ("46206.3958333333", "09:30:00"),
        ("2026-07-03T01:30:00+00:00", "09:30:00"),
        ("2026-07-03T01:30:00Z", "09:30:00"),
    ],
)
def test_a_moment_is_read_however_it_is_typed(text, read):
    assert moment(text) == f"2026-07-03 {read}"


@pytest.mark.parametrize(
    "text", ["2026-07-03 24:00", "2026年7月3日24时", "2026-07-03T24:00:00", "2026年7月3日 24点"]
)
def test_the_end_of_a_day_is_the_first_instant_of_the_next(text):
    assert moment(text, is_end=True) == "2026-07-04 00:00:00"
    with pytest.raises(ValueError, match=r".*"):
        typed_moment(text)


@pytest.mark.parametrize(
    "text",
    [
        "7月3日",
        "3/7/2026",
        "26.7.3",
        "2026-7",
        "2026年7月",
        "2026-07-03 13:60",
        "2026-07-03 25:00",
        "2026-07-03 24:30",
        "2026-07-03 上午13:00",
        "2026-07-03 下午11:00",
        "2026-07-03 晚上3点",
        "2026-07-03 下午2:30 PM",
        "2026-07-03 上旬9:00",
        "2026-07-03 9",
        "2026-07-03 9:30 左右",
        "2026-07-03 9:30-11:00",
        "4620",
        "昨天",
        "",
    ],
)
def test_what_is_unclear_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        typed_moment(text, is_end=True)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("2026-02-30", NoSuchDateError),
        ("20260230", NoSuchDateError),
        ("1826-07-03", YearOutOfRangeError),
        ("99999", YearOutOfRangeError),
    ],
)
def test_a_date_that_cannot_be_is_refused_with_its_cause(text, error):
    with pytest.raises(error):
        typed_date(text)


def test_a_date_with_a_time_of_day_is_no_date_and_a_bare_date_no_moment():
    with pytest.raises(ValueError, match="9:30"):
        typed_date("2026-07-03 9:30")
    with pytest.raises(NoTimeError):
        typed_moment("2026年7月3日")


@given(st.text(alphabet="0123456789年月日时点分半下午晚上:：.-/ TZ＋24０", max_size=24))
def test_no_text_ends_in_anything_but_a_date_or_a_refusal(text):
    for read in (typed_date, typed_moment):
        try:
            read(text)
        except ValueError:
            continue


@given(st.datetimes(min_value=datetime(1951, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_a_spreadsheets_number_of_days_is_read_to_the_second(at):
    at = at.replace(microsecond=1)
    days = (at - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001

    assert moment(f"{days:.11f}") == f"{at:%Y-%m-%d %H:%M:%S}"
