"""Changes many leads as one, and takes that back as one within the hour (PROJECTS 2)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.audit_entries import AuditEntry
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.value_class import value_class
from crm.bulk_changes.journal import Change, read, written
from crm.bulk_changes.making import Making, change_one
from crm.bulk_changes.models import BulkChange
from crm.bulk_changes.notifications import Told, readers_of, tell
from crm.bulk_changes.rules import Asked, BulkKind, may_undo
from crm.bulk_changes.undoing import undo_one
from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.leads.redaction import lead_labels
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.rules import WITH_RECORDS


@value_class
class Outcome:
    """What became of one lead: changed, refused, or (neither) as asked already."""

    lead_id: int
    change: Change | None = None
    refusal: Refused | None = None


class RowsRefusedError(Refused):
    """One row or several are refused, and so nothing is changed."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        refused = sum(outcome.refusal is not None for outcome in outcomes)
        super().__init__("rows_refused", count=refused)
        self.outcomes = outcomes


def change_each(
    db: Session, *, lead_ids: Sequence[int], asked: Asked, by: Person, now: datetime
) -> list[Outcome]:
    """Change each of the leads, in this order; one that is refused stays as it is."""
    hold_leads(db, lead_ids)
    by_id = {lead.id: lead for lead in db.scalars(select(Lead).where(Lead.id.in_(lead_ids)))}
    outcomes = []

    for lead_id in lead_ids:
        if lead_id not in by_id:  # merged while this change waited for it
            outcomes.append(Outcome(lead_id, refusal=Refused("rows_gone", count=1)))
            continue
        try:
            with db.begin_nested():
                change = change_one(Making(db, by_id[lead_id], by, now), asked)
        except Refused as refusal:
            outcomes.append(Outcome(lead_id, refusal=refusal))
        else:
            outcomes.append(Outcome(lead_id, change))

    return outcomes


def change_leads(  # noqa: PLR0913 - a change, whole
    db: Session,
    *,
    lead_ids: Sequence[int],
    asked: Asked,
    key: str,
    by: Person,
    now: datetime,
    site: Site,
) -> BulkChange:
    """Change all the leads or none; the same key by the same person is the same change.

    Refused as `rows_refused` and `nothing_to_change`.
    """
    hold_leads(db, lead_ids)
    if made := made_under(db, key, by):
        return made

    outcomes = change_each(db, lead_ids=lead_ids, asked=asked, by=by, now=now)
    if any(outcome.refusal for outcome in outcomes):
        raise RowsRefusedError(outcomes)
    changes = [outcome.change for outcome in outcomes if outcome.change]
    if not changes:
        raise Refused("nothing_to_change")

    entries = _last_entries(db, asked.kind, changes)
    readers = readers_of(db, asked, changes, civil_date(now))
    kept = [
        replace(
            change,
            entry_id=entries[_subject_id(asked.kind, change)],
            reader_id=readers[change.lead_id],
        )
        for change in changes
    ]
    bulk = BulkChange(
        key=key,
        kind=asked.kind,
        made_by_id=by.id,
        made_at=now,
        count=len(kept),
        journal=written(kept),
    )
    db.add(bulk)
    after = {"kind": asked.kind, "entries": len(kept)}
    record(db, "bulk_change.made", bulk, by=by, at=now, after=after)
    tell(db, Told(bulk, kept, asked), by=by, now=now, site=site)

    return bulk


def undo_change(db: Session, *, bulk: BulkChange, by: Person, now: datetime, site: Site) -> None:
    """Make all leads what they were before; one that is undone already stays so.

    Whoever made the change may take it back, although it may have led a lead out of their scope.
    Refused as `not_yours`, `bulk_undo_too_late`, `rows_changed_since`, `last_named`.
    """
    if bulk.made_by_id != by.id or by.role not in WITH_RECORDS:
        raise Refused("not_yours")
    db.refresh(bulk, with_for_update=True)
    if bulk.undone_at is not None:
        return
    if not may_undo(bulk.made_at, now):
        raise Refused("bulk_undo_too_late")

    changes = read(bulk.journal)
    _require_unchanged(db, bulk.kind, changes, by=by, now=now)
    for change in changes:
        undo_one(Making(db, db.get_one(Lead, change.lead_id), by, now), bulk.kind, change)

    bulk.undone_at = now
    record(db, "bulk_change.undone", bulk, by=by, at=now, after={"entries": bulk.count})
    tell(db, Told(bulk, changes, None), by=by, now=now, site=site)


def made_under(db: Session, key: str, by: Person) -> BulkChange | None:
    """The change that the person made with the form of that key."""
    query = select(BulkChange).where(BulkChange.key == key, BulkChange.made_by_id == by.id)
    return db.scalar(query)


def hold_leads(db: Session, lead_ids: Sequence[int]) -> None:
    """Lock the leads until the transaction ends, always in one order: two never wait in a ring."""
    ordered = select(Lead.id).where(Lead.id.in_(lead_ids)).order_by(Lead.id)
    db.execute(ordered.with_for_update())


def _require_unchanged(
    db: Session, kind: BulkKind, changes: Sequence[Change], *, by: Person, now: datetime
) -> None:
    """Refuse where a lead or follow-up was changed since, naming those that `by` may see."""
    lead_ids = [change.lead_id for change in changes]
    hold_leads(db, lead_ids)
    known = set(db.scalars(select(Lead.id).where(Lead.id.in_(lead_ids))))
    entries = _last_entries(db, kind, changes)
    changed = [
        change.lead_id
        for change in changes
        if change.lead_id not in known or entries.get(_subject_id(kind, change)) != change.entry_id
    ]
    if not changed:
        return

    on = civil_date(now)
    labels = lead_labels(db, viewer(db, by, on), known.intersection(changed), on)
    names = sorted({label.text for label in labels.values()}) or ["已合并的线索"]
    raise Refused("rows_changed_since", leads="、".join(names))


def _subject_id(kind: BulkKind, change: Change) -> int:
    if kind is BulkKind.FOLLOWUP:
        assert change.made_id is not None  # noqa: S101 - of this kind
        return change.made_id
    return change.lead_id


def _last_entries(db: Session, kind: BulkKind, changes: Sequence[Change]) -> dict[int, int]:
    """By lead or follow-up, the last entry of the trail about it."""
    db.flush()
    table = Followup if kind is BulkKind.FOLLOWUP else Lead
    query = (
        select(AuditEntry.subject_id, func.max(AuditEntry.id))
        .where(
            AuditEntry.subject == table.__tablename__,
            AuditEntry.subject_id.in_([_subject_id(kind, change) for change in changes]),
        )
        .group_by(AuditEntry.subject_id)
    )
    return dict(db.execute(query).all())
