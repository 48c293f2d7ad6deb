"""Login sessions: rows that can be revoked; the browser holds only a token."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.people.models import LoginSession, Person

IDLE = timedelta(days=14)  # a phone that is used every other week stays signed in
LONGEST = timedelta(days=60)  # however often it is used
SEEN_EVERY = timedelta(minutes=5)  # a write at each request would be too many

_IS_OPEN = and_(
    LoginSession.ended_at.is_(None),
    LoginSession.seen_at > bindparam("seen_after"),
    LoginSession.begun_at > bindparam("begun_after"),
)
# put together once: every request sends it
_OPEN_OF_TOKEN = (
    select(LoginSession)
    .options(joinedload(LoginSession.person, innerjoin=True))
    .where(LoginSession.token_hash == bindparam("token_hash"), _IS_OPEN)
)


def _earliest(now: datetime) -> dict[str, datetime]:
    """The values of `_IS_OPEN`: sessions that were last used or begun earlier have timed out."""
    return {"seen_after": now - IDLE, "begun_after": now - LONGEST}


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


def find(db: Session, token: str, *, now: datetime) -> LoginSession | None:
    """The open session of that token, with its person."""
    login = db.scalar(_OPEN_OF_TOKEN, {"token_hash": _hash(token), **_earliest(now)})
    # an account may close on a later date, and its sessions do not end with it by themselves
    return None if login is None or login.person.is_disabled(now) else login


def end(db: Session, *, login: LoginSession, now: datetime) -> None:
    """Sign out."""
    login.ended_at = now
    record(db, "session.ended", login, by=login.person, at=now)


def open_sessions(db: Session, person_id: int, *, now: datetime) -> Sequence[LoginSession]:
    """Sessions that still sign the person in, the latest used first."""
    query = select(LoginSession).where(LoginSession.person_id == person_id, _IS_OPEN)
    latest = query.order_by(LoginSession.seen_at.desc(), LoginSession.id.desc())
    return db.scalars(latest, _earliest(now)).all()


def note_use(db: Session, login_id: int, *, now: datetime) -> None:
    """Note that the session was used."""
    db.execute(update(LoginSession).where(LoginSession.id == login_id).values(seen_at=now))
