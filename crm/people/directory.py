"""The people of the zone, as an admin looks them up."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from crm.base.enums import LabeledEnum
from crm.base.names import folded, spellings
from crm.base.paging import Page, page_of
from crm.people.models import Person, Posting, Unit
from crm.people.queries import held_on
from crm.people.rules import Duty, Role


class Account(LabeledEnum):
    """Whether an account is open."""

    OPEN = "open", "在用"
    CLOSED = "closed", "已停用"


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """What the list was asked for; all that is none narrows nothing."""

    text: str = ""  # of a name, its pinyin, the username, or the unit's name
    duty: Duty | None = None
    role: Role | None = None
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person with the primary posting that they hold."""

    person: Person
    unit: str
    duty: Duty | None


def people_page(
    db: Session, asked: PeopleFilter, *, now: datetime, on: date, cursor: str | None = None
) -> Page[PersonLine]:
    """The people asked for, by the pinyin of their names."""
    query = select(Person)
    here = and_(Posting.person_id == Person.id, Posting.is_primary, held_on(on))

    if asked.text:
        typed = spellings(asked.text)
        named = or_(*(Unit.name.icontains(each, autoescape=True) for each in typed))
        unit = exists().where(here, Posting.unit_id == Unit.id, named)
        called = Person.search.contains(folded(asked.text), autoescape=True)
        account = Person.username.icontains(asked.text, autoescape=True)
        query = query.where(or_(called, account, unit))

    if asked.duty:
        query = query.where(exists().where(here, Posting.duty == asked.duty))

    if asked.role:
        query = query.where(Person.role == asked.role)

    if asked.account:
        closed = and_(Person.disabled_at.is_not(None), Person.disabled_at <= now)
        query = query.where(closed if asked.account is Account.CLOSED else ~closed)

    page = page_of(
        db, query, on=Person.pinyin, row_id=Person.id, cursor=cursor, earliest_first=True
    )
    homes = _homes(db, [person.id for person in page.items], on)
    lines = [PersonLine(each, *homes.get(each.id, ("", None))) for each in page.items]

    return Page(lines, page.newer, page.older)


def _homes(db: Session, ids: list[int], on: date) -> dict[int, tuple[str, Duty | None]]:
    rows = db.execute(
        select(Posting.person_id, Unit.name, Posting.duty)
        .join(Unit, Posting.unit_id == Unit.id)
        .where(Posting.person_id.in_(ids), Posting.is_primary, held_on(on))
    )
    return {person_id: (name, duty) for person_id, name, duty in rows}
