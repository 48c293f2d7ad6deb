"""A contact erased on request: a pseudonym wherever the data stand as data (PIPL 47)."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.audit_entries import WithheldEntry
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.leads.models import Contact, Lead
from crm.people.models import Person
from crm.people.rules import Role
from crm.personal_data.places import Places, places_of
from crm.personal_data.rules import (
    PersonalData,
    met_without,
    position_without,
    text_without,
    value_without,
)
from crm.personal_data.uploads import erase_uploads
from crm.visits.models import Visit, VisitCompany


def erase_contact(
    db: Session, *, contact: Contact, basis: str, by: Person, now: datetime
) -> Places:
    """Replace the contact's data everywhere, and withhold what the trail says of them.

    What people wrote in sentences stays: `free_texts` lists it. Refused as `not_yours`, `required`,
    `erased_already`.
    """
    if by.role is not Role.ADMIN:
        raise Refused("not_yours")
    if not basis.strip():
        raise Refused("required", field="basis")
    take_exclusive_lock(db)  # nothing is to be written of the contact meanwhile
    db.refresh(contact)
    if contact.erased_at:
        raise Refused("erased_already")

    places = places_of(db, contact)
    _withhold(db, places)
    _erase_records(places, now)
    _erase_copies(places)
    erase_uploads(db, places.data)
    db.flush()

    _record(db, places, basis.strip(), by=by, now=now)
    return places


def _withhold(db: Session, places: Places) -> None:
    """Show the values of these entries to nobody; the chain goes over them as they are."""
    # the trail is only ever added to; its old entries are purged by themselves
    for entry in places.entries:
        db.merge(WithheldEntry(entry_id=entry.id))


def _erase_records(places: Places, now: datetime) -> None:
    data = places.data
    for contact in places.contacts:
        contact.name, contact.erased_at = data.pseudonym, now
        contact.position = contact.phone = contact.email = None
    records: list[VisitCompany | Visit] = [*places.met, *places.visits]
    for row in records:
        if row.met:
            row.position = position_without(row.met, row.position, data)
            row.met = met_without(row.met, data)
    for followup in places.followups:
        followup.met = met_without(followup.met or "", data)
    for proposal in places.proposals:
        proposal.value = data.pseudonym
        proposal.position = proposal.phone = proposal.email = None
    for file in places.files:
        file.name = text_without(file.name, data)


def _erase_copies(places: Places) -> None:
    """What follows from the records, or keeps what they were."""
    data = places.data
    for merge in places.merges:
        merge.journal = _json_without(merge.journal, data)
        if merge.merged_name in data.names:
            merge.merged_name = data.pseudonym
    for made in places.imported:
        made.before = _json_without(made.before or "null", data)
    for message in places.messages:
        message.subject = text_without(message.subject, data)
        message.body_text = text_without(message.body_text, data)
        message.body_html = text_without(message.body_html, data)
    for digest in places.digests:
        digest.document = text_without(digest.document, data)
    for answer in places.answers:
        answer.answer = text_without(answer.answer or "", data)


def _json_without(text: str, data: PersonalData) -> str:
    return json.dumps(value_without(json.loads(text), data), ensure_ascii=False)


def _record(db: Session, places: Places, basis: str, *, by: Person, now: datetime) -> None:
    """The entries: none says whose data they were."""
    pseudonym = places.data.pseudonym
    after = {"contact": pseudonym, "reason": basis}
    record(db, "contact.erased", places.contacts[0], by=by, at=now, after=after)

    named = {"contact": pseudonym}
    rows: Sequence[Any] = [places.company, *places.visits, *places.followups, *_leads(db, places)]
    for row in rows:
        subject = row.__tablename__
        record(db, f"{subject}.contact_erased", row, by=by, at=now, after=named)


def _leads(db: Session, places: Places) -> list[Lead]:
    """The leads that had the contact or a file of that name."""
    ids = {contact.lead_id for contact in places.contacts}
    ids |= {file.record_id for file in places.files if file.record is Lead}
    return [db.get_one(Lead, lead_id) for lead_id in sorted(filter(None, ids))]


def counts(places: Places) -> dict[str, int]:
    """How many rows of each kind the data stand in, without those where they do not."""
    found = {
        "contacts": len(places.contacts),
        "visits": len(places.visits),
        "followups": len(places.followups),
        "proposals": len(places.proposals),
        "files": len(places.files),
        "merges": len(places.merges),
        "imported": len(places.imported),
        "messages": len(places.messages) + len(places.digests),
        "answers": len(places.answers),
        "entries": len(places.entries),
    }
    return {kind: count for kind, count in found.items() if count}
