"""Receipts of money: recorded, changed, taken back, withdrawn (PROJECTS 8)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.money import Currency
from crm.leads.models import Milestone
from crm.leads.rate_entry import enter_rate
from crm.leads.rules import Secrecy
from crm.results.receipt_forms import form_rows, plant_forms
from crm.results.receipts import (
    ReceiptData,
    ReversalData,
    change_receipt,
    keep_missing_rates,
    record_receipt,
    reverse_receipt,
    withdraw_receipt,
)
from tests.conftest import NOW
from tests.results.conftest import project

ARRIVED_ON = date(2026, 7, 10)


@pytest.fixture
def forms(db):
    plant_forms(db, NOW)
    return {form.code: form.id for form in form_rows(db)}


def received(db, zone, lead, forms, *, form="paid_in_capital", amount=30_000_000, by=None, **given):
    """A receipt of 3,000万元, as its service records it."""
    values = {
        "arrived_on": ARRIVED_ON,
        "amount": Decimal(amount),
        "currency": Currency.CNY,
        "form_id": forms[form],
        "payer": "云海科技",
    }
    data = ReceiptData(**values | given)
    return record_receipt(db, lead=lead, data=data, by=by or zone.li, now=NOW)


def taken_back(db, zone, row, amount, **given):
    values = {"arrived_on": ARRIVED_ON, "amount": Decimal(amount), "reason": "多汇退回"}
    data = ReversalData(**values | given)
    return reverse_receipt(db, row=row, data=data, by=zone.li, now=NOW)


def rate(db, zone, currency, on, value):
    enter_rate(db, on=on, currency=currency, rate=Decimal(value), by=zone.admin, now=NOW)


class TestRecording:
    def test_the_first_receipt_makes_the_milestone_and_no_second_one(self, db, zone, forms):
        lead = project(db, zone)

        received(db, zone, lead, forms)
        received(db, zone, lead, forms, amount=1)

        kinds = db.scalars(select(Milestone).where(Milestone.lead_id == lead.id)).all()
        first = [row.reached_on for row in kinds if row.kind == "first_money"]
        assert first == [ARRIVED_ON]

    def test_a_form_sent_twice_records_one_receipt(self, db, zone, forms):
        lead = project(db, zone)

        first = received(db, zone, lead, forms, ref="R260710-AAAAAA")

        assert received(db, zone, lead, forms, ref="R260710-AAAAAA") is first

    def test_a_lead_hidden_from_them_takes_no_receipt(self, db, zone, forms):
        hidden = project(db, zone, secrecy=Secrecy.RESTRICTED, code_name="代号一")

        with pytest.raises(Refused, match="not_yours"):
            received(db, zone, hidden, forms, by=zone.wang)

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"amount": 0}, "bad_amount"),
            ({"amount": "0.001"}, "bad_amount"),
            ({"arrived_on": date(2026, 7, 16)}, "in_future"),
            ({"payer": " "}, "required"),
            ({"account_tail": "12a4"}, "bad_account_tail"),
        ],
    )
    def test_bad_values_are_refused_at_their_field(self, db, zone, forms, given, code):
        with pytest.raises(Refused, match=code) as refused:
            received(db, zone, project(db, zone), forms, **given)

        assert refused.value.field == next(iter(given))


class TestRates:
    def test_the_form_decides_the_line_and_money_in_its_currency_needs_no_rate(
        self, db, zone, forms
    ):
        lead = project(db, zone)
        cash = received(db, zone, lead, forms, form="foreign_cash", currency=Currency.USD)

        assert (cash.rate, cash.dollar_rate, cash.counted_amount) == (None, None, cash.amount)

    def test_the_rates_of_the_date_of_arrival_are_kept(self, db, zone, forms):
        rate(db, zone, Currency.USD, ARRIVED_ON, "7.2")
        rate(db, zone, Currency.EUR, ARRIVED_ON, "8.1")
        given = {"form": "foreign_cash", "currency": Currency.EUR, "amount": 900}

        row = received(db, zone, project(db, zone), forms, **given)
        rate(db, zone, Currency.EUR, ARRIVED_ON, "9.9")

        assert (row.rate, row.dollar_rate) == (Decimal("8.1"), Decimal("7.2"))
        assert row.counted_amount == Decimal("1012.50")

    def test_without_a_rate_it_counts_nothing_until_the_rate_is_entered(self, db, zone, forms):
        lead = project(db, zone)
        row = received(db, zone, lead, forms, form="offshore_yuan", amount=7_200)
        before = row.counted_amount

        rate(db, zone, Currency.USD, ARRIVED_ON, "7.2")
        keep_missing_rates(db, by=zone.admin, now=NOW)

        assert (before, row.counted_amount) == (None, Decimal(1000))


class TestReversals:
    def test_takes_back_part_of_a_receipt_at_its_rate(self, db, zone, forms):
        rate(db, zone, Currency.USD, ARRIVED_ON - timedelta(days=9), "7.2")
        rate(db, zone, Currency.USD, ARRIVED_ON, "7.5")
        given = {"form": "offshore_yuan", "amount": 7_200}
        lead = project(db, zone)
        row = received(db, zone, lead, forms, arrived_on=ARRIVED_ON - timedelta(days=9), **given)

        back = taken_back(db, zone, row, 720)

        assert (back.amount, back.counted_amount, back.reverses_id) == (-720, -100, row.id)

    def test_more_than_is_left_of_the_receipt_is_refused(self, db, zone, forms):
        row = received(db, zone, project(db, zone), forms, amount=1000)
        taken_back(db, zone, row, 600)

        with pytest.raises(Refused, match="more_than_received"):
            taken_back(db, zone, row, 401)

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"reason": " "}, "required"),
            ({"arrived_on": ARRIVED_ON - timedelta(days=1)}, "before_receipt"),
            ({"arrived_on": date(2026, 7, 16)}, "in_future"),
        ],
    )
    def test_it_needs_a_reason_and_a_date_from_the_receipts_on(self, db, zone, forms, given, code):
        row = received(db, zone, project(db, zone), forms)

        with pytest.raises(Refused, match=code):
            taken_back(db, zone, row, 1, **given)

    def test_a_receipt_with_a_reversal_is_neither_changed_nor_withdrawn(self, db, zone, forms):
        row = received(db, zone, project(db, zone), forms)
        taken_back(db, zone, row, 1)

        with pytest.raises(Refused, match="has_reversals"):
            withdraw_receipt(db, row=row, by=zone.li, now=NOW)


def test_a_receipt_that_was_changed_takes_the_rate_of_its_new_date(db, zone, forms):
    rate(db, zone, Currency.USD, ARRIVED_ON - timedelta(days=1), "7.0")
    rate(db, zone, Currency.USD, ARRIVED_ON, "7.2")
    row = received(db, zone, project(db, zone), forms, form="offshore_yuan", amount=7_200)
    data = ReceiptData(
        arrived_on=ARRIVED_ON - timedelta(days=1),
        amount=Decimal(7_000),
        currency=Currency.CNY,
        form_id=forms["offshore_yuan"],
        payer="云海科技",
    )

    change_receipt(db, row=row, data=data, by=zone.li, now=NOW)

    assert (row.dollar_rate, row.counted_amount) == (7, 1000)
