"""Industries and sources: read for every form and list, changed by an admin (PROJECTS 1)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.remembered import remembered_long
from crm.base.seed_files import read_seeds
from crm.base.value_class import value_class
from crm.leads.catalog_models import CatalogEntry, CatalogKind
from crm.people.models import Person
from crm.people.rules import SYSTEM

_FILES = {CatalogKind.INDUSTRY: "industries.yaml", CatalogKind.SOURCE: "sources.yaml"}


@value_class
class Listed:
    """An entry of a list."""

    name: str
    is_offered: bool


@cache
def shipped(kind: CatalogKind) -> Mapping[str, str]:
    """The names by code as shipped."""
    return {row["code"]: row["name"] for row in read_seeds(_FILES[kind])}


def _listed(db: Session, kind: CatalogKind) -> Mapping[str, Listed]:
    def read() -> dict[str, Listed]:
        columns = select(CatalogEntry.code, CatalogEntry.name, CatalogEntry.is_offered)
        in_order = columns.order_by(CatalogEntry.position, CatalogEntry.id)
        rows = db.execute(in_order.where(CatalogEntry.kind == kind)).all()
        # before `crm init` has planted the list it is as shipped
        of_seeds = {code: Listed(name, is_offered=True) for code, name in shipped(kind).items()}
        return {code: Listed(name, offered) for code, name, offered in rows} or of_seeds

    return remembered_long(db, "catalog", kind, read=read)


def industries(db: Session) -> dict[str, str]:
    """The names of all industries by their codes, in the zone's order."""
    return {code: entry.name for code, entry in _listed(db, CatalogKind.INDUSTRY).items()}


def industry_name(db: Session, code: str | None) -> str:
    """The name of an industry; a code that no list has stands for itself."""
    return industries(db).get(code, code) if code else ""


def offered(db: Session, kind: CatalogKind, kept: str | None = None) -> dict[str, str]:
    """What forms offer, by code; `kept`: the code that the record has, offered or not."""
    rows = _listed(db, kind).items()
    return {code: entry.name for code, entry in rows if entry.is_offered or code == kept}


def entries(db: Session, kind: CatalogKind) -> Sequence[CatalogEntry]:
    """The rows of a list in its order."""
    rows = select(CatalogEntry).where(CatalogEntry.kind == kind)
    return db.scalars(rows.order_by(CatalogEntry.position, CatalogEntry.id)).all()


def plant(db: Session, *, now: datetime) -> int:
    """Add the rows as shipped to each list that has none; how many."""
    known = set(db.scalars(select(CatalogEntry.kind)))
    rows = [
        CatalogEntry(kind=kind, code=code, name=name, position=position, is_offered=True)
        for kind in CatalogKind
        if kind not in known
        for position, (code, name) in enumerate(shipped(kind).items(), start=1)
    ]
    db.add_all(rows)
    db.flush()
    for row in rows:
        after = {"kind": row.kind, "code": row.code, "name": row.name}
        record(db, "catalog_entry.added", row, by=None, at=now, after=after)
    return len(rows)


def add_entry(
    db: Session, *, kind: CatalogKind, name: str, by: Person, now: datetime
) -> CatalogEntry:
    """Add an entry at the end of its list; refused as `not_yours`, `name_taken`."""
    _check(db, kind, name, by, None)
    position = db.scalar(
        select(func.coalesce(func.max(CatalogEntry.position), 0)).where(CatalogEntry.kind == kind)
    )
    number = db.scalar(select(func.coalesce(func.max(CatalogEntry.id), 0))) or 0
    row = CatalogEntry(
        kind=kind,
        code=f"{kind.value}-{number + 1}",
        name=name.strip(),
        position=(position or 0) + 1,
        is_offered=True,
    )
    db.add(row)
    db.flush()
    after = {"kind": kind, "code": row.code, "name": row.name}
    record(db, "catalog_entry.added", row, by=by, at=now, after=after)
    return row


def change_entry(  # noqa: PLR0913 - an entry has that many values
    db: Session,
    *,
    entry: CatalogEntry,
    name: str,
    position: int,
    is_offered: bool,
    by: Person,
    now: datetime,
) -> None:
    """Rename, move or no longer offer an entry; leads that have it keep it."""
    _check(db, entry.kind, name, by, entry)
    values = {"name": name.strip(), "position": position, "is_offered": is_offered}
    before, after = changes(entry, values)
    if after:
        record(db, "catalog_entry.changed", entry, by=by, at=now, before=before, after=after)


def _check(
    db: Session, kind: CatalogKind, name: str, by: Person, current: CatalogEntry | None
) -> None:
    if by.role not in SYSTEM:
        raise Refused("not_yours")
    same = select(CatalogEntry.id).where(
        CatalogEntry.kind == kind, CatalogEntry.name == name.strip()
    )
    if db.scalar(same) not in (None, current.id if current else None):
        raise Refused("name_taken", field="name", name=name.strip())
