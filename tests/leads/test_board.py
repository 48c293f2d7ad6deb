"""The board of leads by stage: sums, cards, pages of a column (PROJECTS 2)."""

from datetime import date
from decimal import Decimal

from crm.base.money import Currency
from crm.leads.board import FIRST, column_sums, first_cards, further_cards, usual_order
from crm.leads.queries import LeadFilter
from crm.leads.rules import LINE, Secrecy, Stage
from tests.factories import make_lead, make_milestone
from tests.leads.zone import TODAY, make_zone

SIGNED = LeadFilter(text="厂", stage=Stage.SIGNED)
ALL = LeadFilter(text="厂")


def test_a_column_sums_each_currency_and_counts_what_has_no_amount(db):
    zone = make_zone(db)
    for yi in ("1.2", "3", None):
        make_lead(db, "厂", stage=Stage.SIGNED, yi=yi)
    make_lead(db, "厂", stage=Stage.SIGNED, amount=Decimal(500), currency=Currency.USD)
    hidden = {"secrecy": Secrecy.RESTRICTED, "tracker": zone.people["tracker"]}
    make_lead(db, "厂", stage=Stage.SIGNED, yi="9", **hidden)

    sums = column_sums(db, zone.eyes("stranger"), TODAY, ALL)[Stage.SIGNED]

    assert sums.totals == {Currency.CNY: Decimal(420_000_000), Currency.USD: Decimal(500)}
    assert (sums.count, sums.without_amount) == (4, 1)


def test_a_column_shows_what_moved_last_first_and_goes_on_without_a_gap(db):
    zone = make_zone(db)
    leads = [make_lead(db, "厂", stage=Stage.SIGNED) for _ in range(FIRST + 5)]
    taken_up = make_lead(db, "厂", stage=Stage.SIGNED)
    make_milestone(db, taken_up, Stage.PARKED, date(2026, 6, 5))
    make_milestone(db, taken_up, Stage.SIGNED, date(2026, 7, 1))
    make_lead(db, "厂", stage=Stage.NEGOTIATING)
    eyes, order = zone.eyes("stranger"), usual_order()

    columns = first_cards(db, eyes, TODAY, ALL, LINE, order)
    first = columns[Stage.SIGNED]
    rest = further_cards(db, eyes, TODAY, by=SIGNED, cursor=first.older, order=order)

    assert [len(page.items) for page in columns.values() if page.items] == [1, FIRST]
    assert (first.items[0].lead.id, first.items[0].since) == (taken_up.id, date(2026, 7, 1))
    shown = [card.lead.id for page in (first, rest) for card in page.items]
    assert sorted(shown) == [*(lead.id for lead in leads), taken_up.id]
    assert rest.older is None


def test_only_whoever_may_change_a_lead_may_move_its_card(db):
    zone = make_zone(db)
    lead = make_lead(db, "厂", unit=zone.units["bureau"])

    def may_move(who):
        columns = first_cards(db, zone.eyes(who), TODAY, ALL, LINE, usual_order())
        return {card.lead.id: card.may_move for card in columns[Stage.FOLLOWING].items}[lead.id]

    assert may_move("tracker")
    assert not may_move("stranger")
