"""Claims to money, each by its receipt (PROJECTS 7, 8)."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from crm.base.errors import Refused
from crm.base.money import Currency
from crm.leads.models import Lead
from crm.leads.tier_lines import tier_lines
from crm.leads.tiers import Tier
from crm.people.queries import unit_tree
from crm.results.contents import Decision
from crm.results.models import Claim
from crm.results.money_figures import counted_money
from crm.results.receipt_claims import claim_receipt_again
from crm.results.receipts import (
    ReceiptData,
    ReversalData,
    record_receipt,
    reverse_receipt,
    withdraw_receipt,
)
from crm.results.rules import ClaimState
from crm.results.service import take_step
from crm.results.workflow import Step
from crm.targets.money import with_money
from crm.targets.queries import units_of_target
from crm.targets.rules import Goal, Metric, TargetMeasure, progress_of
from tests.conftest import NOW
from tests.results.money import ARRIVED_ON, claim_data, claimed, decide, received


@pytest.fixture
def receipt(db, zone):
    return received(db, zone)


def test_money_claimed_in_time_counts_on_its_date_and_later_on_that_of_the_claim(db, zone):
    in_time = claimed(db, received(db, zone), zone.li)
    late = claimed(db, received(db, zone, date(2026, 6, 20)), zone.li)

    assert (in_time.counts_on, late.counts_on) == (ARRIVED_ON, date(2026, 7, 15))


def test_a_receipt_has_one_open_claim_and_one_recognition(db, zone, receipt):
    row = claimed(db, receipt, zone.li)
    with pytest.raises(Refused, match="already_claimed"):
        claimed(db, receipt, zone.li)

    decide(db, row, zone.economist)

    assert row.state is ClaimState.RECOGNISED
    with pytest.raises(Refused, match="already_recognised"):
        claimed(db, receipt, zone.li)


@pytest.mark.parametrize("state", [ClaimState.CLAIMED, ClaimState.RECOGNISED])
def test_the_database_refuses_a_second_one(db, zone, receipt, state):
    row = claimed(db, receipt, zone.li)
    if state is ClaimState.RECOGNISED:
        decide(db, row, zone.economist)
    copied = {c.key: getattr(row, c.key) for c in inspect(Claim).column_attrs if c.key != "id"}

    with pytest.raises(IntegrityError), db.begin_nested():
        db.add(Claim(**copied))


def test_two_receipts_of_a_project_are_claimed_each_for_itself(db, zone, receipt):
    data = ReceiptData(
        arrived_on=ARRIVED_ON,
        amount=Decimal(1),
        currency=Currency.CNY,
        form_id=receipt.form_id,
        payer="云海科技",
    )
    lead = db.get_one(Lead, receipt.lead_id)
    second = record_receipt(db, lead=lead, data=data, by=zone.li, now=NOW)

    rows = [claimed(db, receipt, zone.li), claimed(db, second, zone.li, amount=Decimal(1))]

    assert {row.receipt_id for row in rows} == {receipt.id, second.id}


def test_a_claimed_receipt_stays_as_it_is_and_may_be_reversed(db, zone, receipt):
    claimed(db, receipt, zone.li)

    with pytest.raises(Refused, match="receipt_is_claimed"):
        withdraw_receipt(db, row=receipt, by=zone.li, now=NOW)
    data = ReversalData(arrived_on=ARRIVED_ON, amount=Decimal(1), reason="多汇退回")
    assert reverse_receipt(db, row=receipt, data=data, by=zone.li, now=NOW).amount == -1


def test_a_returned_claim_is_claimed_again_in_its_first_month(db, zone, receipt):
    row = claimed(db, receipt, zone.li)
    decide(db, row, zone.economist, Step.RETURN)

    claim_receipt_again(db, row=row, data=claim_data(), by=zone.li, now=NOW)

    assert (row.state, row.round, row.counts_on) == (ClaimState.CLAIMED, 2, ARRIVED_ON)


def test_money_from_before_recognition_began_counts_as_registered(db, zone):
    with pytest.raises(Refused, match="counts_as_registered"):
        claimed(db, received(db, zone, date(2026, 3, 31)), zone.li)


def test_others_may_not_claim_it(db, zone, receipt):
    with pytest.raises(Refused, match="not_yours"):
        claimed(db, receipt, zone.economist)


def figure(db, zone, metric=Metric.MONEY):
    """What a target of the year of the whole zone has: registered, waiting, recognised."""
    units = unit_tree(db)
    goal = Goal(None, 2026, zone.top.id, metric, Tier.ANY, TargetMeasure.AMOUNT, Decimal(10**8))
    begun = progress_of(goal, "", units_of_target(units, zone.top.id), [], date(2026, 7, 1))
    money = counted_money(db, first=date(2026, 1, 1), last=date(2026, 12, 31), at=NOW)
    found = with_money(begun, money, units_of_target(units, zone.top.id), tier_lines(db))
    return found.registered, found.waiting, found.achieved


def test_money_counts_against_its_target_by_what_is_recognised_of_it(db, zone, receipt):
    whole = Decimal(30_000_000)
    unclaimed = figure(db, zone)
    row = claimed(db, receipt, zone.li)
    waiting = figure(db, zone)
    decision = Decision(amount=Decimal(20_000_000), less_reason="部分属借款", basis="进账单")
    take_step(db, row=row, step=Step.RECOGNISE, by=zone.economist, now=NOW, decision=decision)

    assert unclaimed == (whole, 0, 0)
    assert waiting == (whole, whole, 0)
    assert figure(db, zone) == (whole, 0, 20_000_000)
    assert figure(db, zone, Metric.FOREIGN) == (0, 0, 0)


def test_a_reversal_takes_from_the_figure_only_once_it_is_recognised(db, zone, receipt):
    decide(db, claimed(db, receipt, zone.li), zone.economist)
    data = ReversalData(arrived_on=ARRIVED_ON, amount=Decimal(10_000_000), reason="多汇退回")
    back = reverse_receipt(db, row=receipt, data=data, by=zone.li, now=NOW)
    before = figure(db, zone)

    decide(db, claimed(db, back, zone.li, amount=Decimal(10_000_000)), zone.economist)

    assert (before[2], figure(db, zone)[2]) == (30_000_000, 20_000_000)


def test_money_from_before_recognition_began_counts_in_the_figure_as_registered(db, zone):
    received(db, zone, date(2026, 3, 31))

    assert figure(db, zone) == (30_000_000, 0, 30_000_000)


def test_a_returned_claim_goes_with_its_withdrawn_receipt_and_is_not_claimed_again(
    db, zone, receipt
):
    row = claimed(db, receipt, zone.li)
    decide(db, row, zone.economist, Step.RETURN)

    withdraw_receipt(db, row=receipt, by=zone.li, now=NOW)

    assert row.state is ClaimState.WITHDRAWN
    with pytest.raises(Refused, match="claim_state"):
        claim_receipt_again(db, row=row, data=claim_data(), by=zone.li, now=NOW)
