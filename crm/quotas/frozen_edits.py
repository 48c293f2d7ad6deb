"""Which edits of a visit bear on frozen figures, so that they must give a reason (REGIME 4)."""

from datetime import date

from sqlalchemy.orm import Session

from crm.base.clock import civil_date, last_civil_date
from crm.base.fields import IDS
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.quotas.frozen import frozen_periods
from crm.visits.fields import VISIT_FIELDS, VisitData
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Status

# What a figure rests on, without people: those of a seen visit are no ids.
FACTS = tuple(
    name
    for name, field in VISIT_FIELDS.items()
    if field.bears_on_quotas and field.kind not in IDS and name in VisitData.__dataclass_fields__
)


@value_class
class AffectedFigures:
    """The people and dates whose figures may rest on a visit."""

    person_ids: frozenset[int]
    first: date
    last: date


def reach_of_visit(visit: SeenVisit) -> AffectedFigures:
    """The reach of a visit as it stands."""
    companions = {person.id for person in visit.participants}
    return AffectedFigures(frozenset({visit.leader.id, *companions}), visit.first_on, visit.last_on)


def reach_of_data(data: VisitData) -> AffectedFigures:
    """The reach of a visit as it is to be saved."""
    first, last = civil_date(data.starts_at), last_civil_date(data.ends_at)
    return AffectedFigures(data.joined_by | {data.leader_id}, first, last)


def frozen_periods_of(db: Session, *reaches: AffectedFigures) -> list[Period]:
    """The periods in which a figure of one of the people is frozen, in order."""
    person_ids = frozenset[int]().union(*(reach.person_ids for reach in reaches))
    first, last = min(reach.first for reach in reaches), max(reach.last for reach in reaches)
    return frozen_periods(db, person_ids, first, last)


def may_change_figures(data: VisitData, was: SeenVisit | None) -> bool:
    """Whether saving the data may change a figure: a plan, or other words alone, change none."""
    if was is None:
        return data.status is Status.DONE
    has_same_people = reach_of_data(data).person_ids == reach_of_visit(was).person_ids
    if not has_same_people or data.leader_id != was.leader.id:
        return True
    return any(getattr(data, name) != getattr(was, name) for name in FACTS)
