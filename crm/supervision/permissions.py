"""Who may do what with a supervision order: the issuing side and the side that acts (REGIME 5)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.people.models import Person, Unit
from crm.people.queries import Viewer, viewer
from crm.supervision.models import Order, OrderUnit
from crm.supervision.queries import may_see
from crm.supervision.rules import (
    ANSWERABLE,
    UNDER_WAY,
    WORKING,
    OrderState,
    Step,
    may_ask_extension,
)


@dataclass(frozen=True, slots=True)
class Rights:
    """On which sides of an order a person stands."""

    decides: bool  # issues, drops, accepts, returns, grants an extension
    acts: bool  # receives, answers, asks for an extension
    reports: bool  # tells of progress


def rights_of(db: Session, me: Viewer, order: Order) -> Rights:
    """The sides of a visible order on which the viewer stands; for pages as for services.

    The officer and the issuer decide, and who oversees from above the leading unit; never the
    person whom it is about. The person acts, and who oversees the leading unit.
    """
    acts = me.person_id == order.person_id or (me.oversees and order.unit_id in me.unit_ids)
    assists = me.oversees and bool(me.unit_ids & _assisting(db, order))
    return Rights(_decides(db, me, order), acts, acts or assists)


def steps_of(db: Session, me: Viewer, order: Order, on: date) -> frozenset[Step]:
    """What the viewer may do now with a visible order; the services refuse all else."""
    rights = rights_of(db, me, order)
    state, asked = order.state, order.asked_due_on is not None
    is_working, is_answered = state in WORKING, state is OrderState.ANSWERED
    may_extend = order.due_on is not None and may_ask_extension(order.due_on, on) and not asked
    grants = rights.decides and is_working and asked and order.asked_by_id != me.person_id
    closes = rights.decides and is_answered and order.answered_by_id != me.person_id
    may = {
        Step.ISSUE: rights.decides and state is OrderState.DRAFT,
        Step.DROP: rights.decides and state is OrderState.DRAFT,
        Step.RECEIVE: rights.acts and state is OrderState.ISSUED,
        Step.PROGRESS: rights.reports and state in UNDER_WAY,
        Step.EXTEND: rights.acts and is_working and may_extend,
        Step.GRANT: grants,
        Step.REFUSE: grants,
        Step.ANSWER: rights.acts and state in ANSWERABLE,
        Step.ACCEPT: closes,
        Step.RETURN: closes,
    }

    return frozenset(step for step, is_mine in may.items() if is_mine)


def _decides(db: Session, me: Viewer, order: Order) -> bool:
    if me.person_id == order.person_id:
        return False
    if me.person_id in (order.officer_id, order.issued_by_id):
        return True
    above = db.scalar(select(Unit.parent_id).where(Unit.id == order.unit_id)) or order.unit_id
    return me.oversees and above in me.unit_ids


def _assisting(db: Session, order: Order) -> frozenset[int]:
    query = select(OrderUnit.unit_id).where(OrderUnit.order_id == order.id)
    return frozenset(db.scalars(query))


def take(
    db: Session, order: Order, by: Person, now: datetime, states: Collection[OrderState]
) -> Rights:
    """Hold the order against changes at the same time; what the person may do with it.

    Refused as `not_yours` where they may not see it, and as `order_state` in any other state.
    """
    on = civil_date(now)
    me = viewer(db, by, on)
    if not may_see(db, me, order.id, on):
        raise Refused("not_yours")
    db.refresh(order, [*Order.__table__.columns.keys()], with_for_update=True)
    if order.state not in states:
        raise Refused("order_state", state=order.state.label)
    return rights_of(db, me, order)


def require(has: bool) -> None:  # noqa: FBT001 - a claim, not a switch
    """Refuse whoever has not the right."""
    if not has:
        raise Refused("not_yours")


def may_draft(me: Viewer, unit_id: int) -> bool:
    """Whether the viewer may draft an order for the unit: who oversees, in their scope."""
    return me.oversees and unit_id in me.unit_ids


def later(new: date, than: date, field: str) -> date:
    """The new due date; refused as `due_not_later`."""
    if new <= than:
        raise Refused("due_not_later", field=field, on=than)
    return new
