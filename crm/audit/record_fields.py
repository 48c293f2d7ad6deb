"""The fields of records that entries of the trail name: what their values are, and what hides."""

from collections.abc import Mapping

from crm.base.fields import FieldKind, Fields
from crm.base.masking import masked_email, masked_phone
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.leads.fields import LEAD_FIELDS
from crm.leads.models import Company, Contact, Lead
from crm.people.fields import PERSON_FIELDS, POSTING_FIELDS
from crm.visits.fields import VISIT_FIELDS

# The records whose fields are declared, by the subject of their entries.
RECORDS: Mapping[str, Fields] = {
    "visit": VISIT_FIELDS,
    "lead": LEAD_FIELDS,
    "followup": FOLLOWUP_FIELDS,
    "person": PERSON_FIELDS,
    "posting": POSTING_FIELDS,
}


def _of_kinds(*kinds: FieldKind) -> frozenset[str]:
    declared = (field for fields in RECORDS.values() for field in fields.values())
    return frozenset(field.name for field in declared if field.kind in kinds)


# The fields that hold ids, by what the ids are of.
PEOPLE = _of_kinds(FieldKind.PERSON, FieldKind.PEOPLE) | {
    "agent_id",
    "entered_by_id",
    "entered_for_id",
    "officer_id",
    "on_behalf_of_id",
    "owner_id",
    "people",
}
UNITS = _of_kinds(FieldKind.UNIT) | {"unit_ids", "parent_id", "reached_unit_id"}
# Of contacts, in entries of what has some: no list of entries shows a number (PIPL).
_MASKS = {"phone": masked_phone, "email": masked_email}
_REACHED = {Company.__tablename__, Contact.__tablename__, Lead.__tablename__}


def masked(subject: str, field: str, text: str) -> str | None:
    """The text as it may be listed, where it reaches a contact; `None` of all others."""
    return _MASKS[field](text) if field in _MASKS and subject in _REACHED else None
