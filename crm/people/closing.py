"""Accounts that close or turn to a reader's, kept on the session for the features above.

What only that person could see falls to somebody else before the transaction commits.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.pending import collect
from crm.people.models import Person


@dataclass(frozen=True, slots=True)
class SightEnded:
    """That a person sees no records any more, from now on or from the day the account closes."""

    person: Person
    by: Person | None
    at: datetime


def sight_ends(db: Session, person: Person, *, by: Person | None, at: datetime) -> None:
    """Collect it for `reassignment` and `leads.succession`."""
    collect(db, SightEnded(person, by, at))
