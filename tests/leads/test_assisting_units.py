"""Units that assist with a lead, as dated rows beside the responsible unit (PROJECTS 1)."""

from datetime import date

import pytest

from crm.base.errors import Refused
from crm.leads.exports import lead_rows
from crm.leads.permissions import may_see
from crm.leads.redaction import lead_labels
from crm.leads.roles import end_role, give_role
from crm.leads.rules import LeadRoleKind, Secrecy
from tests.conftest import NOW
from tests.factories import make_unit
from tests.leads.zone import TODAY, make_zone

ASSISTING = LeadRoleKind.ASSISTING_UNIT


def assist(db, zone, unit, lead, on=TODAY):
    by = zone.people["tracker"]
    return give_role(db, lead=lead, role=ASSISTING, holder=unit, from_on=on, by=by, now=NOW)


def test_several_units_may_assist_each_from_a_date_to_a_date(db):
    zone = make_zone(db)
    lead = zone.leads[Secrecy.OPEN]
    first = assist(db, zone, zone.units["other"], lead, date(2026, 7, 1))
    second = assist(db, zone, make_unit(db, "财政局"), lead)

    end_role(db, lead=lead, held=first, last_on=TODAY, by=zone.people["tracker"], now=NOW)

    assert (first.from_on, first.to_on) == (date(2026, 7, 1), TODAY)
    assert second.to_on is None
    row = next(row for row in lead_rows(db, None, TODAY) if row["ref"] == lead.ref)
    assert row["assisting_units_name"] == ["经发局", "财政局"]


def test_an_assisting_unit_is_no_person(db):
    zone = make_zone(db)

    with pytest.raises(Refused) as refusal:
        assist(db, zone, zone.people["stranger"], zone.leads[Secrecy.OPEN])

    assert refusal.value.code == "wrong_holder"


def test_assisting_shows_an_internal_lead_to_nobody(db):
    zone = make_zone(db)
    lead = zone.leads[Secrecy.INTERNAL]
    assist(db, zone, zone.units["other"], lead)

    for name in ("stranger", "other_supervisor"):
        eyes = zone.eyes(name)
        assert not may_see(db, eyes, lead.id, TODAY)
        assert lead_labels(db, eyes, [lead.id], TODAY)[lead.id].id is None
