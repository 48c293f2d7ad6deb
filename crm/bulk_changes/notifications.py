"""One message to each who has the next move after a change of many leads (PROJECTS 2)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.base.value_class import value_class
from crm.bulk_changes.journal import Change
from crm.bulk_changes.models import BulkChange
from crm.bulk_changes.rules import Asked, BulkKind
from crm.leads.permissions import supervisors_of_unit
from crm.leads.redaction import lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.queries import people_by_id


def readers_of(
    db: Session, asked: Asked, changes: Sequence[Change], on: date
) -> dict[int, int | None]:
    """By lead, who tracks, answers for or follows it up from now on."""
    match asked.kind:
        case BulkKind.TRACKER:
            reader_id = asked.person_id
        case BulkKind.UNIT if asked.unit_id:
            reader_id = next(iter(supervisors_of_unit(db, asked.unit_id, on)), None)
        case BulkKind.FOLLOWUP:
            return {change.lead_id: change.before["person_id"] for change in changes}
        case _:
            reader_id = None
    return {change.lead_id: reader_id for change in changes}


@value_class
class Told:
    """What the messages tell: the change with its rows, or that it was undone."""

    bulk: BulkChange
    changes: Sequence[Change]
    asked: Asked | None  # none: it was undone


def tell(db: Session, told: Told, *, by: Person, now: datetime, site: Site) -> int:
    """Tell each who has the next move, or had it until the undoing; how many."""
    mine: defaultdict[int, list[int]] = defaultdict(list)
    for change in told.changes:
        if change.reader_id is not None:
            mine[change.reader_id].append(change.lead_id)
    readers = people_by_id(db, mine)

    return sum(
        _post(db, told, mine[reader.id], to=reader, by=by, now=now, site=site)
        for reader in readers.values()
        if reader.id != by.id and not reader.is_disabled(now)
    )


def _post(  # noqa: PLR0913 - one message, whole
    db: Session,
    told: Told,
    lead_ids: Sequence[int],
    *,
    to: Person,
    by: Person,
    now: datetime,
    site: Site,
) -> bool:
    labels = lead_labels(db, viewer(db, to, civil_date(now)), lead_ids, civil_date(now))
    content = {
        "reader": to,
        "by": by,
        "kind": told.bulk.kind.value,
        "asked": told.asked,
        "leads": [labels[lead_id] for lead_id in lead_ids],
    }
    step = "made" if told.asked else "undone"
    key = f"{MessageKind.BULK.value}:{told.bulk.id}:{to.username}:{step}"
    envelope = Envelope(MessageKind.BULK, key, now)
    return post(db, envelope, person=to, site=site, **content)
