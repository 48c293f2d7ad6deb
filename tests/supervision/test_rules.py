"""REGIME 5: due dates by kind, overdue, escalation one level up the tree at a time."""

from datetime import date

import pytest

from crm.base.workdays import WorkingCalendar
from crm.supervision.rules import (
    OrderKind,
    OrderState,
    days_overdue,
    due_on,
    escalates_on,
    may_ask_extension,
    next_level,
    number_text,
)

CALENDAR = WorkingCalendar()
TEAM, BUREAU, ZONE = CHAIN = [3, 2, 1]


@pytest.mark.parametrize(
    ("kind", "issued", "due"),
    [
        (OrderKind.URGENT, date(2026, 7, 15), date(2026, 7, 20)),  # Wednesday: over a weekend
        (OrderKind.URGENT, date(2026, 9, 29), date(2026, 10, 9)),  # over the National Day
        (OrderKind.URGENT, date(2026, 7, 18), date(2026, 7, 22)),  # issued on a Saturday
        (OrderKind.NORMAL, date(2026, 7, 15), date(2026, 7, 30)),
        (OrderKind.LONG, date(2026, 7, 15), date(2026, 8, 14)),
    ],
)
def test_the_due_date_goes_by_the_kind(kind, issued, due):
    assert due_on(kind, issued, CALENDAR) == due


@pytest.mark.parametrize(
    ("state", "days"),
    [
        (OrderState.ISSUED, 2),
        (OrderState.RECEIVED, 2),
        (OrderState.RETURNED, 2),
        (OrderState.ANSWERED, 0),
        (OrderState.ACCEPTED, 0),
        (OrderState.DRAFT, 0),
    ],
)
def test_an_order_is_overdue_only_while_the_leading_unit_has_to_act(state, days):
    assert days_overdue(state, date(2026, 7, 13), date(2026, 7, 15)) == days


def test_on_its_due_date_an_order_is_not_overdue():
    assert days_overdue(OrderState.ISSUED, date(2026, 7, 15), date(2026, 7, 15)) == 0


def test_an_extension_is_asked_for_before_the_due_date():
    due = date(2026, 7, 15)

    assert may_ask_extension(due, date(2026, 7, 14))
    assert not may_ask_extension(due, due)


@pytest.mark.parametrize(
    ("due", "last", "following"),
    [
        (date(2026, 7, 15), None, date(2026, 7, 16)),
        (date(2026, 7, 15), date(2026, 7, 16), date(2026, 7, 21)),  # 3 working days on
        (date(2026, 7, 15), date(2026, 7, 21), date(2026, 7, 24)),
        (date(2026, 8, 15), date(2026, 7, 21), date(2026, 8, 16)),  # the date was extended since
    ],
)
def test_it_escalates_past_the_due_date_and_then_every_three_working_days(due, last, following):
    assert escalates_on(due, last, CALENDAR) == following


@pytest.mark.parametrize(
    ("reached", "held", "step"),
    [
        (None, {TEAM, BUREAU, ZONE}, (1, BUREAU)),
        (BUREAU, {TEAM, BUREAU, ZONE}, (2, ZONE)),
        (ZONE, {TEAM, BUREAU, ZONE}, None),
        (None, {TEAM, ZONE}, (2, ZONE)),  # nobody oversees in the bureau
        (None, {TEAM}, None),
    ],
)
def test_it_goes_one_level_up_the_tree_at_a_time_to_the_top(reached, held, step):
    assert next_level(CHAIN, reached, held) == step


def test_an_order_that_the_top_leads_escalates_to_the_top():
    assert next_level([ZONE], None, {ZONE}) == (0, ZONE)
    assert next_level([ZONE], ZONE, {ZONE}) is None


def test_a_number_is_written_as_printed_on_documents():
    assert number_text("开督", 2026, 3) == "开督〔2026〕3号"
