"""Who stands in for a step of an order that is nobody's task: see `else_for` of the workflow."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import literal, or_, select, union_all
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.remembered import remembered_long
from crm.people.models import Person
from crm.people.permissions import Viewer, viewers
from crm.people.queries import active_at, posted_as, unit_tree, units_above
from crm.people.rules import Role
from crm.quotas.permissions import figure_scopes
from crm.supervision.models import Order
from crm.supervision.permissions import IN_LINE, ids_of, visible
from crm.supervision.workflow import ORDER_WORKFLOW, Actor, Step


class StandIns:
    """The nearest up the tree who may take the step, else the admins.

    People and units are read once for all the orders, and what people may see once for all those
    of a level of the tree.
    """

    def __init__(self, db: Session, orders: Sequence[Order], at: datetime) -> None:
        """Read the line of command."""
        self._db, self._on = db, civil_date(at)
        self._order_ids = [order.id for order in orders]
        self._tree = unit_tree(db)
        self._in_line = posted_as(db, IN_LINE, at)
        ids = {person_id for held in self._in_line.values() for person_id in held}
        query = select(Person).where(
            or_(Person.id.in_(ids), Person.role == Role.ADMIN), active_at(at)
        )
        # in this order, by username, `of` returns them
        self._people = {person.id: person for person in db.scalars(query.order_by(Person.username))}
        people = self._people.values()
        unit_ids = remembered_long(
            *(db, "units of stand-ins", tuple(self._people), self._on),
            read=lambda: {seer.person_id: seer.unit_ids for seer in viewers(db, people, self._on)},
        )
        seeing = [Viewer(person, unit_ids[person.id], self._tree) for person in people]
        self._viewers = {viewer.person_id: viewer for viewer in seeing}
        self._scopes = figure_scopes(db, seeing, self._on)
        self._visible: dict[int, set[int]] = {}

    def of(self, order: Order, step: Step) -> list[Person]:
        """The people who stand in for a step of one of the orders, by username."""
        row = ORDER_WORKFLOW.of(step)
        if row.else_for is None:
            return []

        excluded = excluded_ids(order, step)
        if row.else_for is Actor.NEAREST:
            excluded.add(order.issued_by_id)  # nobody answers what they issued for others to answer

        chain = units_above(self._tree, order.unit_id)
        if row.else_for is Actor.NEAREST_ABOVE:
            chain = chain[1:] or chain  # the top has nobody above it

        levels = [set(self._in_line.get(unit_id, ())) for unit_id in chain]
        levels.append({person.id for person in self._people.values() if person.role is Role.ADMIN})
        for level in levels:
            if found := self._seeing(order, level - excluded):
                return found

        return []

    def _seeing(self, order: Order, person_ids: AbstractSet[int]) -> list[Person]:
        level = [person for person_id, person in self._people.items() if person_id in person_ids]
        self._read_visible([person.id for person in level if person.id not in self._visible])
        return [person for person in level if order.id in self._visible[person.id]]

    def _read_visible(self, person_ids: Sequence[int]) -> None:
        """Read which of the orders each of these people may see, in one query."""
        if not person_ids:
            return
        seen = [
            select(literal(person_id), Order.id).where(
                Order.id.in_(self._order_ids),
                visible(self._viewers[person_id], self._scopes[person_id], self._on),
            )
            for person_id in person_ids
        ]
        self._visible |= {person_id: set() for person_id in person_ids}
        for person_id, order_id in self._db.execute(union_all(*seen)):
            self._visible[person_id].add(order_id)


def excluded_ids(order: Order, step: Step) -> set[int | None]:
    """Ids of the people who may not take the step, whatever else they are to the order."""
    return ids_of(order, ORDER_WORKFLOW.of(step).never)
