"""Receipts by how they stand: lists, sums and targets say the same (PROJECTS 8)."""

from datetime import date
from decimal import Decimal

import pytest

from crm.people.permissions import viewer
from crm.results.basis import Basis
from crm.results.money import MoneySum, total
from crm.results.money_figures import counted_money
from crm.results.receipt_filter import ReceiptFilter
from crm.results.receipt_queries import all_receipts, money_facts, standings
from crm.results.workflow import Step
from tests.conftest import NOW
from tests.results.conftest import project
from tests.results.money import claimed, decide, received

ON = date(2026, 7, 15)
JUNE = ReceiptFilter(first=date(2026, 6, 1), last=date(2026, 6, 30))
JULY = ReceiptFilter(first=date(2026, 7, 1), last=date(2026, 7, 31))


@pytest.fixture
def receipts(db, zone):
    """One in each state, all of June and so claimed late, but the one before recognition began."""
    lead = project(db, zone)
    rows = {
        basis: received(db, zone, date(2026, 6, 20 + n), lead=lead)
        for n, basis in enumerate(Basis)
        if basis not in (Basis.OTHER_YEAR, Basis.REGISTERED)
    }
    rows[Basis.REGISTERED] = received(db, zone, date(2026, 3, 2), lead=lead)
    claims = {
        basis: claimed(db, rows[basis], zone.li)
        for basis in (Basis.WAITING, Basis.RETURNED, Basis.RECOGNISED, Basis.REVOKED)
    }
    decide(db, claims[Basis.RETURNED], zone.economist, Step.RETURN)
    decide(db, claims[Basis.RECOGNISED], zone.economist)
    decide(db, claims[Basis.REVOKED], zone.economist)
    decide(db, claims[Basis.REVOKED], zone.economist, Step.REVOKE)
    return rows


def test_each_state_finds_its_receipts(db, zone, receipts):
    me = viewer(db, zone.li, ON)

    found = {
        basis: [row.id for row in all_receipts(db, me, ON, by=ReceiptFilter(basis=basis))]
        for basis in receipts
    }

    assert found == {basis: [row.id] for basis, row in receipts.items()}
    stand = standings(db, [*receipts.values()])
    assert {basis: stand[row.id].basis for basis, row in receipts.items()} == {
        basis: basis for basis in receipts
    }


def test_what_was_claimed_late_counts_in_the_month_of_its_claim_with_a_mark(db, zone, receipts):
    row = receipts[Basis.RECOGNISED]
    me = viewer(db, zone.li, ON)

    assert [row.id for row in all_receipts(db, me, ON, by=JUNE)] == [receipts[Basis.UNCLAIMED].id]
    assert standings(db, [row])[row.id].mark == "补报6月"


def test_registered_and_recognised_are_summed_beside_each_other(db, receipts):
    assert len(receipts) == 6
    assert total(money_facts(db, JULY)) == MoneySum(
        domestic=Decimal(120_000_000), recognised_domestic=Decimal(30_000_000)
    )


def test_the_list_and_the_targets_count_the_same(db, zone, receipts):
    listed = {fact.receipt_id: fact for fact in money_facts(db, ReceiptFilter())}
    counted = counted_money(db, first=date.min, last=date.max, at=NOW)

    assert len(counted) == len(receipts)
    assert {
        fact.receipt_id: (fact.on, fact.amount, fact.unit_id, fact.recognised) for fact in counted
    } == {key: (row.on, row.amount, row.unit_id, row.recognised) for key, row in listed.items()}
