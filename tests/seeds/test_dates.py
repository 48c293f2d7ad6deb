"""RelativeDates told relative to a date."""

import re
from datetime import date

import pytest

from crm.base.workdays import WorkingCalendar
from crm.demo.relative_dates import RelativeDates

WHEN = RelativeDates(date(2026, 11, 18), WorkingCalendar())  # a Wednesday


@pytest.mark.parametrize(
    ("told", "on"),
    [
        ("0", date(2026, 11, 18)),
        (-12, date(2026, 11, 6)),
        ("+3", date(2026, 11, 21)),
        ("-3w", date(2026, 11, 13)),
        ("+3w", date(2026, 11, 23)),
        ("m:5", date(2026, 11, 5)),
        ("m:31", date(2026, 11, 30)),
        ("m:end", date(2026, 11, 30)),
        ("m-1:20", date(2026, 10, 20)),
        ("m+2:1", date(2027, 1, 1)),
        ("week:3", date(2026, 11, 18)),
        ("week-1:7", date(2026, 11, 15)),
    ],
)
def test_a_day_is_told_relative_to_the_date(told, on):
    assert WHEN.read(told) == on


@pytest.mark.parametrize("told", ["", "x", "w3", "m:", "week:8", "3w", "m-1"])
def test_what_names_no_day_is_an_error(told):
    with pytest.raises(ValueError, match=rf"^{re.escape(told)}$"):
        WHEN.read(told)


def test_a_milestone_lies_on_a_working_day_or_exactly_after_another():
    dates = WHEN.milestones({"following": -4, "signed": "following+10", "lead": "-10"})

    assert dates == {
        "following": date(2026, 11, 13),  # the 14th is a Saturday
        "signed": date(2026, 11, 23),
        "lead": date(2026, 11, 6),  # the 8th is a Sunday
    }
