"""Who is where: units, postings, colleagues, absences (REGIME 2)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import BindParameter, ColumnElement, bindparam, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.periods import DAY
from crm.base.remembered import remembered_long
from crm.base.usernames import spellings
from crm.base.value_class import value_class
from crm.people.models import Absence, Person, Posting, Unit
from crm.people.rules import WITH_RECORDS, AbsenceStatus, Role, UnitKind


class UnitRow(NamedTuple):
    """A unit as it is read with all others, many times a day."""

    id: int
    code: str
    name: str
    kind: UnitKind
    parent_id: int | None
    inspects: bool
    coordinates: bool


@value_class
class UnitNode:
    """A unit in the order of the tree, with how deep it stands."""

    unit: UnitRow
    depth: int


_UNITS = select(
    *(Unit.id, Unit.code, Unit.name, Unit.kind, Unit.parent_id),
    *(Unit.inspects, Unit.coordinates),
).order_by(Unit.position, Unit.code)


# SQL that follows from its arguments alone is kept: to put it together takes longer than to run it.
@lru_cache(maxsize=64)
def held_on(on: date | BindParameter[date]) -> ColumnElement[bool]:
    """Postings that hold on the date."""
    return (Posting.from_on <= on) & or_(Posting.to_on.is_(None), Posting.to_on >= on)


def unit_tree(db: Session) -> list[UnitNode]:
    """All units, parents before children, siblings in their order."""
    return remembered_long(db, "units", read=lambda: read_units(db))


def units_named(db: Session, text: str) -> list[UnitRow]:
    """The units whose names the text has."""
    return [node.unit for node in unit_tree(db) if node.unit.name in text]


def read_units(db: Session) -> list[UnitNode]:
    """The same, read anew: for a change that holds the tree."""
    # one query and a walk: a zone has few units
    children: dict[int | None, list[UnitRow]] = defaultdict(list)
    for unit in map(UnitRow._make, db.execute(_UNITS)):
        children[unit.parent_id].append(unit)

    def walk(parent: int | None, depth: int) -> Iterable[UnitNode]:
        for unit in children[parent]:
            yield UnitNode(unit, depth)
            yield from walk(unit.id, depth + 1)

    return list(walk(None, 0))


def units_held(db: Session, person_ids: Collection[int], on: date) -> defaultdict[int, set[int]]:
    """By person, the units of all postings held on the date."""
    rows = db.execute(
        select(Posting.person_id, Posting.unit_id).where(
            held_on(on), Posting.person_id.in_(person_ids)
        )
    )
    units: defaultdict[int, set[int]] = defaultdict(set)
    for person_id, unit_id in rows:
        units[person_id].add(unit_id)
    return units


def units_below(units: Iterable[UnitNode], unit_ids: Collection[int]) -> frozenset[int]:
    """These units and all below them, of units in the order of the tree."""
    below = set(unit_ids)
    for node in units:  # parents come first
        if node.unit.parent_id in below:
            below.add(node.unit.id)
    return frozenset(below)


def units_above(units: Iterable[UnitNode], unit_id: int) -> list[int]:
    """The unit and those above it, from itself to the top."""
    parents = {node.unit.id: node.unit.parent_id for node in units}
    chain = []
    up: int | None = unit_id
    while up is not None:
        chain.append(up)
        up = parents.get(up)
    return chain


def active_at(at: datetime) -> ColumnElement[bool]:
    """People whose account is not closed at that moment: those who may get mail."""
    return or_(Person.disabled_at.is_(None), Person.disabled_at > at)


def open_through(on: date) -> ColumnElement[bool]:
    """People whose account is not closed before that date is over."""
    return _open_until(at_civil(on + DAY))


def _open_until(end: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    return or_(Person.disabled_at.is_(None), Person.disabled_at >= end)


def posted_as(db: Session, roles: Collection[Role], at: datetime) -> dict[int, list[int]]:
    """By unit, the people of these roles who are posted in it and may get mail."""
    holders: defaultdict[int, list[int]] = defaultdict(list)
    rows = db.execute(
        select(Posting.unit_id, Posting.person_id)
        .join(Person, Person.id == Posting.person_id)
        .where(held_on(civil_date(at)), Person.role.in_(roles), active_at(at))
        .order_by(Posting.person_id)
        .distinct()
    )
    for unit_id, person_id in rows:
        holders[unit_id].append(person_id)
    return dict(holders)


def by_username(db: Session, username: str) -> Person | None:
    """The person whom a typed username means, whatever its case and width."""
    # older names may be of any case and width: the exact one goes first
    exact, folded = spellings(username)
    found = db.scalars(select(Person).where(Person.username.in_({exact, folded}))).all()
    return min(found, key=lambda person: person.username != exact, default=None)


def by_exact_username(db: Session, username: str) -> Person | None:
    """The person of that username, to the letter."""
    return db.scalar(select(Person).where(Person.username == username))


def people_by_id(db: Session, person_ids: Collection[int]) -> dict[int, Person]:
    """These people by their ids, in the order of their names."""
    if not person_ids:
        return {}
    query = select(Person).where(Person.id.in_(person_ids)).order_by(Person.pinyin, Person.id)
    return {person.id: person for person in db.scalars(query)}


def spelled(db: Session, person_ids: Collection[int]) -> dict[int, str]:
    """The names of these people in pinyin, by which lists are sorted."""
    query = select(Person.id, Person.pinyin).where(Person.id.in_(person_ids))
    return remembered_long(
        *(db, "pinyin", frozenset(person_ids)), read=lambda: dict(db.execute(query).all())
    )


def primary_posting(db: Session, person_id: int, on: date) -> Posting | None:
    """The primary posting that the person holds on the date."""
    return db.scalar(
        select(Posting).where(Posting.person_id == person_id, Posting.is_primary, held_on(on))
    )


def at_work(on: date) -> ColumnElement[bool]:
    """Whom forms offer: people with records, a posting on the date and an open account."""
    return _at_work(on, at_civil(on + DAY))


def at_work_on_date() -> ColumnElement[bool]:
    """As `at_work`, for a statement that is put together once; `values_of_date` has its values."""
    return _at_work(bindparam("on"), bindparam("day_end"))


def values_of_date(on: date) -> dict[str, object]:
    """The values of `at_work_on_date`."""
    return {"on": on, "day_end": at_civil(on + DAY)}


def _at_work(
    on: date | BindParameter[date], day_end: datetime | BindParameter[datetime]
) -> ColumnElement[bool]:
    posted = Person.id.in_(select(Posting.person_id).where(held_on(on)))
    return posted & _open_until(day_end) & Person.role.in_(WITH_RECORDS)


def absences_in(db: Session, person_id: int, first: date, last: date) -> list[Absence]:
    """The approved absences of the person that cover a date of the span, in order."""
    query = select(Absence).where(
        Absence.person_id == person_id,
        Absence.status == AbsenceStatus.APPROVED,
        Absence.from_on <= last,
        Absence.to_on >= first,
    )
    return list(db.scalars(query.order_by(Absence.from_on, Absence.id)))
