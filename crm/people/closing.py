"""Accounts that close or turn to a reader's, kept on the session for the features above.

What only that person could see falls to somebody else before the transaction commits.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from crm.people.models import Person

ENDED = "people whose sight of records ends"  # where a session keeps them until it commits


@dataclass(frozen=True, slots=True)
class SightEnded:
    """That a person sees no records any more, from now on or from the day the account closes."""

    person: Person
    by: Person | None
    at: datetime


def sight_ends(db: Session, person: Person, *, by: Person | None, at: datetime) -> None:
    """Note it for `leads.succession`, which hears of it at the commit."""
    db.info.setdefault(ENDED, []).append(SightEnded(person, by, at))
