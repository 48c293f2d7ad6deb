"""Two companies, contacts or leads become one, and for 30 days two again (PROJECTS 6)."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.db import Base
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.value_class import value_class
from crm.followups.last_contact import keep_last_contacts
from crm.leads import search_index
from crm.leads.amount_models import LeadAmount
from crm.leads.merged import Merge, Mergeable
from crm.leads.models import (
    Company,
    CompanyAlias,
    Contact,
    Lead,
    LeadRole,
    Milestone,
    lead_search,
    spelled_company,
)
from crm.leads.own_field_models import LeadOwnValue
from crm.leads.own_fields import own_fields
from crm.leads.progress import follow_milestones
from crm.leads.rules import FINAL, SINGLE_ROLES, Secrecy
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.reassignment.merge_journal import (
    Journal,
    Row,
    hold_again,
    key_of,
    keys_of,
    move_all,
    point_to,
    put_back,
    row_of,
    rows_of,
)
from crm.reassignment.merge_rights import (
    mergeable,
    require_no_bar,
    require_no_bar_to_undo,
)
from crm.reassignment.merge_rules import Span, outside, stricter

TABLES: Mapping[Mergeable, type[Company | Contact | Lead]] = {
    Mergeable.COMPANY: Company,
    Mergeable.CONTACT: Contact,
    Mergeable.LEAD: Lead,
}
# Whose value holds is chosen field by field; the rest follows.
FIELDS: Mapping[Mergeable, tuple[str, ...]] = {
    Mergeable.COMPANY: ("name", "credit_code", "group_name", "country"),
    Mergeable.CONTACT: ("name", "position", "phone", "email"),
    Mergeable.LEAD: (
        *("title", "company_id", "amount", "industry", "park_id", "source"),
        *("code_name", "credit_code", "group_name"),
        *("project_company", "project_company_code", "note"),
    ),
}
_FOUND_BY = ("title", "project_company", "project_company_code")
MERGED = {
    Mergeable.COMPANY: "company.merged",
    Mergeable.CONTACT: "company.contacts_merged",
    Mergeable.LEAD: "lead.merged",
}


def fields_of(db: Session, subject: Mergeable) -> tuple[str, ...]:
    """The fields whose value is chosen, with the zone's own fields of leads."""
    own = own_fields(db) if subject is Mergeable.LEAD else ()
    return (*FIELDS[subject], *(field.code for field in own))


@value_class
class Pair:
    """What is merged: the survivor, the other, and the fields in which the other's value holds."""

    subject: Mergeable
    survivor_id: int
    merged_id: int
    taken: frozenset[str] = field(default_factory=frozenset)

    @property
    def table(self) -> type[Company | Contact | Lead]:
        return TABLES[self.subject]

    @property
    def ids(self) -> tuple[int, int]:
        return self.survivor_id, self.merged_id


def merge(db: Session, *, pair: Pair, by: Person, now: datetime) -> Merge:
    """Merge two records; whatever refers to the one refers to the other from then on.

    Refused as `not_yours`, and as `require_no_bar` is.
    """
    _require_rights(db, pair.subject, pair.ids, by, now)
    require_no_bar(db, pair.subject, pair.ids, civil_date(now))
    journal = Journal()
    db.flush()
    merged = row_of(db, _core(pair), {"id": pair.merged_id}) or {}
    survivor = row_of(db, _core(pair), {"id": pair.survivor_id}) or {}

    if pair.subject is Mergeable.LEAD:
        _merge_parts(db, journal, pair)
    move_all(db, journal, pair.table, old=pair.merged_id, new=pair.survivor_id)
    journal.remove(db, _core(pair), {"id": pair.merged_id})
    values = _values(pair, survivor, merged)
    journal.set(db, _core(pair), {"id": pair.survivor_id}, values)
    _follow_up(db, journal, pair, survivor, merged, now)
    _refresh(db, pair)

    kept = _keep(db, journal, pair, merged, by, now)
    _tell(db, MERGED[pair.subject], kept, by=by, now=now)

    return kept


def undo(db: Session, *, kept: Merge, moved: Iterable[Row] = (), by: Person, now: datetime) -> None:
    """Put both records back as they were; what came since stays with the survivor.

    But for the rows `moved` (table, column and key), which go to the other. Refused as
    `not_yours`, `name_taken_since`, and as `require_no_bar_to_undo` is.
    """
    pair = Pair(kept.subject, kept.survivor_id, kept.merged_id)
    _require_rights(db, kept.subject, (kept.survivor_id,), by, now)
    # read anew once the survivor is held: of two who undo it at once, the second is refused
    db.refresh(kept)
    require_no_bar_to_undo(db, kept, civil_date(now))

    kept.undone_at, kept.undone_by_id = now, by.id
    db.flush()
    barred = Journal.read(kept.journal).undo(db)
    for row in moved:
        table = Base.metadata.tables[row["table"]]
        point_to(db, table, row["column"], row["key"], kept.merged_id)
    # what came since keeps its place, unless it has just moved
    for table, row in barred:
        put_back(db, table, row)
    if kept.subject is Mergeable.LEAD:
        _hold_again(db, kept)
    _refresh(db, pair)
    if pair.subject is Mergeable.LEAD:
        _restage(db, pair)
    _tell(db, f"{MERGED[kept.subject]}_undone", kept, by=by, now=now)


