"""The history of an order, and its entries in the audit trail."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.people.models import Person
from crm.supervision.models import Order, OrderEntry
from crm.supervision.rules import EntryKind


def note(  # noqa: PLR0913 - an entry has that many parts
    db: Session,
    order: Order,
    kind: EntryKind,
    *,
    by: Person | None,
    now: datetime,
    text: str | None = None,
    new_due_on: date | None = None,
) -> OrderEntry:
    """Add to the order's history."""
    entry = OrderEntry(
        order_id=order.id,
        kind=kind,
        text=text,
        new_due_on=new_due_on,
        at=now,
        by_id=by.id if by else None,
    )

    db.add(entry)
    # the keys of mails contain the entry's id
    db.flush()
    return entry


def note_and_record(  # noqa: PLR0913 - as note
    db: Session,
    order: Order,
    kind: EntryKind,
    *,
    by: Person | None,
    now: datetime,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    text: str | None = None,
    new_due_on: date | None = None,
) -> OrderEntry:
    """Add to the order's history and to the audit trail."""
    entry = note(db, order, kind, by=by, now=now, text=text, new_due_on=new_due_on)
    # the trail is sealed, so it keeps the words as well as the values
    values = {**(after or {}), **({"text": text} if text else {})}
    record(db, f"order.{kind.value}", order, by=by, at=now, before=before, after=values or None)

    return entry
