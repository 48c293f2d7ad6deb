"""What a list shows of leads, and what it costs."""

from datetime import date

import pytest

from crm.leads.lists import leads_page
from crm.leads.permissions import visible_to
from crm.leads.queries import LeadFilter
from crm.leads.rules import LeadRoleKind, Secrecy
from tests.factories import make_lead, make_person, make_role
from tests.leads.zone import PEOPLE, TODAY, make_zone

TRACKER = LeadRoleKind.TRACKER


def listed(db, viewer):
    return leads_page(db, viewer, TODAY, by=LeadFilter()).items


def test_a_lead_names_those_who_hold_a_role_today(db):
    zone = make_zone(db)
    first, second, former = (make_person(db, name) for name in ("an", "bo", "ce"))
    lead = make_lead(db, unit=zone.units["team"], tracker=first)
    make_role(db, lead, TRACKER, person=second, from_on=date(2026, 7, 1))
    make_role(db, lead, TRACKER, person=former).to_on = date(2026, 6, 30)
    make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=former)

    row = next(row for row in listed(db, zone.eyes("stranger")) if row.id == lead.id)

    assert row.holders == {
        LeadRoleKind.RESPONSIBLE_UNIT: zone.units["team"].name,
        TRACKER: "an同志、bo同志",
    }


@pytest.mark.parametrize("name", PEOPLE)
def test_a_list_has_the_leads_that_are_visible_and_no_others(db, name):
    zone = make_zone(db)
    make_role(db, zone.leads[Secrecy.RESTRICTED], TRACKER, person=zone.people["leader"])
    eyes = zone.eyes(name)

    unfiltered = {lead.id for lead in listed(db, eyes)}
    # read by another statement, as a text is asked for
    found = {lead.id for lead in leads_page(db, eyes, TODAY, by=LeadFilter(text="项目")).items}

    assert unfiltered == found == {lead.id for lead in db.scalars(visible_to(eyes, TODAY))}


def test_a_list_is_three_queries_however_many_leads_it_has(db, counted):
    zone = make_zone(db)
    for _ in range(20):
        make_lead(db, unit=zone.units["team"], tracker=zone.people["tracker"])
    me = zone.eyes("stranger")

    # the lines of the tiers are a fourth, which a process remembers
    with counted(4):
        listed(db, me)