def _hold_again(db: Session, kept: Merge) -> None:
    """Let the values of the other lead hold that were replaced while it was merged."""
    for replaceable in (LeadAmount, LeadOwnValue):
        table: Any = replaceable.__table__
        for row in rows_of(db, table, table.c.lead_id, kept.merged_id):
            if row["replaced_at"] is not None and row["replaced_at"] >= kept.merged_at:
                hold_again(db, table, key_of(table, row))


def _restage(db: Session, pair: Pair) -> None:
    """The stages that follow from the milestones that came since."""
    for lead_id in pair.ids:
        lead = db.get_one(Lead, lead_id)
        if db.scalar(select(Milestone.id).where(Milestone.lead_id == lead_id).limit(1)):
            follow_milestones(db, lead)


def _core(pair: Pair) -> Any:
    return pair.table.__table__


def _require_rights(
    db: Session, subject: Mergeable, ids: tuple[int, ...], by: Person, now: datetime
) -> None:
    table, on = TABLES[subject], civil_date(now)
    # one merge at a time: those of leads and of their companies hold each other's rows
    take_exclusive_lock(db)
    locked = select(table.id).where(table.id.in_(ids)).order_by(table.id).with_for_update()
    db.execute(locked)
    allowed = mergeable(db, subject, viewer(db, by, on), on)
    found = db.scalars(select(table.id).where(table.id.in_(ids), allowed)).all()
    if set(found) != set(ids):
        raise Refused("not_yours")


def _values(pair: Pair, survivor: Row, merged: Row) -> Row:
    """The survivor's columns after the merge."""
    # an amount follows from its rows
    taken = [name for name in FIELDS[pair.subject] if name in pair.taken and name != "amount"]
    values = {name: merged[name] for name in taken}
    if "name" in values and pair.subject is Mergeable.COMPANY:
        values |= spelled_company(values["name"])._asdict()
    if pair.subject is not Mergeable.LEAD:
        return values

    names = (values.get(name, survivor[name]) for name in _FOUND_BY)
    values["search"] = lead_search(*names)
    if merged["entered_on"] < survivor["entered_on"]:
        values |= {name: merged[name] for name in ("entered_on", "entered_at")}
    secrecy = stricter(Secrecy(survivor["secrecy"]), Secrecy(merged["secrecy"]))
    values["secrecy"] = secrecy
    if not values.get("code_name", survivor["code_name"]):
        values["code_name"] = survivor["code_name"] or merged["code_name"]
    return values


def _merge_parts(db: Session, journal: Journal, pair: Pair) -> None:
    """Milestones, roles and amounts of two leads, where both may not stand side by side."""
    _cross_out_later(db, journal, pair)
    _fit_roles(db, journal, pair)
    if "amount" in pair.taken:
        _set_aside_amounts(db, journal, pair)
    _set_aside_own_values(db, journal, pair)


def _cross_out_later(db: Session, journal: Journal, pair: Pair) -> None:
    """Of one kind of milestone the earliest date holds, and the other stays crossed out."""
    steps: dict[str, list[Row]] = {}
    table: Any = Milestone.__table__
    for lead_id in pair.ids:
        for row in rows_of(db, table, table.c.lead_id, lead_id):
            if row["kind"] not in FINAL:  # a lead may be parked several times
                steps.setdefault(str(row["kind"]), []).append(row)

    for rows in steps.values():
        first, *later = sorted(rows, key=lambda row: (row["reached_on"], row["id"]))
        for row in later:
            if {first["lead_id"], row["lead_id"]} == set(pair.ids):
                journal.crossed_out.append(
                    {"kind": str(row["kind"]), "on": row["reached_on"], "held": first["reached_on"]}
                )
                journal.remove(db, table, {"id": row["id"]})


def _fit_roles(db: Session, journal: Journal, pair: Pair) -> None:
    """Where roles overlap the survivor's hold; the other's hold before and after."""
    table: Any = LeadRole.__table__
    kept, others = (rows_of(db, table, table.c.lead_id, lead_id) for lead_id in pair.ids)
    for row in others:
        rivals = [
            Span(own["from_on"], own["to_on"])
            for own in kept
            if own["role"] == row["role"]
            and (row["role"] in SINGLE_ROLES or _holder(own) == _holder(row))
        ]
        span = Span(row["from_on"], row["to_on"])
        left = outside(span, rivals)
        if left == [span]:
            continue
        journal.remove(db, table, {"id": row["id"]})
        bare = {name: value for name, value in row.items() if name != "id"}
        for part in left:
            dates = {"from_on": part.first, "to_on": part.last, "lead_id": pair.survivor_id}
            journal.add(db, table, bare | dates)


