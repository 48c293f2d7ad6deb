"""A visit's row, held against a change at the same time."""

from datetime import date

from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.locks import hold
from crm.people.permissions import Viewer
from crm.visits.models import Visit
from crm.visits.permissions import may_change


def hold_changeable(db: Session, visit: Visit, me: Viewer, on: date) -> None:
    """Refuse who may not change the visit, and hold its row against a change at the same time."""
    if not may_change(db, me, visit.id, on):
        raise Refused("not_yours")
    hold(db, visit)
