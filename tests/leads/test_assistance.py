"""A unit offers to assist with another's lead (PROJECTS 6)."""

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.outbox import Message
from crm.leads.assistance import offer_assistance
from crm.leads.rules import Secrecy
from tests.conftest import NOW
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