def _holder(row: Row) -> tuple[int | None, int | None]:
    return row["person_id"], row["unit_id"]


def _set_aside_amounts(db: Session, journal: Journal, pair: Pair) -> None:
    """Let the other's amounts hold in place of the survivor's of the same kinds."""
    table: Any = LeadAmount.__table__
    held = [
        {
            row["kind"]: row["id"]
            for row in rows_of(db, table, table.c.lead_id, lead_id)
            if row["replaced_at"] is None
        }
        for lead_id in pair.ids
    ]
    for kind in held[0].keys() & held[1].keys():
        journal.remove(db, table, {"id": held[0][kind]})


def _set_aside_own_values(db: Session, journal: Journal, pair: Pair) -> None:
    """Of each own field of the zone let the value of the chosen record hold, an empty one, too."""
    table: Any = LeadOwnValue.__table__
    codes = {own.id: own.code for own in own_fields(db)}
    for lead_id in pair.ids:
        for row in rows_of(db, table, table.c.lead_id, lead_id):
            if row["replaced_at"] is not None:
                continue
            is_taken = codes[row["field_id"]] in pair.taken
            if is_taken == (lead_id == pair.survivor_id):
                journal.remove(db, table, key_of(table, row))


def _follow_up(  # noqa: PLR0913, PLR0917 - the pair with what both were
    db: Session, journal: Journal, pair: Pair, survivor: Row, merged: Row, now: datetime
) -> None:
    """What follows from the merged values: aliases, contacts' companies, earlier merges, stage."""
    earlier: Any = Merge.__table__
    standing = select(Merge.id).where(
        Merge.subject == pair.subject,
        Merge.survivor_id == pair.merged_id,
        Merge.undone_at.is_(None),
    )
    for merge_id in db.scalars(standing).all():
        journal.set(db, earlier, {"id": merge_id}, {"survivor_id": pair.survivor_id})

    if pair.subject is Mergeable.COMPANY:
        _keep_other_name(db, journal, pair, survivor, merged, now)
    if pair.subject is Mergeable.LEAD:
        _settle_lead(db, journal, pair)


def _keep_other_name(  # noqa: PLR0913, PLR0917 - as _follow_up
    db: Session, journal: Journal, pair: Pair, survivor: Row, merged: Row, now: datetime
) -> None:
    name = survivor["name"] if "name" in pair.taken else merged["name"]
    table: Any = CompanyAlias.__table__
    known = select(CompanyAlias.id).where(
        CompanyAlias.company_id == pair.survivor_id, CompanyAlias.name == name
    )
    if db.scalar(known) is None:
        values = {"company_id": pair.survivor_id, "name": name, "added_at": now}
        journal.add(db, table, values | spelled_company(name)._asdict())


def _settle_lead(db: Session, journal: Journal, pair: Pair) -> None:
    db.expire_all()
    lead = db.get_one(Lead, pair.survivor_id)
    before = lead.stage
    follow_milestones(db, lead)
    after, lead.stage = lead.stage, before
    db.flush()
    journal.set(db, _core(pair), {"id": lead.id}, {"stage": after})
    contacts: Any = Contact.__table__
    for key in keys_of(db, contacts, contacts.c.lead_id, lead.id):
        journal.set(db, contacts, key, {"company_id": lead.company_id})


def _refresh(db: Session, pair: Pair) -> None:
    """What follows from rows that were changed past the session: itself, search, last contact."""
    db.expire_all()
    if pair.subject is Mergeable.CONTACT:
        return
    record_type: Any = pair.table
    search_index.index_again(db, record_type, pair.ids)
    if pair.subject is Mergeable.COMPANY:
        aliases = select(CompanyAlias.id).where(CompanyAlias.company_id.in_(pair.ids))
        search_index.index_again(db, CompanyAlias, db.scalars(aliases).all())
    if pair.subject is Mergeable.LEAD:
        keep_last_contacts(db, pair.ids)


def _keep(  # noqa: PLR0913, PLR0917 - what was merged, by whom and when
    db: Session, journal: Journal, pair: Pair, merged: Row, by: Person, now: datetime
) -> Merge:
    kept = Merge(
        subject=pair.subject,
        survivor_id=pair.survivor_id,
        merged_id=pair.merged_id,
        merged_ref=merged.get("ref"),
        merged_name=merged["title"] if pair.subject is Mergeable.LEAD else merged["name"],
        journal=journal.as_json(),
        merged_at=now,
        merged_by_id=by.id,
    )
    db.add(kept)
    db.flush()
    return kept


def _tell(db: Session, action: str, kept: Merge, *, by: Person, now: datetime) -> None:
    """The entry of the survivor; of a contact that of its company."""
    row: Any = db.get_one(TABLES[kept.subject], kept.survivor_id)
    if kept.subject is Mergeable.CONTACT:
        row = db.get_one(Company, row.company_id)
    after = {"name": kept.merged_name, "ref": kept.merged_ref}
    record(
        db, action, row, by=by, at=now, after={key: value for key, value in after.items() if value}
    )
