"""Dates of claims and recognised amounts (PROJECTS 7)."""

from datetime import date
from decimal import Decimal

import pytest

from crm.base.errors import Refused
from crm.results.rules import (
    ClaimKind,
    Span,
    check_counts_on,
    check_recognised,
    counts_on,
    is_carried,
    needs_recognition,
)

DECEMBER = date(2026, 12, 20)


@pytest.mark.parametrize(
    ("claimed_on", "counted_on"),
    [
        (date(2026, 12, 24), DECEMBER),
        (date(2027, 1, 31), DECEMBER),  # the last day in time
        (date(2027, 2, 1), date(2027, 1, 1)),
        (date(2028, 1, 31), date(2027, 1, 1)),
        (date(2028, 2, 1), date(2028, 1, 1)),
    ],
)
def test_a_fact_counts_on_its_date_until_31_january_and_then_on_the_new_years_first(
    claimed_on, counted_on
):
    assert counts_on(DECEMBER, claimed_on) == counted_on
    assert is_carried(DECEMBER, counted_on) is (counted_on.year > 2026)


@pytest.mark.parametrize(
    ("on", "code"),
    [
        (date(2026, 7, 5), "counts_before_reached"),
        (date(2026, 7, 21), "in_future"),
    ],
)
def test_it_counts_neither_before_its_milestone_nor_in_the_future(on, code):
    with pytest.raises(Refused) as refusal:
        check_counts_on(
            on,
            reached_on=date(2026, 7, 6),
            claimed_on=date(2026, 7, 20),
            today=date(2026, 7, 20),
        )

    assert refusal.value.code == code


def test_the_first_claim_decides_the_year_in_all_rounds():
    first, again = date(2027, 1, 31), date(2027, 2, 10)

    check_counts_on(DECEMBER, reached_on=DECEMBER, claimed_on=first, today=again)
    with pytest.raises(Refused, match="year_is_closed"):
        check_counts_on(DECEMBER, reached_on=DECEMBER, claimed_on=again, today=again)


def test_only_facts_within_the_dates_of_their_kind_need_a_recognition():
    spans = [Span(ClaimKind.SIGNED, date(2026, 7, 1), date(2026, 9, 30))]

    assert needs_recognition(spans, ClaimKind.SIGNED, date(2026, 7, 1))
    assert not needs_recognition(spans, ClaimKind.SIGNED, date(2026, 6, 30))
    assert not needs_recognition(spans, ClaimKind.SIGNED, date(2026, 10, 1))
    assert not needs_recognition(spans, ClaimKind.STARTED, date(2026, 7, 1))


def test_less_may_be_recognised_with_a_reason_and_never_more():
    claimed = Decimal(12)

    check_recognised(Decimal(12), claimed, None)
    check_recognised(Decimal(10), claimed, "分期部分未计")
    with pytest.raises(Refused, match="less_needs_reason"):
        check_recognised(Decimal(10), claimed, None)
    with pytest.raises(Refused, match="more_than_claimed"):
        check_recognised(Decimal(13), claimed, "理由")
