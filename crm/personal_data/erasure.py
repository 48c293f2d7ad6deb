"""A contact erased on request: a pseudonym wherever the data stand as data (PIPL 47)."""

import json
from collections.abc import Collection
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
from crm.personal_data.free_texts import replace_in_texts
from crm.personal_data.places import Places, places_of
from crm.personal_data.rules import (
    PersonalData,
    met_without,
    position_without,
    text_without,
    value_without,
)
from crm.personal_data.scopes import UNREAD
from crm.personal_data.uploads import erase_uploads
from crm.visits.batch_insert import require_none_hidden
from crm.visits.models import Visit, VisitCompany


def erase_contact(  # noqa: PLR0913 - whose data, why, and in which sentences
    db: Session,
    *,
    contact: Contact,
    basis: str,
    sentences: Collection[str] = (),
    by: Person,
    now: datetime,
) -> Places:
    """Replace the contact's data everywhere, and withhold what the trail says of them.

    Of what people wrote the texts of these keys alone, as `free_texts` lists them. Refused as
    `not_yours`, `required`, `erased_already`, `visits_unpublished`.
    """
    if by.role is not Role.ADMIN:
        raise Refused("not_yours")
    if not basis.strip():
        raise Refused("required", field="basis")
    take_exclusive_lock(db)  # nothing is to be written of the contact meanwhile
    db.refresh(contact)
    if contact.erased_at:
        raise Refused("erased_already")
    require_none_hidden(db)  # a visit that is not found would keep the data

    places = places_of(db, contact)
    _withhold(db, places)
    written = replace_in_texts(db, places, sentences)
    _erase_records(places, now)
    _erase_copies(places)
    erase_uploads(db, places.data)
    db.flush()

    _record(db, places, written, basis.strip(), by=by, now=now)
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
        proposal.reason = proposal.reason and text_without(proposal.reason, data)
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
    for change in places.bulk:
        change.journal = _json_without(change.journal, data)
    for kept in places.kept:
        kept.reason = text_without(kept.reason, data)
    for message in places.messages:
        message.subject = text_without(message.subject, data)
        message.body_text = text_without(message.body_text, data)
        message.body_html = text_without(message.body_html, data)
    for digest in places.digests:
        digest.document = text_without(digest.document, data)
    for answer in places.answers:
        answer.answer = answer.answer and text_without(answer.answer, data)
        answer.messages = answer.messages and text_without(answer.messages, data)


def _json_without(text: str, data: PersonalData) -> str:
    return json.dumps(value_without(json.loads(text), data), ensure_ascii=False)


def _record(  # noqa: PLR0913 - the places, and who erased why
    db: Session,
    places: Places,
    written: Collection[tuple[type[Any], int]],
    basis: str,
    *,
    by: Person,
    now: datetime,
) -> None:
    """The entries: none says whose data they were."""
    pseudonym = places.data.pseudonym
    after = {"contact": pseudonym, "reason": basis}
    record(db, "contact.erased", places.contacts[0], by=by, at=now, after=after)

    named = {"contact": pseudonym}
    of_files = [(file.record, file.record_id) for file in places.files]
    of_leads = [(Lead, contact.lead_id) for contact in places.contacts if contact.lead_id]
    others = sorted({*written, *of_files, *of_leads}, key=lambda pair: (pair[0].__name__, pair[1]))
    rows: list[Any] = [places.company, *places.visits, *places.followups]
    rows += [db.get_one(table, row_id) for table, row_id in others if table not in UNREAD]
    for row in dict.fromkeys(rows):
        subject = row.__tablename__
        record(db, f"{subject}.contact_erased", row, by=by, at=now, after=named)


def counts(places: Places) -> dict[str, int]:
    """How many rows of each kind the data stand in, without those where they do not."""
    found = {
        "contacts": len(places.contacts),
        "visits": len(places.visits),
        "followups": len(places.followups),
        "proposals": len(places.proposals),
        "files": len(places.files),
        "merges": len(places.merges),
        "imported": len(places.imported) + len(places.bulk),
        "messages": len(places.messages) + len(places.digests),
        "answers": len(places.answers),
        "entries": len(places.entries),
    }
    return {kind: count for kind, count in found.items() if count}
