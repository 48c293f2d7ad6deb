"""The people of the zone, as an admin looks them up."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import Select, and_, exists, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.enums import LabeledEnum
from crm.base.paging import Page, page_of
from crm.base.value_class import value_class
from crm.people.choices import held_by_person, matching
from crm.people.models import Absence, Person, Posting, Unit
from crm.people.queries import at_work, held_on
from crm.people.rules import Duty, Role


class Account(LabeledEnum):
    """Whether an account is open."""

    OPEN = "open", "在用"
    CLOSED = "closed", "已停用"
    WITHOUT_PASSWORD = "no-password", "从未设密码"


@value_class
class PeopleFilter:
    """What the list is narrowed to; what is left out narrows nothing."""

    text: str = ""  # of a name, its pinyin, the username, or the unit's name
    duty: Duty | None = None
    role: Role | None = None
    account: Account | None = None


@value_class
class PersonLine:
    """A person with the primary posting that they hold."""

    person: Person
    unit: str
    duty: Duty | None
    unit_code: str


def people_page(
    db: Session, asked: PeopleFilter, *, now: datetime, on: date, cursor: str | None = None
) -> Page[PersonLine]:
    """The people asked for, by the pinyin of their names."""
    page = page_of(
        db,
        narrowed(asked, now=now, on=on),
        on=Person.pinyin,
        row_id=Person.id,
        cursor=cursor,
        earliest_first=True,
    )
    return Page(person_lines(db, page.items, on), page.newer, page.older)


def narrowed(asked: PeopleFilter, *, now: datetime, on: date) -> Select[Person]:
    """The people asked for, in no order."""
    query = select(Person)

    if asked.text:
        query = query.where(matching(asked.text, on))

    if asked.duty:
        query = query.where(exists().where(held_by_person(on), Posting.duty == asked.duty))

    if asked.role:
        query = query.where(Person.role == asked.role)

    if asked.account:
        # both parts, so that the opposite also holds for accounts without a date
        closed = and_(Person.disabled_at.is_not(None), Person.disabled_at <= now)
        query = query.where(closed if asked.account is Account.CLOSED else ~closed)
    if asked.account is Account.WITHOUT_PASSWORD:
        query = query.where(Person.password_hash.is_(None))

    return query


def colleagues_page(
    db: Session, on: date, *, text: str = "", cursor: str | None = None, size: int
) -> Page[PersonLine]:
    """The people whom forms offer to everybody, by the pinyin of their names."""
    query = select(Person).where(at_work(on))
    if text.strip():
        query = query.where(matching(text, on))
    key = Person.pinyin
    page = page_of(
        db, query, on=key, row_id=Person.id, cursor=cursor, size=size, earliest_first=True
    )
    return Page(person_lines(db, page.items, on), page.newer, page.older)


def person_lines(db: Session, people: Sequence[Person], on: date) -> list[PersonLine]:
    """These people with the primary postings that they hold."""
    rows = db.execute(
        select(Posting.person_id, Unit.name, Posting.duty, Unit.code)
        .join(Unit, Posting.unit_id == Unit.id)
        .where(
            Posting.person_id.in_([person.id for person in people]),
            Posting.is_primary,
            held_on(on),
        )
    )
    homes = {person_id: home for person_id, *home in rows}
    return [PersonLine(person, *homes.get(person.id, ("", None, ""))) for person in people]


def person_with_postings(db: Session, username: str) -> Person | None:
    """The person of that username, read anew with their postings and units."""
    query = (
        select(Person)
        .where(Person.username == username)
        .options(selectinload(Person.postings).joinedload(Posting.unit))
        .execution_options(populate_existing=True)
    )
    return db.scalar(query)


def posting_of(db: Session, username: str, posting_id: int) -> Posting | None:
    """That posting, where it is one of the person's."""
    query = (
        select(Posting)
        .join(Posting.person)
        .where(Posting.id == posting_id, Person.username == username)
        .options(joinedload(Posting.person))
    )
    return db.scalar(query)


def latest_absences(db: Session, person_id: int, *, limit: int) -> Sequence[Absence]:
    """The person's absences, the latest first, with the person."""
    query = (
        select(Absence)
        .where(Absence.person_id == person_id)
        .options(joinedload(Absence.person))
        .order_by(Absence.from_on.desc(), Absence.id.desc())
        .limit(limit)
    )
    return db.scalars(query).all()


def headcount(db: Session) -> int:
    """How many people were ever entered."""
    return db.scalars(select(func.count(Person.id))).one()


def unit_count(db: Session) -> int:
    """How many units there are."""
    return db.scalars(select(func.count(Unit.id))).one()


def headcounts(db: Session, on: date) -> dict[int, int]:
    """How many people hold a posting on the date, by unit."""
    query = (
        select(Posting.unit_id, func.count(Posting.person_id.distinct()))
        .where(held_on(on))
        .group_by(Posting.unit_id)
    )
    return dict(db.execute(query).all())


def last_position(db: Session, parent_id: int | None) -> int:
    """The highest position among the units below that parent; 0 where there are none."""
    return db.scalar(select(func.max(Unit.position)).where(Unit.parent_id == parent_id)) or 0


def names_of(db: Session, person_ids: Collection[int]) -> dict[int, str]:
    """Names by person id."""
    query = select(Person.id, Person.name).where(Person.id.in_(person_ids))
    return dict(db.execute(query).all())
