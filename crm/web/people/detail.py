"""A person as an admin sees them: postings in time, absences, the state of the account."""

from dataclasses import dataclass
from datetime import date, datetime

from flask import abort, render_template, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base import formatting
from crm.extensions import db
from crm.people.accounts import temporary_until
from crm.people.models import Absence, LoginSession, Person, Posting
from crm.web.absences.rows import AbsenceLine, absence_line
from crm.web.auth import signed_in
from crm.web.people.entry_grants import given_lines, held_lines
from crm.web.people.reassignment import open_count
from crm.web.transaction import moment, today

ABSENCES = 10  # the latest that the page shows


@dataclass(frozen=True, slots=True)
class PostingLine:
    """A posting in the person's history."""

    id: int
    title: str
    dates: str
    is_primary: bool
    is_now: bool
    is_ahead: bool


@dataclass(frozen=True, slots=True)
class PersonPage:
    """All that the page shows."""

    person: Person
    account: str
    is_disabled: bool
    is_leaving: bool
    is_me: bool
    sessions: int
    postings: list[PostingLine]
    absences: list[AbsenceLine]

    @property
    def has_primary(self) -> bool:
        """Whether there is a primary posting from which to move on."""
        return any(line.is_primary and line.is_now for line in self.postings)


def found(username: str) -> Person:
    """The person of that username with their postings; else there is none."""
    query = (
        select(Person)
        .where(Person.username == username)
        .options(selectinload(Person.postings).joinedload(Posting.unit))
    )
    return db.session.scalar(query.execution_options(populate_existing=True)) or abort(404)


def home_of(person: Person) -> str:
    """The address of the person's page."""
    return url_for("people.show", username=person.username)


def person_page(person: Person) -> str:
    """The page of a person."""
    now, on = moment(), today()
    disabled_at = person.disabled_at
    is_disabled = person.is_disabled(now)
    page = PersonPage(
        person=person,
        account=_account(person),
        is_disabled=is_disabled,
        is_leaving=disabled_at is not None and not is_disabled,
        is_me=person.id == signed_in().id,
        sessions=_open_sessions(db.session, person.id),
        postings=[_line(each, on) for each in reversed(person.postings)],
        absences=_absences(db.session, person.id, on),
    )

    return render_template(
        "people/show.html",
        page=page,
        given=given_lines(db.session, person, is_mine=False),
        held=held_lines(db.session, person),
        open_count=open_count(db.session, person),
        new_url=url_for("entry_grants.new", username=person.username),
    )


def dates_of(from_on: date, to_on: date | None) -> str:
    """`2026年1月1日起`, or `2026年1月1日至6月30日`; a year is said where it is another."""
    begin = f"{from_on.year}年{formatting.day(from_on)}"
    if to_on is None:
        return f"{begin}起"
    end = (
        formatting.day(to_on)
        if to_on.year == from_on.year
        else f"{to_on.year}年{formatting.day(to_on)}"
    )
    return f"{begin}至{end}"


def _line(posting: Posting, on: date) -> PostingLine:
    begun = posting.from_on <= on
    return PostingLine(
        posting.id,
        f"{posting.unit.name} {posting.duty.label}",
        dates_of(posting.from_on, posting.to_on),
        posting.is_primary,
        begun and (posting.to_on is None or posting.to_on >= on),
        not begun,
    )


def _account(person: Person) -> str:
    now = moment()
    if person.disabled_at is None:
        if person.password_hash is None:
            return "还没有密码，不能登录"
        return _temporary(until, now) if (until := temporary_until(person)) else "在用"
    when = formatting.moment(person.disabled_at, today())
    return f"{when} 已停用" if person.is_disabled(now) else f"将于 {when} 停用"


def _temporary(until: datetime, now: datetime) -> str:
    if until <= now:
        return "临时密码已过期，请重新生成"
    return f"临时密码，{formatting.moment(until, today())} 前有效，首次登录后由本人修改"


def _open_sessions(rows: Session, person_id: int) -> int:
    query = select(func.count()).where(
        LoginSession.person_id == person_id, LoginSession.ended_at.is_(None)
    )
    return rows.scalar(query) or 0


def _absences(rows: Session, person_id: int, on: date) -> list[AbsenceLine]:
    query = (
        select(Absence)
        .where(Absence.person_id == person_id)
        .options(joinedload(Absence.person))
        .order_by(Absence.from_on.desc(), Absence.id.desc())
        .limit(ABSENCES)
    )
    return [absence_line(each, on) for each in rows.scalars(query)]
