"""The companies met at a visit (拜访企业): as typed, as kept, and as a viewer may see them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    false,
    insert,
    select,
)
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.names import folded
from crm.leads.models import Company, Lead
from crm.leads.permissions import values_of, visible_to_role
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS, Role
from crm.visits.fields import CompanyMet, SeenCompany, VisitData, joined_names
from crm.visits.models import VisitCompany, VisitLead
from crm.visits.rules import Counterpart
from crm.visits.search_index import NAMED

COLUMNS = ("visit_id", "company_id", "name", "folded", "met", "position", "counterpart")
_VISIT_IDS: BindParameter[list[int]] = bindparam("visit_ids", expanding=True)


def companies_met(  # noqa: PLR0913 - one list of several sources, before one viewer
    db: Session,
    data: VisitData,
    *,
    viewer: Viewer,
    on: date,
    others: Sequence[CompanyMet] = (),
    of_leads: Collection[int] | None = None,
) -> tuple[CompanyMet, ...]:
    """The companies of the data and of its leads, each once; then `others`, which stay as they are.

    `of_leads`: those of its leads, where the caller has read them.

    A typed name that the viewer knows is that company; another one stays a name, so that an entry
    tells nothing of companies that are hidden (REGIME 2).
    """
    if of_leads is None:
        of_leads = _of_leads(db, data.lead_ids)
    typed = [*typed_companies(data), *map(CompanyMet, of_leads)]
    names = {row.name.strip() for row in typed if row.name}
    known = _known(db, names, viewer, on) if names else {}

    found = united(_recognized(row, known) for row in typed)
    keys = {row.key for row in found}
    return (*found, *(row for row in others if row.key not in keys))


def companies_of_batch(
    db: Session,
    visits: Sequence[tuple[Collection[int], Sequence[CompanyMet]]],
    viewer: Viewer | None = None,
    on: date = date.min,
) -> list[tuple[CompanyMet, ...]]:
    """The same for each visit of an import, its leads and rows, with few queries.

    Without a viewer all companies are known.
    """
    of_leads: dict[int, int] = {}
    for part in batches(sorted({lead_id for lead_ids, _ in visits for lead_id in lead_ids})):
        pairs = select(Lead.id, Lead.company_id).where(Lead.id.in_(part))
        of_leads |= dict(db.execute(pairs).all())

    known: dict[str, int] = {}
    for names in batches(sorted({row.name for _, rows in visits for row in rows if row.name})):
        known |= _known(db, names, viewer, on)

    found = []
    for lead_ids, rows in visits:
        typed = [_recognized(row, known) for row in rows]
        ids = dict.fromkeys(of_leads[lead_id] for lead_id in sorted(lead_ids))
        found.append(united([*typed, *map(CompanyMet, ids)]))
    return found


def united(rows: Iterable[CompanyMet]) -> tuple[CompanyMet, ...]:
    """Each company once, with all who were met there; a person without company comes to the first.

    REGIME 3: only one who is alone, and only where nobody of the first is named.
    """
    found: dict[object, CompanyMet] = {}
    for row in map(_cleaned, rows):
        if row.is_empty:
            continue
        key = row.key
        found[key] = found[key].joined_by(row) if key in found else row
    if len(found) <= 1:
        return (*found.values(),)

    named = [row for row in found.values() if row.is_company]
    known_people = {row.met for row in named}
    alone = [row for row in found.values() if not row.is_company and row.met not in known_people]

    if named and len(alone) == 1 and not any(row.met or row.position for row in named):
        first = replace(named[0], met=alone[0].met, position=alone[0].position)
        return (first, *named[1:])
    return (*named, *alone)


def copies_of(rows: Sequence[CompanyMet]) -> dict[str, str | None]:
    """Who was met, for the columns of the visit that lists and searches read."""
    return {
        "met": joined_names(row.met for row in rows),
        "position": joined_names(row.position for row in rows),
    }


def entry_of(rows: Iterable[CompanyMet]) -> list[dict[str, object]]:
    """The rows as an entry of the audit trail has them."""
    return [{name: value for name, value in asdict(row).items() if value} for row in rows]


def from_entry(values: Iterable[dict[str, Any]]) -> tuple[CompanyMet, ...]:
    """The rows of an entry of the audit trail."""
    return tuple(
        CompanyMet(**{**value, "counterpart": Counterpart(value["counterpart"])})
        for value in values
    )


_OF_ROW = tuple(field.name for field in fields(CompanyMet))


def columns_of_rows(rows: Iterable[CompanyMet]) -> list[dict[str, Any]]:
    """The rows as the table has them, but for the visit."""
    return [
        {name: getattr(row, name) for name in _OF_ROW}  # not asdict, which copies each value
        | {"folded": folded(row.name) if row.name else None}
        for row in rows
    ]


def stored_companies(db: Session, visit_ids: Collection[int]) -> dict[int, list[CompanyMet]]:
    """By visit, the companies met there, whoever may see them."""
    table = VisitCompany
    columns = (table.company_id, table.name, table.met, table.position, table.counterpart)
    query = select(table.visit_id, *columns).where(table.visit_id.in_(visit_ids))
    found: defaultdict[int, list[CompanyMet]] = defaultdict(list)
    for visit_id, *row in db.execute(query.order_by(table.id)):
        found[visit_id].append(CompanyMet(*row))  # type: ignore[arg-type] # a row of these columns
    return found


def named_companies(db: Session, visit_ids: Collection[int]) -> defaultdict[int, list[CompanyMet]]:
    """The same with the names of all, as exports without a viewer have them."""
    stored: defaultdict[int, list[CompanyMet]] = defaultdict(list)
    for part in batches(sorted(visit_ids)):
        stored.update(stored_companies(db, part))

    ids = sorted({row.company_id for rows in stored.values() for row in rows if row.company_id})
    names: dict[int | None, str] = {}
    for part in batches(ids):
        pairs = select(Company.id, Company.name).where(Company.id.in_(part))
        names.update(db.execute(pairs).all())

    for visit_id, rows in stored.items():
        stored[visit_id] = [replace(row, name=names.get(row.company_id, row.name)) for row in rows]
    return stored


def companies_of(db: Session, visit_id: int) -> tuple[CompanyMet, ...]:
    """The companies met at one visit, whoever may see them."""
    return tuple(stored_companies(db, [visit_id]).get(visit_id, ()))


def set_companies(db: Session, visit_id: int, rows: Sequence[CompanyMet]) -> None:
    """Set which companies were met at a visit."""
    NAMED.forget(db, _named_ids(db, visit_id))
    gone = delete(VisitCompany).where(VisitCompany.visit_id == visit_id)
    # not synchronized: that would check each row that this session has read
    db.execute(gone, execution_options={"synchronize_session": False})
    add_companies(db, visit_id, rows)


def add_companies(db: Session, visit_id: int, rows: Sequence[CompanyMet]) -> None:
    """Write which companies were met at a visit that has none yet."""
    if rows:
        values = [{"visit_id": visit_id, **row} for row in columns_of_rows(rows)]
        db.execute(_ADD, values)
    if any(row.name for row in rows):
        NAMED.index_again(db, _named_ids(db, visit_id))


_ADD = insert(VisitCompany.__table__)  # type: ignore[arg-type] # a table, as of links


def _named_ids(db: Session, visit_id: int) -> Sequence[int]:
    """Its rows with a name, by which they are searched."""
    query = select(VisitCompany.id).where(VisitCompany.visit_id == visit_id)
    return db.scalars(query.where(VisitCompany.name.is_not(None))).all()


def seen_companies(
    db: Session, viewer: Viewer, visit_ids: Collection[int], on: date
) -> dict[int, tuple[SeenCompany, ...]]:
    """By visit, the companies met there; one that is hidden from the viewer has no name."""
    found: defaultdict[int, tuple[SeenCompany, ...]] = defaultdict(tuple)
    if not visit_ids:
        return found

    values = {"visit_ids": visit_ids, **values_of(viewer, on)}
    for row in db.execute(_seen(viewer.role), values):
        is_hidden = row.company_id is not None and not row.is_seen
        name = row.name or (None if is_hidden else row.company_name)
        found[row.visit_id] += (
            SeenCompany(
                None if is_hidden else row.company_id,
                name,
                row.met,
                row.position,
                row.counterpart,
                is_hidden=is_hidden,
                has_lead=row.has_lead,
            ),
        )
    return found


def _known(
    db: Session, names: Collection[str], viewer: Viewer | None = None, on: date = date.min
) -> dict[str, int]:
    """By the folded name, the companies of these names that the viewer may see; else all."""
    query = select(Company.folded, Company.id).where(
        Company.folded.in_({folded(name) for name in names})
    )
    values: dict[str, Any] = {}
    if viewer:
        query, values = query.where(_is_visible(viewer.role)), values_of(viewer, on)
    # of a like name the one entered first
    return dict(db.execute(query.order_by(Company.id.desc()), values).all())


def _recognized(row: CompanyMet, known: Mapping[str, int]) -> CompanyMet:
    """A row of a typed name, as the known company of that name."""
    company_id = known.get(folded(row.name)) if row.name else None
    return replace(row, company_id=company_id, name=None) if company_id else row


def _is_visible(role: Role) -> ColumnElement[bool]:
    """Companies of a visible lead, and those without any; `values_of` has the values."""
    if role not in WITH_RECORDS:
        return false()
    of_it = exists().where(Lead.company_id == Company.id)
    return of_it.where(visible_to_role(role)) | ~of_it


@cache
def _seen(role: Role) -> Select[*tuple[Any, ...]]:
    of_visit = exists().where(
        VisitLead.visit_id == VisitCompany.visit_id,
        VisitLead.lead_id == Lead.id,
        Lead.company_id == VisitCompany.company_id,
    )
    by_lead = of_visit.where(visible_to_role(role))
    # REGIME 2: which company a hidden lead of the visit has is not to be seen here
    is_seen = by_lead | (_is_visible(role) & ~of_visit)

    return (
        select(
            VisitCompany.visit_id,
            VisitCompany.company_id,
            VisitCompany.name,
            VisitCompany.met,
            VisitCompany.position,
            VisitCompany.counterpart,
            Company.name.label("company_name"),
            is_seen.label("is_seen"),
            by_lead.label("has_lead"),
        )
        .outerjoin(Company, Company.id == VisitCompany.company_id)
        .where(VisitCompany.visit_id.in_(_VISIT_IDS))
        .order_by(VisitCompany.visit_id, VisitCompany.id)
    )


def typed_companies(data: VisitData) -> list[CompanyMet]:
    """The rows of the data; who was met where no row says it."""
    rows = list(data.companies)
    if (data.met or data.position) and not any(row.met or row.position for row in rows):
        rows.append(CompanyMet(met=data.met, position=data.position))
    return rows


def _of_leads(db: Session, lead_ids: Collection[int]) -> list[int]:
    if not lead_ids:
        return []
    query = select(Lead.company_id).where(Lead.id.in_(lead_ids)).order_by(Lead.id)
    return list(dict.fromkeys(db.scalars(query)))


def _cleaned(row: CompanyMet) -> CompanyMet:
    typed = (row.name, row.met, row.position)
    name, met, position = cleaned = (*map(_text, typed),)
    return row if cleaned == typed else replace(row, name=name, met=met, position=position)


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None
