"""What digests read of leads: lists only what the viewer may see, totals everything."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.money import Currency
from crm.leads.models import Lead
from crm.leads.results import major, moved, new_leads, together, unit_results
from crm.leads.rules import MilestoneKind, Secrecy, is_major
from tests.factories import make_lead, make_milestone
from tests.leads.zone import make_zone

WEEK = (date(2026, 7, 6), date(2026, 7, 12))
AS_OF: datetime = at_civil(date(2026, 7, 13)) + timedelta(hours=7, minutes=30)


def sign_all(db, zone):
    for lead in zone.leads.values():
        make_milestone(db, lead, MilestoneKind.SIGNED, date(2026, 7, 8))


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("tracker", set(Secrecy)),
        ("supervisor", {Secrecy.OPEN, Secrecy.INTERNAL}),
        ("leader", {Secrecy.OPEN, Secrecy.INTERNAL}),
        ("other_supervisor", set()),
        ("stranger", set()),
        ("reader", set()),
    ],
)
def test_what_moved_is_told_of_leads_that_concern_and_are_seen(db, name, seen):
    zone = make_zone(db)
    sign_all(db, zone)

    told = moved(db, zone.eyes(name), *WEEK, as_of=AS_OF)

    assert {step.lead.secrecy for step in told} == seen


def test_what_was_entered_after_the_moment_is_not_there(db):
    zone = make_zone(db)
    lead = zone.leads[Secrecy.OPEN]
    late = AS_OF + timedelta(minutes=1)
    make_milestone(db, lead, MilestoneKind.SIGNED, date(2026, 7, 8), entered_at=late)
    given = {"entered_on": date(2026, 7, 8), "entered_at": late}
    make_lead(db, tracker=zone.people["tracker"], **given)
    eyes = zone.eyes("tracker")

    assert moved(db, eyes, *WEEK, as_of=AS_OF) == []
    assert new_leads(db, eyes, *WEEK, as_of=AS_OF) == []
    assert unit_results(db, *WEEK, as_of=AS_OF) == {}


def test_new_leads_are_told_to_those_near(db):
    zone = make_zone(db)
    given = {"entered_on": WEEK[1], "entered_at": at_civil(WEEK[1])}
    lead = make_lead(db, unit=zone.units["team"], **given)

    assert [new.ref for new in new_leads(db, zone.eyes("leader"), *WEEK, as_of=AS_OF)] == [lead.ref]
    assert new_leads(db, zone.eyes("stranger"), *WEEK, as_of=AS_OF) == []


def test_totals_of_units_include_restricted_leads(db):
    zone = make_zone(db)
    lead = zone.leads[Secrecy.RESTRICTED]
    lead.amount, lead.currency = Decimal(1200000000), Currency.CNY
    sign_all(db, zone)

    result = unit_results(db, *WEEK, as_of=AS_OF)[zone.units["bureau"].id]

    assert (result.signed, result.moved, result.new) == (3, 3, 0)
    assert result.signed_amounts == {Currency.CNY: Decimal(1200000000)}


def test_a_project_is_signed_once(db):
    zone = make_zone(db)
    lead = zone.leads[Secrecy.OPEN]
    make_milestone(db, lead, MilestoneKind.SIGNED, date(2026, 7, 1))
    make_milestone(db, lead, MilestoneKind.SIGNED, date(2026, 7, 8))

    assert unit_results(db, *WEEK, as_of=AS_OF) == {}


def test_a_lead_without_a_unit_stands_under_none(db):
    lead = make_lead(db)
    make_milestone(db, lead, MilestoneKind.SIGNED, date(2026, 7, 8))

    assert unit_results(db, *WEEK, as_of=AS_OF)[None].signed == 1


def test_units_add_up(db):
    zone = make_zone(db)
    sign_all(db, zone)
    lead = make_lead(db, unit=zone.units["team"], yi="3")
    make_milestone(db, lead, MilestoneKind.SIGNED, date(2026, 7, 9))

    whole = together(unit_results(db, *WEEK, as_of=AS_OF).values())

    assert (whole.signed, whole.signed_amounts) == (4, {Currency.CNY: Decimal(300_000_000)})


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (Decimal(1_000_000_000), Currency.CNY),
        (Decimal("999999999.99"), Currency.CNY),
        (Decimal(100_000_000), Currency.USD),
        (Decimal(99_999_999), Currency.USD),
        (Decimal(1_000_000_000), Currency.JPY),
        (None, None),
    ],
)
def test_the_database_knows_a_major_lead_as_the_rule_does(db, amount, currency):
    lead = make_lead(db, amount=amount, currency=currency)

    found = db.scalar(select(Lead.id).where(Lead.id == lead.id, major()))

    assert (found is not None) is is_major(amount, currency)


def test_results_cost_two_queries_whatever_the_zone(db, counted):
    zone = make_zone(db)
    sign_all(db, zone)
    for _ in range(20):
        make_lead(db, unit=zone.units["team"])

    with counted(2):
        unit_results(db, *WEEK, as_of=AS_OF)
