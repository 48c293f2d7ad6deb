"""The officers of the coordinating office (统筹单位), who decide between units (PROJECTS 0)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.remembered import remembered_long
from crm.people.models import Person
from crm.people.permissions import Viewer, people_in
from crm.people.queries import active_at, unit_tree, units_below
from crm.people.rules import Role


def officer_ids(db: Session, on: date) -> frozenset[int]:
    """Ids of the supervisors posted primarily at the coordinating office or below it."""
    tree = unit_tree(db)
    office = units_below(tree, {node.unit.id for node in tree if node.unit.coordinates})
    posted = select(Person.id).where(
        Person.role == Role.SUPERVISOR, Person.id.in_(people_in(office, on))
    )
    return remembered_long(db, "officers", on, read=lambda: frozenset(db.scalars(posted)))


def is_officer(db: Session, viewer: Viewer, on: date) -> bool:
    """Whether the viewer is an officer on the date."""
    return viewer.role is Role.SUPERVISOR and viewer.person_id in officer_ids(db, on)


def officers(db: Session, at: datetime) -> Sequence[Person]:
    """The officers whose accounts are open, by username."""
    open_accounts = Person.id.in_(officer_ids(db, civil_date(at))) & active_at(at)
    return db.scalars(select(Person).where(open_accounts).order_by(Person.username)).all()


def admin_names(db: Session) -> Sequence[str]:
    """The names of the admins whose accounts are open."""
    admins = select(Person.name).where(Person.role == Role.ADMIN, Person.disabled_at.is_(None))
    return db.scalars(admins.order_by(Person.id)).all()
