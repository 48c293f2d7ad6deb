"""What a recipient may see in a mail: which leads by name, which visits and orders (REGIME 2)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.digests.content import LeadName
from crm.digests.facts import Facts, Units
from crm.digests.queries import VisitFact
from crm.leads.redaction import LabelsFor, LeadLabel, lead_labels
from crm.people.models import Person
from crm.people.permissions import Viewer, viewer, viewers
from crm.people.queries import units_held
from crm.people.rules import Role
from crm.quotas.permissions import FigureScope, figure_scope, figure_scopes
from crm.supervision import permissions as supervision
from crm.supervision.models import Order
from crm.visits.models import Visit
from crm.visits.queries import visible_to

# REGIME 5: the roles whose digest has a part about units.
OF_UNITS = frozenset({Role.SUPERVISOR, Role.LEADER, Role.READER})
NO_IDS = frozenset[int]()


@value_class
class Visibility:
    """A recipient, and what they may see of the facts."""

    viewer: Viewer
    figures: FigureScope
    labels: Mapping[int, LeadLabel]
    visit_ids: frozenset[int]  # visits with a page for them
    order_ids: frozenset[int] = NO_IDS

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
        return visit.minutes if visit.minutes and self.can_read(visit) else None


def visibility_of(db: Session, person: Person, facts: Facts) -> Visibility:
    """What the person may see of a digest's facts."""
    return next(visibilities(db, [person], facts))


def visibilities(db: Session, people: Sequence[Person], facts: Facts) -> Iterator[Visibility]:
    """What each person may see of a digest's facts, in a fixed number of queries for them all."""
    readers = list(viewers(db, people, facts.on, facts.units))
    scopes = figure_scopes(db, readers, facts.on)
    own_units = units_held(db, [person.id for person in people], facts.on)

    for reader in readers:
        scope = scopes[reader.person_id]
        yield Visibility(
            reader,
            scope,
            labels=LabelsFor(facts.named_leads, reader, own_units[reader.person_id]),
            # REGIME 2: who oversees sees every visit of the people in their scope
            visit_ids=facts.shared(_visit_ids, reader.unit_ids) if reader.oversees else NO_IDS,
            order_ids=_visible_order_ids(db, reader, scope, facts),
        )


def _visit_ids(facts: Facts, unit_ids: Units) -> frozenset[int]:
    return frozenset(visit.facts.id for visit in facts.visits_by_unit.of(*unit_ids))


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
        return NO_IDS
    visits = visible_to(reader, on).with_only_columns(Visit.id).where(Visit.id.in_(visit_ids))
    return frozenset(db.scalars(visits))


def _visible_order_ids(
    db: Session, reader: Viewer, scope: FigureScope, facts: Facts
) -> frozenset[int]:
    # a weekly digest lists no orders
    if facts.month is None or not facts.orders or not reader.oversees:
        return NO_IDS
    order_ids = [order.id for order in facts.orders]
    may_see = supervision.visible(reader, scope, facts.on)
    return frozenset(db.scalars(select(Order.id).where(Order.id.in_(order_ids), may_see)))
