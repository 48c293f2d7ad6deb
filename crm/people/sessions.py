"""Sessions at the door: rows that can be ended; the browser holds a token (DESIGN 8)."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.people.models import LoginSession, Person

IDLE = timedelta(days=14)  # a phone that is used every other week stays signed in
LONGEST = timedelta(days=60)
SEEN_EVERY = timedelta(minutes=5)


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
    """Sign the person in; the token is given once and kept only as its hash."""
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
    """The living session of that token, with its person."""
    login = db.scalar(
        select(LoginSession)
        .options(joinedload(LoginSession.person))
        .where(
            LoginSession.token_hash == _hash(token),
            LoginSession.ended_at.is_(None),
            LoginSession.seen_at > now - IDLE,
            LoginSession.begun_at > now - LONGEST,
        )
    )
    return None if login is None or login.person.is_disabled(now) else login


def end(db: Session, *, login: LoginSession, now: datetime) -> None:
    """Sign out."""
    login.ended_at = now
    record(db, "session.ended", login, by=login.person, at=now)
