"""One message to each who has the next move after a change of many leads (PROJECTS 2)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.bulk_changes.journal import Change
from crm.bulk_changes.models import BulkChange
from crm.bulk_changes.rules import Asked, BulkKind
from crm.leads.permissions import supervisors_of_unit
from crm.leads.redaction import lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.queries import people_by_id


def tell(  # noqa: PLR0913 - one message, whole
    db: Session,
    *,
    bulk: BulkChange,
    asked: Asked,
    changes: Sequence[Change],
    by: Person,
    now: datetime,
    site: Site,
) -> int:
    """Tell each who tracks, answers for or follows up the leads from now on; how many."""
    mine: defaultdict[int, list[int]] = defaultdict(list)
    for reader_id, lead_id in _next_moves(db, asked, changes, civil_date(now)):
        mine[reader_id].append(lead_id)
    readers = people_by_id(db, mine)

    return sum(
        _post(db, bulk, asked, mine[reader.id], to=reader, by=by, now=now, site=site)
        for reader in readers.values()
        if reader.id != by.id and not reader.is_disabled(now)
    )


def _next_moves(
    db: Session, asked: Asked, changes: Sequence[Change], on: date
) -> Iterator[tuple[int, int]]:
    """Pairs of a person and a lead."""
    if asked.kind is BulkKind.TRACKER and asked.person_id:
        yield from ((asked.person_id, change.lead_id) for change in changes)
    if asked.kind is BulkKind.UNIT and asked.unit_id:
        for reader_id in supervisors_of_unit(db, asked.unit_id, on)[:1]:
            yield from ((reader_id, change.lead_id) for change in changes)
    if asked.kind is BulkKind.FOLLOWUP:
        yield from ((change.before["person_id"], change.lead_id) for change in changes)


def _post(  # noqa: PLR0913 - one message, whole
    db: Session,
    bulk: BulkChange,
    asked: Asked,
    lead_ids: Sequence[int],
    *,
    to: Person,
    by: Person,
    now: datetime,
    site: Site,
) -> bool:
    on = civil_date(now)
    labels = lead_labels(db, viewer(db, to, on), lead_ids, on)
    content = {
        "reader": to,
        "by": by,
        "kind": bulk.kind.value,
        "asked": asked,
        "leads": [labels[lead_id] for lead_id in lead_ids],
    }
    envelope = Envelope(MessageKind.BULK, f"{MessageKind.BULK.value}:{bulk.id}:{to.username}", now)
    return post(db, envelope, person=to, site=site, **content)
