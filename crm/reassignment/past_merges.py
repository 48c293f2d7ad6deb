"""The merges of a record, standing or taken back, as far as a viewer may know (PROJECTS 6)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, false, or_, select
from sqlalchemy.orm import Session, aliased

from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.leads.company_queries import visible_company
from crm.leads.merged import Merge, Mergeable, standing_merges
from crm.leads.models import Company, Contact, Lead
from crm.leads.permissions import visible
from crm.leads.redaction import companies_with_hidden_leads
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.reassignment.merge_rights import mergeable

NAMES = {
    Mergeable.COMPANY: Company.name,
    Mergeable.CONTACT: Contact.name,
    Mergeable.LEAD: Lead.title,
}


@value_class
class PastMerge:
    """A merge, who made it, and who took it back."""

    merge: Merge
    survivor: str
    merged_by: str
    undone_by: str | None
    may_open: bool  # the page where it is taken back


def past_merges(
    db: Session, viewer: Viewer, ids: Mapping[Mergeable, Collection[int]], on: date
) -> list[PastMerge]:
    """The merges of the records of those ids, the first first."""
    # most records were never merged, and are spared the query
    if not _merged_ever(db).intersection((kind, one) for kind, some in ids.items() for one in some):
        return []
    of_them = (
        and_(Merge.subject == kind, or_(Merge.survivor_id.in_(some), Merge.merged_id.in_(some)))
        for kind, some in ids.items()
    )
    return _known(db, viewer, or_(*of_them), on)


def _merged_ever(db: Session) -> frozenset[tuple[Mergeable, int]]:
    """Every record of a merge, by kind and id."""
    return remembered(db, "merged ever", read=lambda: _read_merged(db))


def _read_merged(db: Session) -> frozenset[tuple[Mergeable, int]]:
    query = select(Merge.subject, Merge.survivor_id, Merge.merged_id)
    return frozenset((row.subject, one) for row in db.execute(query) for one in row[1:])


def past_merge(db: Session, viewer: Viewer, merge_id: int, on: date) -> PastMerge | None:
    """The merge, where the viewer may take it back; none: 404."""
    found = _known(db, viewer, Merge.id == merge_id, on)
    return next((past for past in found if past.may_open), None)


def _known(
    db: Session, viewer: Viewer, condition: ColumnElement[bool], on: date
) -> list[PastMerge]:
    merger, undoer = aliased(Person), aliased(Person)
    query = (
        select(Merge, merger.name, undoer.name)
        .join(merger, merger.id == Merge.merged_by_id)
        .outerjoin(undoer, undoer.id == Merge.undone_by_id)
        .where(condition)
        .order_by(Merge.id)
    )
    rows = db.execute(query).all()
    records = {
        kind: _records(db, viewer, kind, [row[0] for row in rows if row[0].subject is kind], on)
        for kind in {row[0].subject for row in rows}
    }

    found = []
    for merge, merged_by, undone_by in rows:
        seen = records[merge.subject]
        survivor = seen.get(merge.survivor_id)
        if survivor and _tells_other(merge, survivor, seen, viewer):
            # what was merged in turn has no page of its own
            may_open = survivor.may_merge and survivor.id == merge.survivor_id
            found.append(PastMerge(merge, survivor.name, merged_by, undone_by, may_open))
    return found


def _tells_other(
    merge: Merge, survivor: Row[Any], seen: Mapping[int, Row[Any]], viewer: Viewer
) -> bool:
    """Whether the viewer may read the name of the record that was merged (REGIME 2)."""
    if merge.undone_at is not None:
        return merge.merged_id in seen
    # it may have come with a hidden lead
    return not survivor.hides or merge.merged_by_id == viewer.person_id


def _records(
    db: Session, viewer: Viewer, kind: Mergeable, merges: Sequence[Merge], on: date
) -> dict[int, Row[Any]]:
    """By id, what the viewer may see of the records of merges, or of what became of them since."""
    ids = {merge.survivor_id for merge in merges} | {merge.merged_id for merge in merges}
    further = select(Merge.merged_id, Merge.survivor_id).where(
        *standing_merges(kind), Merge.merged_id.in_(ids)
    )
    now = {record_id: record_id for record_id in ids} | dict(db.execute(further).all())
    name, (seen, hides) = NAMES[kind], _sight(kind, viewer, on)
    table = name.class_
    query = select(
        table.id,
        name.label("name"),
        hides.label("hides"),
        mergeable(db, kind, viewer, on).label("may_merge"),
    )
    rows = {row.id: row for row in db.execute(query.where(table.id.in_(now.values()), seen))}
    return {was: rows[became] for was, became in now.items() if became in rows}


def _sight(
    kind: Mergeable, viewer: Viewer, on: date
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Which records the viewer sees, and of which more may have come with a hidden lead."""
    if kind is Mergeable.LEAD:
        return visible(viewer, on), false()
    hiding = companies_with_hidden_leads(viewer, on)
    if kind is Mergeable.COMPANY:
        return visible_company(viewer, on), Company.id.in_(hiding)

    companies = select(Company.id).where(visible_company(viewer, on))
    hides = Contact.company_id.in_(hiding)
    with_hidden = exists().where(Lead.id == Contact.lead_id, ~visible(viewer, on))
    told = ~with_hidden & (Contact.lead_id.is_not(None) | ~hides)
    return Contact.company_id.in_(companies) & told, hides
