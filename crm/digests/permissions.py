"""What a recipient may see in a mail: which leads by name, which visits and orders (REGIME 2)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.digests.content import LeadName
from crm.digests.facts import Facts
from crm.digests.queries import VisitFact
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.models import Person
from crm.people.permissions import Viewer, viewer, viewers
from crm.people.rules import Role
from crm.quotas.permissions import FigureScope, figure_scope, figure_scopes
from crm.supervision.models import Order
from crm.supervision.permissions import visible
from crm.supervision.queries import OrderActivity
from crm.visits.models import Visit
from crm.visits.queries import visible_to

# REGIME 5: the roles whose digest has a part about units.
OF_UNITS = frozenset({Role.SUPERVISOR, Role.LEADER, Role.READER})


@dataclass(frozen=True, slots=True)
class Visibility:
    """A recipient, and what they may see of the facts."""

    viewer: Viewer
    figures: FigureScope
    labels: dict[int, LeadLabel]
    visit_ids: frozenset[int]  # visits with a page for them
    order_ids: frozenset[int] = frozenset()

    @property
    def has_units(self) -> bool:
        """Whether they get a part about units."""
        return self.viewer.role in OF_UNITS and bool(self.figures.unit_ids)

    @property
    def has_records(self) -> bool:
        """Whether they see the units' records, not only figures."""
        return self.has_units and self.viewer.oversees

    def lead_name(self, lead_id: int) -> LeadName:
        label = self.labels[lead_id]
        return LeadName(label.id, label.text)

    def knows_lead(self, lead_id: int) -> bool:
        return self.labels[lead_id].id is not None

    def can_read(self, visit: VisitFact) -> bool:
        """Whether they may read the minutes: a visit's text is as secret as its leads."""
        return visit.is_of(self.viewer.person_id) or all(map(self.knows_lead, visit.lead_ids))

    def minutes_of(self, visit: VisitFact) -> str | None:
        """The minutes, where there are some and they may read them."""
        return (visit.minutes or None) if self.can_read(visit) else None


def visibility_of(db: Session, person: Person, facts: Facts) -> Visibility:
    """What the person may see of a digest's facts."""
    reader = viewer(db, person, facts.on)
    return _visibility(db, reader, figure_scope(db, reader, facts.on), facts)


def visibilities(db: Session, people: Sequence[Person], facts: Facts) -> Iterator[Visibility]:
    """What each person may see of a digest's facts, in at most three queries a person."""
    readers = list(viewers(db, people, facts.on))
    scopes = figure_scopes(db, readers, facts.on)
    for reader in readers:
        yield _visibility(db, reader, scopes[reader.person_id], facts)


def _visibility(db: Session, reader: Viewer, scope: FigureScope, facts: Facts) -> Visibility:
    is_overseeing = reader.role in OF_UNITS and reader.oversees

    if is_overseeing:
        lead_ids = set(facts.leads)
        visit_ids = {visit.facts.id for visit in facts.visits}
    else:
        own = [visit for visit in facts.visits if visit.is_of(reader.person_id)]
        lead_ids = {lead_id for visit in own for lead_id in visit.lead_ids}
        visit_ids = set()

    lead_ids |= {followup.lead_id for followup in facts.due.get(reader.person_id, ())}

    return Visibility(
        reader,
        scope,
        labels=lead_labels(db, reader, lead_ids, facts.on),
        visit_ids=visible_visit_ids(db, reader, visit_ids, facts.on),
        order_ids=_visible_order_ids(
            db, reader, scope, facts.orders if is_overseeing else (), facts.at
        ),
    )


def visibility_of_visits(
    db: Session, person: Person, visits: Iterable[VisitFact], on: date
) -> Visibility:
    """What the person may see of these visits and their leads."""
    shown = list(visits)
    reader = viewer(db, person, on)
    lead_ids = {lead_id for visit in shown for lead_id in visit.lead_ids}
    return Visibility(
        reader,
        figure_scope(db, reader, on),
        labels=lead_labels(db, reader, lead_ids, on),
        visit_ids=visible_visit_ids(db, reader, {visit.facts.id for visit in shown}, on),
    )


def visible_visit_ids(db: Session, reader: Viewer, visit_ids: set[int], on: date) -> frozenset[int]:
    """Those of the visits that the reader may see."""
    if not visit_ids:
        return frozenset()
    visits = visible_to(reader, on).with_only_columns(Visit.id).where(Visit.id.in_(visit_ids))
    return frozenset(db.scalars(visits))


def _visible_order_ids(
    db: Session, reader: Viewer, scope: FigureScope, orders: Iterable[OrderActivity], at: datetime
) -> frozenset[int]:
    order_ids = [order.id for order in orders]
    if not order_ids:
        return frozenset()
    may_see = visible(reader, scope, civil_date(at))
    return frozenset(db.scalars(select(Order.id).where(Order.id.in_(order_ids), may_see)))
