"""What one recipient may know of the facts: which leads by name, which visits at all (REGIME 2)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from crm.digests.content import LeadName
from crm.digests.orders import seen_orders
from crm.digests.queries import Facts, VisitFact
from crm.leads.queries import LeadLabel, lead_labels
from crm.people.models import Person
from crm.people.queries import Viewer, viewer
from crm.people.rules import Role
from crm.visits.models import Visit
from crm.visits.queries import visible_to

# REGIME 5: those who get the part of the units that they see.
OF_UNITS = frozenset({Role.SUPERVISOR, Role.LEADER, Role.READER})


@dataclass(frozen=True, slots=True)
class Sight:
    """A recipient with what is theirs to see of one digest run."""

    viewer: Viewer
    labels: dict[int, LeadLabel]
    visit_ids: frozenset[int]
    order_ids: frozenset[int] = frozenset()

    @property
    def has_units(self) -> bool:
        """Whether a part of units is theirs."""
        return self.viewer.role in OF_UNITS and bool(self.viewer.unit_ids)

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
    """What the person may know of the facts, in at most five queries whoever it is."""
    eyes = viewer(db, person, facts.on)
    overseeing = eyes.role in OF_UNITS and eyes.oversees
    if overseeing:
        lead_ids, asked = set(facts.leads), {visit.facts.id for visit in facts.visits}
    else:
        mine = [visit for visit in facts.visits if visit.is_of(person.id)]
        lead_ids = {lead_id for visit in mine for lead_id in visit.lead_ids}
        asked = set()
    lead_ids |= {one.lead_id for one in facts.due.get(person.id, ())}
    labels = lead_labels(db, eyes, lead_ids, facts.on)
    orders = facts.orders if overseeing else ()
    visits = visible_ids(db, eyes, asked, facts.on)
    return Sight(eyes, labels, visits, seen_orders(db, eyes, orders, facts.at))


def visible_ids(db: Session, eyes: Viewer, asked: set[int], on: date) -> frozenset[int]:
    """Which of the visits the viewer may see."""
    if not asked:
        return frozenset()
    visits = visible_to(eyes, on).with_only_columns(Visit.id).where(Visit.id.in_(asked))
    return frozenset(db.scalars(visits))
