"""A unit offers to assist with another's lead (PROJECTS 6)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.outbox import Message
from crm.leads.assistance import offer_assistance, offers_of, offers_waiting
from crm.leads.models import AssistanceOffer
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Unit
from tests.conftest import NOW
from tests.factories import make_role
from tests.leads.zone import make_zone

SITE = Site("https://crm.test", "crm@crm.test")


@pytest.fixture
def zone(db):
    return make_zone(db)


def offer(db, zone, who, secrecy=Secrecy.OPEN):
    lead, by = zone.leads[secrecy], zone.people[who]
    return offer_assistance(db, lead=lead, by=by, now=NOW, site=SITE)


def test_an_offer_to_assist_is_told_to_tracker_and_supervisor_once(db, zone):
    counts = [offer(db, zone, "stranger"), offer(db, zone, "stranger")]

    people = db.scalars(select(Message.person_id)).all()
    assert counts == [2, 0]
    assert set(people) == {zone.people["tracker"].id, zone.people["supervisor"].id}
    assert "经发局申请作为协办单位" in db.scalars(select(Message.body_text)).first()


def test_an_offer_stands_on_the_lead_and_waits_for_the_supervisor_until_the_unit_assists(db, zone):
    lead, supervisor = zone.leads[Secrecy.OPEN], zone.eyes("supervisor")

    offer(db, zone, "stranger")
    offer(db, zone, "stranger")

    assert [made.unit for made in offers_of(db, lead.id)] == ["经发局"]
    assert [row.id for row in offers_waiting(db, supervisor, NOW)] == [lead.id]
    assert offers_waiting(db, zone.eyes("tracker"), NOW) == []
    assert offers_waiting(db, supervisor, NOW + timedelta(days=15)) == []
    unit = db.get_one(Unit, db.scalar(select(AssistanceOffer.unit_id)))
    make_role(db, lead, LeadRoleKind.ASSISTING_UNIT, unit=unit)
    assert offers_waiting(db, supervisor, NOW) == []


@pytest.mark.parametrize(
    ("who", "secrecy", "why"),
    [
        ("colleague", Secrecy.OPEN, "unit_on_lead"),
        ("stranger", Secrecy.RESTRICTED, "no_such_lead"),
        ("admin", Secrecy.OPEN, "no_unit"),
    ],
)
def test_an_offer_is_refused(db, zone, who, secrecy, why):
    with pytest.raises(Refused, match=why):
        offer(db, zone, who, secrecy)
