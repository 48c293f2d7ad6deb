"""A person as an admin sees them: postings in time, absences, the state of the account."""

from dataclasses import dataclass
from datetime import date, datetime

from flask import abort, render_template, url_for

from crm.base import formatting
from crm.extensions import db
from crm.people.accounts import temporary_until
from crm.people.api_tokens import tokens_and_factor
from crm.people.directory import latest_absences, person_with_postings
from crm.people.models import Person, Posting
from crm.web.absences.rows import AbsenceRow, absence_row
from crm.web.access import ACCESS
from crm.web.auth import signed_in
from crm.web.people.delegations import delegation_rows
from crm.web.people.entry_grants import grant_rows
from crm.web.people.reassignment import open_count
from crm.web.transaction import moment, today

ABSENCES = 10  # so many of the latest are shown


@dataclass(frozen=True, slots=True)
class PostingRow:
    """A posting in the person's history."""

    id: int
    title: str
    dates: str
    is_primary: bool
    is_now: bool
    is_ahead: bool


@dataclass(frozen=True, slots=True)
class PersonPage:
    """A person with everything that the page shows."""

    person: Person
    account: str
    is_disabled: bool
    is_leaving: bool
    is_me: bool
    can_change: bool
    sees_absences: bool
    has_second_factor: bool
    tokens: int
    postings: list[PostingRow]
    absences: list[AbsenceRow]

    @property
    def has_primary(self) -> bool:
        """Whether there is a current primary posting to transfer from."""
        return any(posting.is_primary and posting.is_now for posting in self.postings)


def found(username: str) -> Person:
    """The person of that username with their postings, or 404."""
    return person_with_postings(db.session, username) or abort(404)


def home_of(person: Person) -> str:
    """The address of the person's page."""
    return url_for("people.show", username=person.username)


def person_page(person: Person) -> str:
    """The page of a person."""
    now, on = moment(), today()
    disabled_at = person.disabled_at
    role = signed_in().role
    can_change, sees_absences = (
        role in ACCESS[endpoint] for endpoint in ("people.change", "absences.show")
    )
    absences = latest_absences(db.session, person.id, limit=ABSENCES) if sees_absences else []
    is_disabled = person.is_disabled(now)
    tokens, has_second_factor = tokens_and_factor(db.session, person.id, now=now)
    page = PersonPage(
        person=person,
        account=_account(person),
        is_disabled=is_disabled,
        is_leaving=disabled_at is not None and not is_disabled,
        is_me=person.id == signed_in().id,
        can_change=can_change,
        sees_absences=sees_absences,
        has_second_factor=has_second_factor,
        tokens=tokens,
        postings=[_posting_row(posting, on) for posting in reversed(person.postings)],
        absences=[absence_row(absence, on) for absence in absences],
    )

    return render_template(
        "people/show.html",
        page=page,
        grants=grant_rows(db.session, person, is_mine=False, can_end=can_change),
        rows=delegation_rows(person, is_mine=False, can_end=can_change),
        open_count=open_count(db.session, person) if can_change else 0,
        new_url=url_for("entry_grants.new", username=person.username) if can_change else None,
    )


def dates_of(from_on: date, to_on: date | None) -> str:
    """`2026年1月1日起`, or `2026年1月1日至6月30日`; the end's year only where it differs."""
    begin = f"{from_on.year}年{formatting.day(from_on)}"
    if to_on is None:
        return f"{begin}起"
    end = (
        formatting.day(to_on)
        if to_on.year == from_on.year
        else f"{to_on.year}年{formatting.day(to_on)}"
    )
    return f"{begin}至{end}"


def _posting_row(posting: Posting, on: date) -> PostingRow:
    begun = posting.from_on <= on
    return PostingRow(
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
            return "未设置密码，不能登录"
        return _temporary(until, now) if (until := temporary_until(person)) else "在用"
    # who leaves keeps the account up to the end of the last day, which may lie ahead
    when = formatting.moment(person.disabled_at, today())
    return f"{when} 已停用" if person.is_disabled(now) else f"将于 {when} 停用"


def _temporary(until: datetime, now: datetime) -> str:
    if until <= now:
        return "临时密码已过期，请重新生成"
    return f"临时密码，{formatting.moment(until, today())} 前有效，首次登录后由本人修改"
