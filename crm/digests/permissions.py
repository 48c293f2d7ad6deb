"""What one recipient may know of the facts: which leads by name, which visits at all (REGIME 2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from crm.digests.content import LeadName
from crm.digests.orders import seen_orders
from crm.digests.queries import Facts, VisitFact
from crm.leads.queries import LeadLabel, lead_labels
from crm.people.models import Person
from crm.people.queries import Viewer, viewer, viewers
from crm.people.rules import Role
from crm.quotas.permissions import FigureScope, figure_scope, figure_scopes
from crm.visits.models import Visit
from crm.visits.queries import visible_to

# REGIME 5: those who get the part of the units that they see.
OF_UNITS = frozenset({Role.SUPERVISOR, Role.LEADER, Role.READER})


@dataclass(frozen=True, slots=True)
class Sight:
    """A recipient with what is theirs to see of one digest run."""

    viewer: Viewer
    figures: FigureScope
    labels: dict[int, LeadLabel]
    visit_ids: frozenset[int]
    order_ids: frozenset[int] = frozenset()

    @property
    def has_units(self) -> bool:
        """Whether a part of units is theirs."""
        return self.viewer.role in OF_UNITS and bool(self.figures.unit_ids)

    @property
    def has_records(self) -> bool:
        """Whether they see more of the units than figures."""
        return self.has_units and self.viewer.oversees

    def name_of(self, lead_id: int) -> LeadName:
        """How the lead is called before them."""
        label = self.labels[lead_id]
        return LeadName(label.id, label.text)

    def knows(self, lead_id: int) -> bool:
        """Whether they may see the lead itself."""
        return self.labels[lead_id].id is not None

    def reads(self, visit: VisitFact) -> bool:
        """Whether they may read what was said: a visit's text inherits its leads' level."""
        return visit.is_of(self.viewer.person_id) or all(
            self.knows(lead_id) for lead_id in visit.lead_ids
        )

    def minutes_of(self, visit: VisitFact) -> str | None:
        """What was said, where there is something and they may read it."""
        return (visit.minutes or None) if self.reads(visit) else None


def sight_of(db: Session, person: Person, facts: Facts) -> Sight:
    """What the person may know of the facts."""
    eyes = viewer(db, person, facts.on)
    return sight_for(db, eyes, figure_scope(db, eyes, facts.on), facts)


def sights(db: Session, people: Sequence[Person], facts: Facts) -> Iterator[Sight]:
    """What each of these people may know of the facts, in at most three queries a person."""
    eyes = list(viewers(db, people, facts.on))
    scopes = figure_scopes(db, eyes, facts.on)
    for one in eyes:
        yield sight_for(db, one, scopes[one.person_id], facts)


def sight_for(db: Session, eyes: Viewer, scope: FigureScope, facts: Facts) -> Sight:
    """What the viewer, who sees these figures, may know of the facts."""
    overseeing = eyes.role in OF_UNITS and eyes.oversees

    if overseeing:
        lead_ids, asked = set(facts.leads), {visit.facts.id for visit in facts.visits}
    else:
        mine = [visit for visit in facts.visits if visit.is_of(eyes.person_id)]
        lead_ids = {lead_id for visit in mine for lead_id in visit.lead_ids}
        asked = set()

    lead_ids |= {one.lead_id for one in facts.due.get(eyes.person_id, ())}
    labels = lead_labels(db, eyes, lead_ids, facts.on)
    orders = facts.orders if overseeing else ()
    visits = visible_ids(db, eyes, asked, facts.on)

    return Sight(eyes, scope, labels, visits, seen_orders(db, eyes, scope, orders, facts.at))


def visible_ids(db: Session, eyes: Viewer, asked: set[int], on: date) -> frozenset[int]:
    """Which of the visits the viewer may see."""
    if not asked:
        return frozenset()
    visits = visible_to(eyes, on).with_only_columns(Visit.id).where(Visit.id.in_(asked))
    return frozenset(db.scalars(visits))
