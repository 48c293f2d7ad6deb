"""How leads are called before a viewer: the query and the predicate agree (REGIME 2)."""

from datetime import date
from itertools import product

import pytest

from crm.leads.redaction import LabelsFor, lead_labels, named_leads
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.permissions import viewer
from crm.people.queries import units_held
from crm.people.rules import Duty, Role
from tests.factories import make_lead, make_person, make_posting, make_role, make_unit

ON = date(2026, 7, 20)


@pytest.fixture
def units(db):
    """A bureau with a team below it, and a park beside it."""
    top = make_unit(db, "滨海开发区")
    bureau, park = make_unit(db, "投资促进局", parent=top), make_unit(db, "综合保税区", parent=top)
    return {"bureau": bureau, "team": make_unit(db, "招商一部", parent=bureau), "park": park}


@pytest.fixture
def person(db, units, role):
    """Someone of the bureau who is also posted in the park until the day before."""
    someone = make_person(db, "someone", role=role, unit=units["bureau"], duty=Duty.STAFF)
    ended = {"is_primary": False, "to_on": date(2026, 7, 19)}
    make_posting(db, someone, unit=units["park"], duty=Duty.STAFF, **ended)
    return someone


@pytest.fixture
def lead_ids(db, units, person):
    """Leads of each secrecy and unit, on which the person is named, was named, or is not."""
    ids = set()
    for secrecy, unit, named in product(Secrecy, (*units.values(), None), ("", "now", "before")):
        title = f"{secrecy} {unit and unit.name} {named}"
        lead = make_lead(db, title, unit=unit, secrecy=secrecy, code_name=f"代号{len(ids)}")
        if named:
            named_role = make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=person)
            named_role.to_on = date(2026, 7, 19) if named == "before" else None
        ids.add(lead.id)
    return ids


@pytest.mark.parametrize("role", Role)
def test_leads_read_once_are_called_as_the_query_says(db, person, lead_ids):
    reader = viewer(db, person, ON)
    own_units = units_held(db, [person.id], ON)[person.id]

    labels = LabelsFor(named_leads(db, lead_ids, ON), reader, own_units)

    assert {lead_id: labels[lead_id] for lead_id in lead_ids} == lead_labels(
        db, reader, lead_ids, ON
    )
