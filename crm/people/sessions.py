"""Login sessions: rows that can be revoked; the browser holds only a token."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.base.audit_chain import head_columns, is_head, note_head
from crm.base.audit_entries import AuditHead
from crm.people.models import LoginSession, Person
from crm.people.sign_in_models import SecondFactor, SignInProfile
from crm.people.sign_in_profiles import SESSION_COLUMNS, SHIPPED, SessionRules, session_rules

LONGEST = timedelta(days=60)  # however often it is used
SEEN_EVERY = timedelta(minutes=5)  # a write at each request would be too many

_IS_OPEN = and_(
    LoginSession.ended_at.is_(None),
    LoginSession.seen_at > bindparam("seen_after"),
    LoginSession.begun_at > bindparam("begun_after"),
)
# put together once: every request sends it, and most ask for the trail's head as well
_OPEN_OF_TOKEN = (
    select(LoginSession, *head_columns(), SecondFactor.confirmed_at, *SESSION_COLUMNS)
    .options(joinedload(LoginSession.person, innerjoin=True))
    .select_from(LoginSession)
    .outerjoin(SecondFactor, SecondFactor.person_id == LoginSession.person_id)
    .outerjoin(SignInProfile, SignInProfile.is_chosen.is_(True))
    .outerjoin(AuditHead, is_head())
    .where(
        LoginSession.token_hash == bindparam("token_hash"),
        LoginSession.ended_at.is_(None),
        LoginSession.begun_at > bindparam("begun_after"),
    )
)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that still signs its person in, with what the chosen profile asks of it."""

    login: LoginSession
    has_second_factor: bool
    rules: SessionRules

    @property
    def lacks_second_factor(self) -> bool:
        """Whether the person must set one up before anything else."""
        return not self.has_second_factor and self.rules.requires_second_factor(self.login.person)

    def must_change_password(self, now: datetime) -> bool:
        """Whether the person must set another password before anything else."""
        return self.rules.must_change_password(self.login.person, now)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def begin(
    db: Session,
    *,
    person: Person,
    address: str | None,
    browser: str | None,
    now: datetime,
) -> str:
    """Sign the person in and return the token, which is stored only as a hash."""
    token = secrets.token_urlsafe(32)
    login = LoginSession(
        token_hash=_hash(token),
        person_id=person.id,
        begun_at=now,
        seen_at=now,
        address=address,
        browser=browser,
    )
    db.add(login)
    record(db, "session.begun", login, by=person, at=now, after={"address": address})

    return token


def find(db: Session, token: str, *, now: datetime) -> OpenSession | None:
    """The open session of that token, with its person."""
    asked = {"token_hash": _hash(token), "begun_after": now - LONGEST}
    row = db.execute(_OPEN_OF_TOKEN, asked).one_or_none()
    if row is None:
        return None

    login, position, link, confirmed_at, *columns = row
    note_head(db, position, link)
    rules = SHIPPED if columns[0] is None else SessionRules(*columns)
    # an account may close on a later date, and its sessions do not end with it by themselves
    if login.seen_at <= now - rules.idle or login.person.is_disabled(now):
        return None
    return OpenSession(login, confirmed_at is not None, rules)


def end(db: Session, *, login: LoginSession, by: Person, now: datetime) -> None:
    """Sign out, here or, for another device of the same person, from there."""
    login.ended_at = now
    record(db, "session.ended", login, by=by, at=now)


def open_sessions(db: Session, person_id: int, *, now: datetime) -> Sequence[LoginSession]:
    """Sessions that still sign the person in, the latest used first."""
    query = select(LoginSession).where(LoginSession.person_id == person_id, _IS_OPEN)
    latest = query.order_by(LoginSession.seen_at.desc(), LoginSession.id.desc())
    seen_after = now - session_rules(db).idle
    return db.scalars(latest, {"seen_after": seen_after, "begun_after": now - LONGEST}).all()


def session_of(db: Session, person_id: int, session_id: int) -> LoginSession | None:
    """That session, where it is the person's and has not ended."""
    query = select(LoginSession).where(
        LoginSession.id == session_id,
        LoginSession.person_id == person_id,
        LoginSession.ended_at.is_(None),
    )
    return db.scalar(query)


def note_use(db: Session, login_id: int, *, now: datetime) -> None:
    """Note that the session was used."""
    db.execute(update(LoginSession).where(LoginSession.id == login_id).values(seen_at=now))
