"""When a repeating follow-up is due again (ENTRY 5)."""

from datetime import date

import pytest

from crm.base.errors import Refused
from crm.base.workdays import WorkingCalendar
from crm.followups.rules import Repeat, Repetition, next_due, repetition

JULY_15 = date(2026, 7, 15)  # Wednesday


@pytest.mark.parametrize(
    ("kind", "number", "due_on", "today", "following"),
    [
        (Repeat.DAYS, 14, JULY_15, JULY_15, date(2026, 7, 29)),
        (Repeat.DAYS, 1, JULY_15, date(2026, 7, 20), date(2026, 7, 21)),  # what was missed is gone
        (Repeat.DAYS, 7, JULY_15, date(2026, 7, 10), date(2026, 7, 22)),  # done before it was due
        (Repeat.WEEKLY, 3, JULY_15, JULY_15, date(2026, 7, 22)),
        (Repeat.WEEKLY, 1, JULY_15, JULY_15, date(2026, 7, 20)),
        (Repeat.MONTHLY, 15, JULY_15, JULY_15, date(2026, 8, 15)),
        (Repeat.MONTHLY, 31, date(2026, 1, 31), date(2026, 1, 31), date(2026, 2, 28)),
        (Repeat.MONTHLY, 31, date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 31)),
        (Repeat.MONTHLY, 30, date(2027, 12, 30), date(2028, 1, 31), date(2028, 2, 29)),
    ],
)
def test_the_next_date_comes_after_the_due_date_and_today(kind, number, due_on, today, following):
    assert next_due(Repetition(kind, number), due_on, today) == following


def test_a_rest_day_moves_to_the_working_day_that_follows_and_the_month_keeps_its_day():
    monthly = Repetition(Repeat.MONTHLY, 15)
    saturday = next_due(monthly, JULY_15, JULY_15, WorkingCalendar())

    assert saturday == date(2026, 8, 17)
    assert next_due(monthly, saturday, saturday, WorkingCalendar()) == date(2026, 9, 15)


def test_a_week_and_a_month_take_the_day_of_the_due_date():
    assert repetition(Repeat.WEEKLY, None, JULY_15) == Repetition(Repeat.WEEKLY, 3)
    assert repetition(Repeat.MONTHLY, None, JULY_15) == Repetition(Repeat.MONTHLY, 15)
    assert repetition(None, 5, JULY_15) is None


@pytest.mark.parametrize(("kind", "number"), [(Repeat.DAYS, None), (Repeat.MONTHLY, 32)])
def test_a_number_out_of_range_is_refused(kind, number):
    with pytest.raises(Refused, match="repeat_number"):
        repetition(kind, number, JULY_15)
