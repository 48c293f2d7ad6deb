"""Sizes of projects by the lines of their own currency and date (PROJECTS 1)."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from crm.base.errors import Refused
from crm.base.money import WAN, YI, Currency
from crm.leads.tier_lines import set_line, shipped_lines, tier_lines
from crm.leads.tiers import Tier, TierLine, TierLines
from crm.people.rules import Role
from tests.conftest import NOW
from tests.factories import make_person

LINES, TODAY = TierLines(shipped_lines()), NOW.date()
LATER = TODAY + timedelta(days=30)
NEW = TierLine(Tier.YI_20, Currency.USD, LATER, 20_000 * WAN)


@pytest.mark.parametrize(
    ("amount", "currency", "tier"),
    [
        (None, None, Tier.ANY),
        (YI - 1, Currency.CNY, Tier.ANY),
        (YI, Currency.CNY, Tier.YI_1),
        (10 * YI, Currency.CNY, Tier.YI_10),
        (20 * YI, Currency.CNY, Tier.YI_20),
        (150 * YI, Currency.CNY, Tier.YI_100),
        (3_000 * WAN, Currency.USD, Tier.YI_5),
        (9_999 * WAN, Currency.USD, Tier.YI_5),
        (10_000 * WAN, Currency.USD, Tier.YI_10),
        (90_000 * WAN, Currency.USD, Tier.YI_10),  # never by conversion
        (90_000 * WAN, Currency.EUR, Tier.ANY),
    ],
)
def test_the_size_of_a_project_is_told_in_its_own_currency(amount, currency, tier):
    assert LINES.tier_of(amount, currency, TODAY) is tier
    assert LINES.is_major(amount, currency, TODAY) is tier.reaches(Tier.YI_10)


def test_a_line_holds_from_its_date_on_and_moves_nothing_before():
    lines = TierLines((*LINES.rows, NEW, replace(NEW, tier=Tier.YI_5, threshold=None)))
    large, small = (Decimal(amount) * WAN for amount in (25_000, 4_000))

    found = [
        lines.tier_of(amount, Currency.USD, on)
        for amount in (large, small)
        for on in (LATER - timedelta(days=1), LATER)
    ]

    assert found == [Tier.YI_10, Tier.YI_20, Tier.YI_5, Tier.ANY]


@pytest.fixture
def admin(db):
    return make_person(db, "shan", role=Role.ADMIN)


def test_an_admin_sets_a_line_of_a_foreign_currency(db, admin):
    set_line(db, line=NEW, by=admin, now=NOW)
    set_line(db, line=replace(NEW, threshold=Decimal(30_000) * WAN), by=admin, now=NOW)

    assert tier_lines(db).of(Currency.USD, LATER)[Tier.YI_20] == 30_000 * WAN
    assert tier_lines(db).of(Currency.USD, TODAY) == LINES.of(Currency.USD, TODAY)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (replace(NEW, currency=Currency.CNY), "tier_is_in_yuan"),
        (replace(NEW, from_on=date(2026, 1, 1)), "line_in_past"),
        (replace(NEW, threshold=10_000 * WAN), "lines_out_of_order"),
        (replace(NEW, threshold=Decimal(0)), "bad_amount"),
    ],
)
def test_a_line_that_would_move_the_past_or_lie_wrong_is_refused(db, admin, line, code):
    with pytest.raises(Refused) as refused:
        set_line(db, line=line, by=admin, now=NOW)

    assert refused.value.code == code
