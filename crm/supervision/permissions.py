"""Who may see and do what with a supervision order: SQL conditions and predicates (REGIME 2, 5).

`actor_conditions` and `situation_of` define each actor twice, for lists and for one order;
tests/supervision/test_workflow.py compares them.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, not_, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.workflow import Obstacle, Situation
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.models import Person, Posting, Unit
from crm.people.permissions import Viewer, acted_for, viewer
from crm.people.queries import held_on
from crm.people.rules import WITH_RECORDS, Role
from crm.quotas.models import RuleVersion
from crm.quotas.permissions import FigureScope, figure_scope, seen_by
from crm.supervision.models import Order, OrderUnit
from crm.supervision.rules import CLOSED, WORKING, OrderState, days_overdue, may_ask_extension
from crm.supervision.workflow import ACTING, DECIDING, ORDER_WORKFLOW, Actor, Condition, Step

# An admin has the whole zone in scope, but is not of the line of command.
IN_LINE = frozenset({Role.SUPERVISOR, Role.LEADER})
# an actor of two columns is whoever acted, and in whose name: nobody decides on their own chair
COLUMNS = {
    Actor.OFFICER: (Order.officer_id,),
    Actor.ISSUER: (Order.issued_by_id,),
    Actor.DRAFTER: (Order.drafted_by_id,),
    Actor.PERSON: (Order.person_id,),
    Actor.ASKER: (Order.asked_by_id, Order.asked_for_id),
    Actor.ANSWERER: (Order.answered_by_id, Order.answered_for_id),
}

# Who may attach files to an order while it is open: both of its sides.
ATTACHING = frozenset((*DECIDING, *ACTING, Actor.DRAFTER, Actor.ASSISTANT))

OrderSituation = Situation[OrderState, Actor, Condition]


def ids_of(order: Order, actors: Iterable[Actor]) -> set[int | None]:
    """Ids of who is one of these to the order, of those that stand in its columns."""
    return {getattr(order, column.key) for actor in actors for column in COLUMNS[actor]}


# who may see an order


def visible(viewer: Viewer, scope: FigureScope, on: date) -> ColumnElement[bool]:
    """Orders that the viewer may see on the date.

    Theirs to answer, to decide or drafted by them, and those that lead or assist in their scope.
    """
    if viewer.role not in WITH_RECORDS:
        return false()

    people = viewer.acting_ids
    decided = (Order.officer_id, Order.issued_by_id, Order.drafted_by_id)
    # A draft may still be dropped, so the person whom it is about does not see it yet.
    to_answer = and_(Order.person_id.in_(people), Order.issued_at.is_not(None))
    near = or_(to_answer, *(column.in_(people) for column in decided))

    if units := viewer.acting_units:
        is_about_me = Order.person_id.is_not(None) & Order.person_id.in_(people)
        near |= Order.unit_id.in_(units) & or_(Order.issued_at.is_not(None), ~is_about_me)
        near |= and_(Order.issued_at.is_not(None), assisted_by(units))

    return _secrecy_allows(viewer, on) & figure_allows(scope) & near


def visible_to(
    db: Session, viewer: Viewer, on: date, scope: FigureScope | None = None
) -> Select[Order]:
    """The orders that the viewer may see on the date; `scope` is read where it is not given."""
    return select(Order).where(visible(viewer, scope or figure_scope(db, viewer, on), on))


def may_see(db: Session, viewer: Viewer, order_id: int, on: date) -> bool:
    """Whether the viewer may see the order."""
    seen = visible_to(db, viewer, on).with_only_columns(Order.id)
    return db.scalar(seen.where(Order.id == order_id)) is not None


def may_know(db: Session, viewer: Viewer, order_id: int, on: date) -> bool:
    """Whether the secrecy of its lead and figure lets the viewer see the order, once issued."""
    allowed = _secrecy_allows(viewer, on) & figure_allows(figure_scope(db, viewer, on))
    return db.scalar(select(Order.id).where(Order.id == order_id, allowed)) is not None


def figure_allows(scope: FigureScope) -> ColumnElement[bool]:
    """Of orders about a person's figure, those of which the viewer sees the figure (REGIME 2)."""
    duty = (
        select(RuleVersion.duty)
        .where(RuleVersion.code == Order.rule_code)
        .order_by(RuleVersion.valid_from.desc())
        .limit(1)
        .correlate(Order)
        .scalar_subquery()
    )
    person, unit = Order.person_id.expression, Order.unit_id.expression
    seen = seen_by(scope, person=person, unit=unit, duty=duty)
    return or_(Order.rule_code.is_(None), seen)


