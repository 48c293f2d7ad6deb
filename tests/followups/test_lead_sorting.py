"""The list of leads sorted by each of its columns, page by page (PROJECTS 2)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from crm.base.money import Currency
from crm.followups.lead_sorting import LeadColumn, LeadSort
from crm.leads.amount_models import ExchangeRate
from crm.leads.lists import leads_page
from crm.leads.queries import LeadFilter
from crm.leads.rules import Secrecy, Stage
from tests.conftest import NOW
from tests.factories import make_followup, make_lead, make_person, make_unit, make_visit
from tests.leads.zone import TODAY, make_zone

SORTS = [LeadSort(column, down) for column in LeadColumn for down in (False, True)]


def page(db, zone, sort, cursor=None):
    eyes = zone.eyes("stranger")
    order = sort.order(TODAY)
    return leads_page(db, eyes, TODAY, by=LeadFilter(text="厂"), cursor=cursor, order=order)


def fill(db, zone):
    """Three leads that differ in every column, and one that has nothing to sort by."""
    units = [make_unit(db, name) for name in ("一处", "三处", "二处")]
    people = [make_person(db, name) for name in ("an", "bo", "ce")]
    amounts = ((7, Currency.CNY), (10, Currency.CNY), (1, Currency.USD))
    for n, (name, (amount, currency)) in enumerate(zip("安波厕", amounts, strict=True)):
        lead = make_lead(
            db,
            f"{name}厂",
            unit=units[n],
            tracker=people[n],
            stage=list(Stage)[n],
            amount=Decimal(amount),
            currency=currency,
        )
        make_followup(db, lead, people[n], what=f"{n}", due_on=TODAY + timedelta(days=n))
        make_visit(db, people[n], date(2026, 7, 1 + n), leads=[lead])
    db.add(ExchangeRate(on=TODAY, currency=Currency.USD, rate=Decimal(8), entered_at=NOW))
    make_lead(db, "底厂", stage=Stage.LOST)
    db.flush()


@pytest.mark.parametrize("column", LeadColumn)
def test_leads_are_sorted_by_any_column_either_way_and_those_without_come_last(db, column):
    zone = make_zone(db)
    fill(db, zone)

    up, down = (
        [lead.title[0] for lead in page(db, zone, LeadSort(column, is_down)).items]
        for is_down in (False, True)
    )

    # 7 yuan, 8 yuan for a dollar, 10 yuan
    in_order = "安厕波" if column is LeadColumn.AMOUNT else "安波厕"
    has_all = column in (LeadColumn.TITLE, LeadColumn.STAGE)
    assert "".join(up) == f"{in_order}底"
    assert "".join(down) == (f"底{in_order[::-1]}" if has_all else f"{in_order[::-1]}底")


def test_pages_of_a_sorted_list_follow_each_other_and_back(db):
    zone = make_zone(db)
    fill(db, zone)
    for n in range(70):
        lead = make_lead(db, f"厂{n % 7}", amount=Decimal(n % 5 + 1) if n % 2 else None)
        lead.currency = Currency.CNY if n % 2 else None
    db.flush()

    for sort in SORTS:
        first = page(db, zone, sort)
        second = page(db, zone, sort, first.older)
        third = page(db, zone, sort, second.older)
        ids = [lead.id for page in (first, second, third) for lead in page.items]

        assert len(ids) == len(set(ids)) == 74, sort.code
        assert (first.newer, third.older) == (None, None), sort.code
        assert page(db, zone, sort, second.newer).items == first.items, sort.code
        assert page(db, zone, sort, third.newer).items == second.items, sort.code


@pytest.mark.parametrize("column", [LeadColumn.AMOUNT, LeadColumn.DUE, LeadColumn.STAGE])
def test_a_cursor_that_was_tampered_with_is_the_first_page_of_a_sorted_list(db, column):
    zone = make_zone(db)
    fill(db, zone)

    for cursor in ("", "x", "o_=nan_1", "o_=2026-13-01_1", "n_", "o_=1_x"):
        found = page(db, zone, LeadSort(column, is_descending=False), cursor)
        assert len(found.items) == 4, cursor


def test_a_sorted_list_has_no_hidden_lead(db):
    zone = make_zone(db)
    make_lead(db, "密厂", secrecy=Secrecy.RESTRICTED, code_name="代号")

    assert page(db, zone, LeadSort(LeadColumn.DUE, is_descending=False)).items == []
