"""Supervision orders in mails: the one place that fills them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.people.queries import Viewer


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A supervision order under way, as mails tell it."""

    id: int
    number: str
    matter: str
    unit_name: str
    due_on: date
    days_overdue: int


def open_orders(_db: Session, _eyes: Viewer, *, as_of: datetime) -> Sequence[OpenOrder]:
    """The orders of the reader's units that are under way at that moment."""
    del as_of
    return ()
