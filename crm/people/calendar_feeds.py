"""The address of a person's calendar for other programs: a token, kept only as a hash (ENTRY 4)."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.base.errors import Refused
from crm.people.models import CalendarFeed, Person
from crm.people.rules import WITH_RECORDS


def open_feed(db: Session, person_id: int) -> CalendarFeed | None:
    """The person's feed, where there is one that was not ended."""
    return db.scalar(_open().where(CalendarFeed.person_id == person_id))


def feed_of(db: Session, token: str, *, now: datetime) -> CalendarFeed | None:
    """The feed of that token with its person; none of a closed account."""
    found = _open().where(CalendarFeed.token_hash == _hash(token))
    feed = db.scalar(found.options(joinedload(CalendarFeed.person, innerjoin=True)))
    if feed is None or feed.person.is_disabled(now) or feed.person.role not in WITH_RECORDS:
        return None
    return feed


def make_feed(db: Session, *, person: Person, now: datetime) -> str:
    """A new address for the person's own calendar; an earlier one ends. The token is told once.

    Refused as `not_yours` for a reader, who has no records.
    """
    if person.role not in WITH_RECORDS:
        raise Refused("not_yours")
    # held, so that of two at once the second ends the first
    db.execute(select(Person.id).where(Person.id == person.id).with_for_update(key_share=True))
    if feed := open_feed(db, person.id):
        feed.ended_at = now
        db.flush()

    token = secrets.token_urlsafe(32)
    db.add(CalendarFeed(token_hash=_hash(token), person_id=person.id, made_at=now))
    record(db, "person.calendar_feed_made", person, by=person, at=now)
    return token


def end_feed(db: Session, *, person: Person, now: datetime) -> None:
    """End the address; nothing is changed where there is none."""
    if feed := open_feed(db, person.id):
        feed.ended_at = now
        record(db, "person.calendar_feed_ended", person, by=person, at=now)


def _open() -> Select[CalendarFeed]:
    return select(CalendarFeed).where(CalendarFeed.ended_at.is_(None))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
