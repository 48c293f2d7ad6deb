"""A zone with two recognising units, a company that claims, and signings since the spring."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest

from crm.base.money import Currency
from crm.leads.rules import Agreement, LeadRoleKind, Stage
from crm.people.rules import Duty, Role
from crm.results.contents import ClaimData
from crm.results.models import ClaimKindSetting, ClaimKindSpan, Exclusion
from crm.results.rules import ClaimKind
from crm.results.service import claim
from tests.conftest import NOW
from tests.factories import make_lead, make_milestone, make_person, make_role, make_unit

FROM = date(2026, 4, 1)
SIGNED_ON = date(2026, 7, 6)


def arrange(db):
    """The zone's units and people, by the names that tests call them by."""
    top = make_unit(db, "开发区")
    office = make_unit(db, "招商局", parent=top, coordinates=True)
    economy = make_unit(db, "经济发展局", parent=top)
    company = make_unit(db, "招商服务公司", parent=top)
    staff = {"role": Role.SUPERVISOR, "duty": Duty.STAFF}
    for kind in ClaimKind:
        unit = office if kind is ClaimKind.SIGNED else economy
        db.add(ClaimKindSetting(kind=kind, unit_id=unit.id, evidence="正式投资协议"))
    for kind in (ClaimKind.SIGNED, ClaimKind.STARTED, ClaimKind.COMPLETED):
        db.add(ClaimKindSpan(kind=kind, from_on=FROM))
    db.add(Exclusion(sentence="本地企业搬迁", position=1))
    db.flush()

    return SimpleNamespace(
        top=top,
        office=office,
        economy=economy,
        company=company,
        officer=make_person(db, "officer", unit=office, **staff),
        second=make_person(db, "second", unit=office, **staff),
        economist=make_person(db, "economist", unit=economy, **staff),
        chief=make_person(db, "chief", unit=company, **staff),
        li=make_person(db, "li", unit=company),
        wang=make_person(db, "wang", unit=company),
        leader=make_person(db, "leader", role=Role.LEADER, duty=Duty.DEPUTY, unit=top),
        admin=make_person(db, "admin", role=Role.ADMIN, duty=Duty.STAFF, unit=top),
        reader=make_person(db, "reader", role=Role.READER, duty=Duty.STAFF, unit=top),
    )


def project(db, zone, *, unit=None, reached=(Stage.SIGNED,), on=SIGNED_ON, **given):
    """A project of 12亿元 that the company tracks, signed in July."""
    given = {"yi": "12", "tracker": zone.li, "entered_on": date(2026, 1, 5)} | given
    lead = make_lead(db, unit=unit or zone.company, **given)
    for kind in reached:
        make_milestone(db, lead, kind, on)
    return lead


def claim_data(**given):
    """What a valid claim says."""
    values = {
        "counts_on": SIGNED_ON,
        "amount": Decimal(1_200_000_000),
        "currency": Currency.CNY,
        "agreement": Agreement.FORMAL,
        "document_number": "投资协议",
        "document_issuer": "招商局",
        "document_on": SIGNED_ON,
        "is_declared": True,
    }
    return ClaimData(**values | given)


def claimed(db, lead, by, kind=ClaimKind.SIGNED, now=NOW, **given):
    """A claim, as its service makes it."""
    return claim(db, lead=lead, kind=kind, data=claim_data(**given), by=by, now=now)


def lead_it(db, lead, person):
    """Attach the person to the project as its leader."""
    make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=person)


@pytest.fixture
def zone(db):
    return arrange(db)
