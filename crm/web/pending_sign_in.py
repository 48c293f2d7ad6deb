"""The first step of a sign-in, kept in the signed cookie until the second one is taken."""

from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from flask import session

from crm.people.models import Person
from crm.web.transaction import moment

KEY = "first_step"
LIFE_SECONDS = 600  # a telephone is looked for


class FirstStep(NamedTuple):
    """Who has proved to know the password, and where they were going."""

    person_id: int
    mark: str  # of the password: whoever changes it ends the step
    target: str
    at: float  # seconds since 1970


def keep_first_step(person: Person, target: str) -> None:
    """Remember that the person has taken the first step at this browser."""
    session.clear()
    session[KEY] = list(FirstStep(person.id, mark_of(person), target, moment().timestamp()))


def first_step(now: datetime) -> FirstStep | None:
    """The first step that was taken here, as long as it holds."""
    kept = session.get(KEY)
    if not kept:
        return None
    step = FirstStep(*kept)
    return step if now.timestamp() - step.at < LIFE_SECONDS else None


def clear_but_first_step() -> None:
    """Forget all else: a page that is fetched in between does not end the sign-in."""
    kept = session.get(KEY)
    session.clear()
    if kept:
        session[KEY] = kept


def mark_of(person: Person) -> str:
    """What changes with the person's password."""
    return sha256((person.password_hash or "").encode()).hexdigest()[:16]
