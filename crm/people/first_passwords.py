"""Temporary passwords for many accounts that never had one, such as those of a roster."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from crm.people.directory import PeopleFilter, PersonLine, narrowed, person_lines
from crm.people.models import LoginSession, Person
from crm.people.service import give_password

MOST = 300  # accounts at a time


def cannot_sign_in(now: datetime) -> ColumnElement[bool]:
    """Whether an account is open, has no password, and nobody signed in to it by 统一认证."""
    return and_(
        Person.password_hash.is_(None),
        or_(Person.disabled_at.is_(None), Person.disabled_at > now),
        ~exists().where(LoginSession.person_id == Person.id),
    )


def count_without_password(
    db: Session,
    asked: PeopleFilter,
    *,
    made: Select[Any] | None = None,
    now: datetime,
    on: date,
) -> int:
    """How many of these people cannot sign in; `made`: ids that narrow them further."""
    people = _without_password(asked, made, now, on).subquery()
    return db.scalar(select(func.count()).select_from(people)) or 0


def usernames_without_password(
    db: Session,
    asked: PeopleFilter,
    *,
    made: Select[Any] | None = None,
    now: datetime,
    on: date,
) -> list[str]:
    """The accounts that are given a password next, by the pinyin of their owners."""
    people = _without_password(asked, made, now, on).with_only_columns(Person.username)
    return [*db.scalars(people.order_by(Person.pinyin, Person.id).limit(MOST))]


def give_first_passwords(
    db: Session, *, hashes: Mapping[str, str], by: Person, now: datetime, on: date
) -> list[PersonLine]:
    """Give these accounts, by username, temporary passwords; those that have one meanwhile not."""
    query = select(Person).where(Person.username.in_(hashes), cannot_sign_in(now))
    people = db.scalars(query.order_by(Person.pinyin, Person.id)).all()
    for person in people:
        give_password(db, person=person, password_hash=hashes[person.username], by=by, now=now)
    return person_lines(db, people, on)


def _without_password(
    asked: PeopleFilter, made: Select[Any] | None, now: datetime, on: date
) -> Select[Person]:
    query = narrowed(asked, now=now, on=on).where(cannot_sign_in(now))
    return query if made is None else query.where(Person.id.in_(made))
