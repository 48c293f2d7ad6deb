"""Amounts of a lead by kind, with the rate of the day of signing (PROJECTS 1)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from crm.base.errors import Refused
from crm.base.money import Currency
from crm.leads.amount_models import LeadAmount
from crm.leads.amounts import amount_changes, held_amounts, is_plausible, keep_amounts
from crm.leads.models import Lead
from crm.leads.rate_entry import enter_rate
from crm.leads.rules import AmountKind, Stage
from crm.leads.service import correct_milestone, reach, withdraw_milestone
from crm.people.rules import Role
from tests.conftest import NOW
from tests.factories import make_amount, make_lead, make_person

TOTAL, FIXED = AmountKind.TOTAL, AmountKind.FIXED_ASSETS
SIGNED_ON = date(2026, 7, 10)  # Friday
USD_80M = (Decimal(80_000_000), Currency.USD)


@pytest.fixture
def admin(db):
    return make_person(db, "shan", role=Role.ADMIN)


@pytest.fixture
def lead(db, admin):
    return make_lead(db, amount=USD_80M[0], currency=Currency.USD, tracker=admin)


@pytest.fixture
def rate(db, admin):
    def enter(on, rate, currency=Currency.USD):
        enter_rate(db, on=on, currency=currency, rate=Decimal(rate), by=admin, now=NOW)

    return enter


def sign(db, lead, on=SIGNED_ON):
    return reach(db, lead=lead, kind=Stage.SIGNED, on=on, by=None, now=NOW)


def kept(db, lead):
    (row,) = held_amounts(db, lead.id)
    return row.rate, row.rate_on


def test_each_kind_has_an_amount_of_its_own(db, lead):
    amounts = {FIXED: (Decimal("30000000.50"), Currency.USD)}

    _, after = keep_amounts(db, lead, amounts, stated_on=None, by=None, now=NOW)

    rows = {row.kind: (row.amount, row.currency) for row in held_amounts(db, lead.id)}
    assert rows == {TOTAL: USD_80M, **amounts}
    assert after == {"fixed_assets": "30000000.5美元"}


def test_a_changed_amount_keeps_its_former_row(db, lead, admin):
    stated_on = date(2026, 7, 1)
    amounts = {TOTAL: (Decimal(500), Currency.CNY)}

    changes = keep_amounts(db, lead, amounts, stated_on=stated_on, by=admin, now=NOW)

    rows = db.scalars(select(LeadAmount).order_by(LeadAmount.id)).all()
    former, held = rows
    assert ((former.amount, former.currency), former.replaced_at) == (USD_80M, NOW)
    assert (held.amount, held.stated_on, held.entered_by_id) == (500, stated_on, admin.id)
    assert [(each.former, each.latter) for each in amount_changes(rows)] == [(former, held)]
    assert changes == (
        {"amount": USD_80M[0], "currency": Currency.USD},
        {"amount": Decimal(500), "currency": Currency.CNY},
    )


def test_an_amount_that_stays_makes_no_row(db, lead):
    changes = keep_amounts(db, lead, {TOTAL: USD_80M}, stated_on=None, by=None, now=NOW)

    assert changes == ({}, {})
    assert len(held_amounts(db, lead.id)) == 1


def test_an_amount_cannot_be_stated_in_the_future(db, lead):
    tomorrow = date(2026, 7, 16)

    with pytest.raises(Refused) as refusal:
        keep_amounts(db, lead, {TOTAL: None}, stated_on=tomorrow, by=None, now=NOW)

    assert (refusal.value.code, refusal.value.field) == ("in_future", "stated_on")


def test_the_database_copies_the_total_to_its_lead(db, lead):
    for amounts in ({TOTAL: (Decimal(7), Currency.EUR)}, {FIXED: USD_80M}):
        keep_amounts(db, lead, amounts, stated_on=None, by=None, now=NOW)
    assert (lead.amount, lead.currency) == (7, Currency.EUR)

    keep_amounts(db, lead, {TOTAL: None}, stated_on=None, by=None, now=NOW)
    assert (lead.amount, lead.currency) == (None, None)


def test_the_database_refuses_a_total_that_no_row_has(db, lead):
    change = update(Lead).where(Lead.id == lead.id).values(amount=Decimal(1))

    with pytest.raises(DBAPIError, match="lead_total"):
        db.execute(change)


def test_the_database_refuses_two_totals_that_hold(db, lead):
    with pytest.raises(DBAPIError, match="lead_amount"):
        make_amount(db, lead, Decimal(1))


def test_at_signing_the_rate_of_that_day_is_kept(db, lead, rate):
    rate(SIGNED_ON, "7.0832")

    sign(db, lead)

    assert kept(db, lead) == (Decimal("7.0832"), SIGNED_ON)


def test_the_kept_rate_is_frozen(db, lead, rate):
    rate(SIGNED_ON, "7.0832")
    sign(db, lead)

    rate(SIGNED_ON, "7.2")
    keep_amounts(db, lead, {TOTAL: (Decimal(9), Currency.USD)}, stated_on=None, by=None, now=NOW)

    assert kept(db, lead) == (Decimal("7.0832"), SIGNED_ON)


def test_a_rate_entered_after_the_signing_is_kept_then(db, lead, rate):
    sign(db, lead)
    assert kept(db, lead) == (None, None)

    rate(SIGNED_ON, "7.0832")

    assert kept(db, lead) == (Decimal("7.0832"), SIGNED_ON)


def test_a_day_without_rates_has_those_of_the_day_before_once_later_ones_are_known(db, lead, rate):
    sunday = date(2026, 7, 12)
    rate(SIGNED_ON, "7.0832")
    sign(db, lead, sunday)
    assert kept(db, lead) == (None, None)

    rate(sunday + timedelta(days=1), "7.1")

    assert kept(db, lead) == (Decimal("7.0832"), sunday)


def test_a_corrected_date_of_signing_has_its_own_rate_and_a_withdrawn_one_none(db, lead, rate):
    rate(SIGNED_ON, "7.0832")
    rate(date(2026, 7, 9), "7.09")
    step = sign(db, lead)
    why = {"reason": "日期有误", "by": None, "now": NOW}

    correct_milestone(db, lead=lead, milestone=step, on=date(2026, 7, 9), **why)
    assert kept(db, lead) == (Decimal("7.09"), date(2026, 7, 9))

    withdraw_milestone(db, lead=lead, milestone=step, **why)
    assert kept(db, lead) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"currency": Currency.CNY}, "yuan_has_no_rate"),
        ({"rate": Decimal(0)}, "bad_rate"),
        ({"rate": Decimal("7.123456789")}, "bad_rate"),
        ({"currency": Currency.JPY, "rate": Decimal("4.68")}, "rate_of_one_yen"),
        ({"on": date(2026, 7, 16)}, "in_future"),
    ],
)
def test_a_wrong_rate_is_refused(db, admin, wrong, code):
    given = {"on": SIGNED_ON, "currency": Currency.USD, "rate": Decimal(7)} | wrong

    with pytest.raises(Refused) as refusal:
        enter_rate(db, **given, by=admin, now=NOW)

    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("typed", "is_kept"),
    [
        ("-12.34", True),
        ("99999999999999.99", True),
        ("0.001", False),
        ("1E+14", False),
        ("9" * 200, False),
        ("0." + "1" * 200, False),
        ("NaN", False),
        ("sNaN", False),
        ("-Infinity", False),
    ],
)
def test_an_amount_has_whole_cents_and_a_size_that_can_be(typed, is_kept):
    assert is_plausible(Decimal(typed)) is is_kept
