"""Save and remove views of the list of leads, and share them with a unit (PROJECTS 2)."""

from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.leads.view_models import LeadView
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.queries import unit_tree, units_above, units_held
from crm.people.rules import Role

MOST = 20  # of one person: the menu stays a menu
_COLUMNS = LeadView.id, LeadView.owner_id, LeadView.name, LeadView.query, LeadView.unit_id


@value_class
class SavedView:
    """A view in the menu of the list."""

    id: int
    owner_id: int
    name: str
    query: str
    unit_id: int | None  # with which it is shared


def views_for(db: Session, person_id: int, on: date) -> tuple[SavedView, ...]:
    """The person's own views, then those shared with a unit of theirs or one above it."""
    return remembered_long(
        db, "views of leads", person_id, on, read=lambda: _views_for(db, person_id, on)
    )


def _views_for(db: Session, person_id: int, on: date) -> tuple[SavedView, ...]:
    is_own = LeadView.owner_id == person_id
    query = select(*_COLUMNS).where(or_(is_own, LeadView.unit_id.is_not(None)))
    views = [SavedView(*row) for row in db.execute(query.order_by(LeadView.name, LeadView.id))]
    own = [view for view in views if view.owner_id == person_id]
    if len(own) == len(views):
        return tuple(own)

    tree = unit_tree(db)
    held = units_held(db, [person_id], on)[person_id]
    units = {above for unit_id in held for above in units_above(tree, unit_id)}
    return (*own, *(v for v in views if v.owner_id != person_id and v.unit_id in units))


def save_view(  # noqa: PLR0913 - what a view consists of
    db: Session, *, name: str, query: str, unit_id: int | None, by: Person, now: datetime
) -> LeadView:
    """Save a view; refused as `known_view`, `too_many_views`, `not_to_share`."""
    if unit_id is not None and not _may_share(db, by, unit_id, civil_date(now)):
        raise Refused("not_to_share", field="unit_id")
    own = select(func.count()).where(LeadView.owner_id == by.id)
    if (db.scalar(own) or 0) >= MOST:
        raise Refused("too_many_views", field="name", most=MOST)

    view = LeadView(owner_id=by.id, name=name, query=query, unit_id=unit_id, saved_at=now)
    try:
        with db.begin_nested():
            db.add(view)
    except IntegrityError:
        raise Refused("known_view", field="name") from None

    # not what it filters by: a text may name a hidden lead
    record(db, "lead_view.saved", view, by=by, at=now, after={"name": name, "unit_id": unit_id})
    return view


def remove_view(db: Session, *, view: LeadView, by: Person, now: datetime) -> None:
    """Remove a view of one's own."""
    if view.owner_id != by.id:
        raise Refused("not_yours")
    hold(db, view)
    before = {"name": view.name, "unit_id": view.unit_id}
    record(db, "lead_view.removed", view, by=by, at=now, before=before)
    db.delete(view)


def _may_share(db: Session, by: Person, unit_id: int, on: date) -> bool:
    return by.role is Role.SUPERVISOR and unit_id in viewer(db, by, on).unit_ids
