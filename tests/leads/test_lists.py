"""What a list shows of leads, and what it costs."""

from datetime import date

from crm.leads.lists import leads_page
from crm.leads.queries import LeadFilter
from crm.leads.rules import LeadRoleKind
from tests.factories import make_lead, make_person, make_role
from tests.leads.zone import TODAY, make_zone

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


def test_a_list_is_two_queries_however_many_leads_it_has(db, counted):
    zone = make_zone(db)
    for _ in range(20):
        make_lead(db, unit=zone.units["team"], tracker=zone.people["tracker"])
    me = zone.eyes("stranger")

    with counted(2):
        listed(db, me)
