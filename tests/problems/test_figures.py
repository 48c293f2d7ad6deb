"""The figures of problems over a span (PROJECTS 5)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.base.clock import at_civil
from crm.problems.figures import Change, Figure, ProblemFacts, Span, by_category, figures
from crm.problems.rules import ProblemState, days_overdue, due_after_break, orders_from
from tests.problems.conftest import CALENDAR

JULY = Span(at_civil(date(2026, 7, 1)), at_civil(date(2026, 8, 1)))
DUE = date(2026, 8, 31)
NOON = timedelta(hours=12)


def problem(problem_id, *changes, category=1, due=DUE):
    """A problem with its states from dates on, at noon."""
    rows = [Change(at_civil(on) + NOON, ProblemState(state), due) for on, state in changes]
    return ProblemFacts(problem_id, category, rows)


OPEN = problem(1, (date(2026, 6, 20), "raised"), (date(2026, 6, 22), "taken"))
RAISED = problem(2, (date(2026, 7, 5), "raised"))
CLOSED = problem(3, (date(2026, 6, 11), "raised"), (date(2026, 7, 1), "closed"))
BOTH = problem(4, (date(2026, 7, 2), "raised"), (date(2026, 7, 12), "closed"), category=2)
SHELVED = problem(5, (date(2026, 6, 1), "raised"), (date(2026, 6, 9), "shelved"))
WITHDRAWN = problem(6, (date(2026, 7, 6), "raised"), (date(2026, 7, 7), "withdrawn"))
BEFORE = problem(7, (date(2026, 5, 1), "raised"), (date(2026, 6, 30), "closed"))
AFTER = problem(8, (date(2026, 8, 1), "raised"))
LATER = problem(9, (date(2026, 7, 30), "raised"), (date(2026, 8, 2), "withdrawn"))
ALL = [OPEN, RAISED, CLOSED, BOTH, SHELVED, WITHDRAWN, BEFORE, AFTER, LATER]


def test_each_figure_has_its_rows():
    july = figures(ALL, JULY)

    assert july.ids[Figure.OPEN_AT_START] == {1, 3, 5}
    assert july.ids[Figure.RAISED] == {2, 4, 9}
    assert july.ids[Figure.CLOSED] == {3, 4}
    assert july.ids[Figure.LEFT] == {1, 2, 5, 9}


def test_the_rate_is_closed_of_what_was_open_at_the_start_or_raised():
    july = figures(ALL, JULY)

    assert july.closing_rate == Decimal("33.3")
    assert figures([], JULY).closing_rate is None


def test_shelved_problems_stay_in_the_base_and_withdrawn_ones_leave_it():
    assert figures([SHELVED, CLOSED], JULY).closing_rate == Decimal("50.0")
    assert figures([WITHDRAWN, CLOSED], JULY).closing_rate == Decimal("100.0")


def test_a_figure_of_the_past_does_not_move_when_a_problem_is_withdrawn_later():
    assert figures([LATER], JULY).base == 1
    assert figures([LATER], Span(JULY.ends, at_civil(date(2026, 9, 1)))).base == 0


@pytest.mark.parametrize(
    ("state", "due", "expected"),
    [
        ("taken", date(2026, 7, 30), {1}),
        ("taken", date(2026, 7, 31), set()),  # the due date is the last day in time
        ("passed_on", date(2026, 7, 1), {1}),
        ("solved", date(2026, 7, 1), set()),  # the owner has done it
        ("shelved", date(2026, 7, 1), set()),
    ],
)
def test_overdue_are_those_past_their_due_date_with_the_owner_to_act(state, due, expected):
    rows = [problem(1, (date(2026, 6, 20), "raised"), (date(2026, 6, 21), state), due=due)]

    assert figures(rows, JULY).ids[Figure.OVERDUE] == expected


@pytest.mark.parametrize(("rows", "expected"), [([], None), ([CLOSED], 20), ([CLOSED, BOTH], 15.0)])
def test_the_median_of_the_days_to_close(rows, expected):
    assert figures(rows, JULY).median_days == expected


def test_the_figures_by_category():
    july = by_category(ALL, JULY)

    assert {key: found.count(Figure.CLOSED) for key, found in july.items()} == {1: 1, 2: 1}


states = st.sampled_from([state for state in ProblemState if state is not ProblemState.RAISED])


@given(st.lists(st.tuples(st.integers(0, 60), st.lists(st.tuples(st.integers(0, 40), states)))))
def test_what_is_left_and_closed_is_what_was_open_or_raised(drawn):
    first = date(2026, 6, 1)
    rows = []
    for number, (began, steps) in enumerate(drawn):
        on, changes = first + timedelta(began), [(first + timedelta(began), "raised")]
        for days, state in steps:
            on += timedelta(days)
            changes.append((on, state))
            if state in (ProblemState.CLOSED, ProblemState.WITHDRAWN):
                break
        rows.append(problem(number, *changes))

    found = figures(rows, JULY).ids

    assert found[Figure.OPEN_AT_START] | found[Figure.RAISED] == (
        found[Figure.CLOSED] | found[Figure.LEFT]
    )
    assert found[Figure.OVERDUE] <= found[Figure.LEFT]


@pytest.mark.parametrize(("day", "expected"), [(30, 0), (31, 1)])
def test_a_problem_is_overdue_from_the_day_after_its_due_date(day, expected):
    assert days_overdue(ProblemState.TAKEN, date(2026, 7, 30), date(2026, 7, day)) == expected


def test_three_working_days_after_it_became_overdue_it_becomes_an_order():
    # due on Thursday, overdue on Friday
    assert orders_from(date(2026, 7, 30), CALENDAR) == date(2026, 8, 5)


def test_the_days_on_the_shelf_do_not_count():
    back = due_after_break(date(2026, 7, 30), date(2026, 7, 10), date(2026, 8, 10))

    assert back == date(2026, 8, 30)
