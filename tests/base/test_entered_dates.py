"""What people enter in a field of a date or a time."""

from datetime import date

import pytest

from crm.base.entered_dates import entered_date, entered_time

TODAY = date(2026, 11, 28)  # a Saturday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026年11月28日", "2026-11-28"),
        ("2026年11月28日 周六", "2026-11-28"),
        ("2026年11月27日 周六", "2026-11-27"),  # the day was changed, the weekday left
        ("2026-11-28", "2026-11-28"),
        ("2026/11/8", "2026-11-08"),
        ("２０２６．１１．２８", "2026-11-28"),
        ("20261128", "2026-11-28"),
        ("11月28日", "2026-11-28"),
        ("11.28", "2026-11-28"),
        ("11-28", "2026-11-28"),
        ("11/28号", "2026-11-28"),
        ("1128", "2026-11-28"),
        ("1.5", "2027-01-05"),  # the nearest
        ("2月29日", "2028-02-29"),
        ("28日", "2026-11-28"),
        ("30号", "2026-10-30"),
        ("今天", "2026-11-28"),
        ("昨天", "2026-11-27"),
        ("大前天", "2026-11-25"),
        ("明天", "2026-11-29"),
        ("周三", "2026-11-25"),
        ("星期天", "2026-11-22"),
        ("周六", "2026-11-28"),
        ("上周三", "2026-11-18"),
        ("下周一", "2026-11-30"),
        ("本周日", "2026-11-29"),
    ],
)
def test_a_date_is_read_as_people_write_it(text, expected):
    assert entered_date(text, TODAY) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("周三", "2026-12-02"),
        ("周六", "2026-11-28"),
        ("27日", "2026-12-27"),
        ("28日", "2026-11-28"),
        ("31日", "2026-12-31"),
    ],
)
def test_a_plan_takes_the_next_such_day(text, expected):
    assert entered_date(text, TODAY, is_ahead=True) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    "text",
    ["", "下周", "2026年2月30日", "2月30日", "13.5", "32日", "0日", "46000", "x", "2026", "²"],
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        entered_date(text, TODAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14:00", "14:00"),
        ("14：30", "14:30"),
        ("9:05", "09:05"),
        ("1400", "14:00"),
        ("930", "09:30"),
        ("9", "09:00"),
        ("14点", "14:00"),
        ("9点半", "09:30"),
        ("2点半", "14:30"),
        ("下午2点", "14:00"),
        ("下午2:30", "14:30"),
        ("上午9点15分", "09:15"),
        ("24:00", "00:00"),
    ],
)
def test_a_time_is_read_as_people_write_it(text, expected):
    assert f"{entered_time(text):%H:%M}" == expected


@pytest.mark.parametrize("text", ["", "25:00", "960", "下午", "x", "9:00-11:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        entered_time(text)