def _secrecy_allows(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """An order inherits the level of its lead."""
    seen = exists().where(Lead.id == Order.lead_id, visible_leads(viewer, on))
    return or_(Order.lead_id.is_(None), seen)


def assisted_by(unit_ids: Collection[int]) -> ColumnElement[bool]:
    """Orders that one of the units assists."""
    return exists().where(OrderUnit.order_id == Order.id, OrderUnit.unit_id.in_(unit_ids))


def overdue(on: date) -> ColumnElement[bool]:
    """Orders past their due date with the leading unit to act."""
    return Order.state.in_(WORKING) & (Order.due_on < on)


# who somebody is to an order, and what they may do


def actor_conditions(viewer: Viewer, on: date) -> dict[Actor, ColumnElement[bool]]:
    """Of each actor, the orders to which the viewer is it; never NULL for the columns' actors.

    Nobody stands in for another in an order about themselves.
    """
    own = _actor_conditions(viewer.alone(), on)
    if not viewer.principals:
        return own
    is_mine = Order.person_id.is_not_distinct_from(viewer.person_id)
    acting = _actor_conditions(viewer, on)
    return {actor: or_(own[actor], acting[actor] & ~is_mine) for actor in own}


def _actor_conditions(viewer: Viewer, on: date) -> dict[Actor, ColumnElement[bool]]:
    people, units, line_ids = viewer.acting_ids, viewer.acting_units, viewer.acting_in(IN_LINE)
    posted = select(Posting.unit_id).where(Posting.person_id.in_(line_ids), held_on(on))
    # The top unit has none above it, so it stands for it.
    above = (
        select(func.coalesce(Unit.parent_id, Unit.id))
        .where(Unit.id == Order.unit_id)
        .correlate(Order)
        .scalar_subquery()
    )
    is_in_line = bool(line_ids)
    line = Order.unit_id.in_(posted) if is_in_line else false()
    named = {
        actor: or_(*(each.is_not_distinct_from(one) for each in columns for one in people))
        for actor, columns in COLUMNS.items()
    }

    return named | {
        Actor.OVERSEER: Order.unit_id.in_(units),
        Actor.ABOVE: above.in_(units),
        Actor.ASSISTANT: assisted_by(units),
        Actor.LINE: line,
        Actor.RECEIVING_LINE: line & not_(named[Actor.ISSUER]),
        Actor.REACHED: Order.reached_unit_id.in_(posted) if is_in_line else false(),
    }


def situation_of(db: Session, me: Viewer, order: Order, on: date) -> OrderSituation:
    """The order's state, the viewer's roles in it and the conditions that hold.

    Must agree with the SQL of `actor_conditions` and `condition_sql`.
    """
    if order.person_id == me.person_id:
        me = me.alone()
    mine = set(me.acting_ids)
    actors = {actor for actor in COLUMNS if not mine.isdisjoint(ids_of(order, [actor]))}
    units, line_ids = me.acting_units, me.acting_in(IN_LINE)

    if units:
        parent_id = db.scalar(select(Unit.parent_id).where(Unit.id == order.unit_id))
        assisting = select(OrderUnit.unit_id).where(OrderUnit.order_id == order.id)
        scopes = {
            Actor.OVERSEER: order.unit_id in units,
            Actor.ABOVE: (parent_id or order.unit_id) in units,
            Actor.ASSISTANT: not units.isdisjoint(db.scalars(assisting)),
        }
        actors |= {actor for actor, is_so in scopes.items() if is_so}

    if line_ids:
        query = select(Posting.unit_id).where(Posting.person_id.in_(line_ids), held_on(on))
        posted = set(db.scalars(query))
        is_in_line = order.unit_id in posted
        lines = {
            Actor.LINE: is_in_line,
            Actor.RECEIVING_LINE: is_in_line and Actor.ISSUER not in actors,
            Actor.REACHED: order.reached_unit_id in posted,
        }
        actors |= {actor for actor, is_so in lines.items() if is_so}

    return Situation(order.state, frozenset(actors), conditions_of(order, on))


def condition_sql(condition: Condition, on: date) -> ColumnElement[bool]:
    """The orders for which a condition holds."""
    match condition:
        case Condition.BEFORE_DUE:
            return Order.due_on > on
        case Condition.NOT_ASKED:
            return Order.asked_due_on.is_(None)
        case Condition.ASKED:
            return Order.asked_due_on.is_not(None)
        case Condition.OVERDUE:
            return overdue(on)


def conditions_of(order: Order, on: date) -> frozenset[Condition]:
    """The conditions that hold for an order."""
    is_asked = order.asked_due_on is not None
    holds = {
        Condition.BEFORE_DUE: order.due_on is not None and may_ask_extension(order.due_on, on),
        Condition.NOT_ASKED: not is_asked,
        Condition.ASKED: is_asked,
        Condition.OVERDUE: days_overdue(order.state, order.due_on, on) > 0,
    }
    return frozenset(condition for condition, is_so in holds.items() if is_so)


def may_take(step: Step, actors: dict[Actor, ColumnElement[bool]], on: date) -> ColumnElement[bool]:
    """The visible orders with which the viewer may take a step; `actors` are the viewer's."""
    row = ORDER_WORKFLOW.of(step)

    return and_(
        Order.state.in_(row.sources),
        or_(*(actors[actor] for actor in row.by)),
        *(not_(actors[actor]) for actor in row.never),
        *(condition_sql(condition, on) for condition in row.when),
    )


def may_attach(situation: OrderSituation) -> bool:
    """Whether the viewer may attach files to the order; a closed one stays as it is."""
    return situation.state not in CLOSED and not situation.actors.isdisjoint(ATTACHING)


def steps_of(db: Session, me: Viewer, order: Order, on: date) -> frozenset[Step]:
    """What the viewer may do now with a visible order; the service refuses all else."""
    return ORDER_WORKFLOW.steps(situation_of(db, me, order, on))


def require_step(db: Session, *, order: Order, step: Step, by: Person, now: datetime) -> int | None:
    """Lock the order and refuse a step that its workflow does not allow the person now.

    The id of the person in whose name another one takes it; none: in their own.

    Refused as `not_yours`, `order_state`, `same_person`, `extension_too_late`, `already_asked`,
    `nothing_asked`.
    """
    on = civil_date(now)
    me = viewer(db, by, on)
    # before all else: a refusal for another reason would tell of the order
    if not may_see(db, me, order.id, on):
        raise Refused("not_yours")

    # Of two who take a step at once, the second meets the state that the first one left.
    hold(db, order)
    workflow = ORDER_WORKFLOW.of(step)
    obstacle = workflow.obstacle(situation_of(db, me, order, on))
    if obstacle is not None:
        raise _refusal(obstacle, order)
    return acted_for(me, lambda one: not workflow.obstacle(situation_of(db, one, order, on)))


def _refusal(obstacle: Obstacle | Condition, order: Order) -> Refused:
    match obstacle:
        case Obstacle.STATE:
            return Refused("order_state", state=order.state.label)
        case Obstacle.SAME_PERSON:
            return Refused("same_person")
        case Condition.BEFORE_DUE:
            return Refused("extension_too_late", field="new_due_on", on=order.due_on)
        case Condition.NOT_ASKED:
            return Refused("already_asked", field="new_due_on", on=order.asked_due_on)
        case Condition.ASKED:
            return Refused("nothing_asked")
        case _:
            return Refused("not_yours")


def may_draft(me: Viewer, unit_id: int) -> bool:
    """Whether the viewer may draft an order for the unit: who oversees, in their scope."""
    return me.oversees and unit_id in me.unit_ids
