"""Edits of visits in frozen periods: they say why, since a correction is made (REGIME 4)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.errors import Refused
from crm.base.fields import IDS
from crm.quotas.frozen import frozen_periods
from crm.visits.fields import VISIT_FIELDS, VisitData
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Status
from crm.web.visits.forms import VisitForm

# What a figure rests on, but for people: those of a seen visit have names.
FACTS = tuple(
    name
    for name, field in VISIT_FIELDS.items()
    if field.bears_on_quotas and field.kind not in IDS and name in VisitData.__dataclass_fields__
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose figures of which dates a visit is in."""

    people: frozenset[int]
    first: date
    last: date


def of_seen(visit: SeenVisit) -> Reach:
    """The reach of a visit as it stands."""
    people = frozenset({visit.leader.id, *(each.id for each in visit.participants)})
    return Reach(people, visit.first_on, visit.last_on)


def of_told(data: VisitData) -> Reach:
    """The reach of a visit as it is told."""
    dates = clock.civil_date(data.starts_at), clock.last_civil_date(data.ends_at)
    return Reach(data.joined_by | {data.leader_id}, *dates)


def note_frozen(db: Session, form: VisitForm, *reaches: Reach) -> None:
    """Let the form ask why, where a figure of somebody concerned is frozen."""
    people = frozenset().union(*(each.people for each in reaches))
    first, last = min(each.first for each in reaches), max(each.last for each in reaches)
    periods = frozen_periods(db, people, first, last)
    form.frozen = [formatting.period_name(period) for period in periods]


def require_reason(
    db: Session, form: VisitForm, data: VisitData, was: SeenVisit | None = None
) -> None:
    """Refuse as `required` a form that does not say why it touches what is frozen.

    What is told in words only, or planned for then, touches no figure.
    """
    note_frozen(db, form, of_told(data), *([of_seen(was)] if was else []))
    touches = _counts_otherwise(data, was) if was else data.status is Status.DONE
    if form.frozen and touches and not data.reason:
        raise Refused("required", field="reason")


def _counts_otherwise(data: VisitData, was: SeenVisit) -> bool:
    is_same = of_told(data).people == of_seen(was).people and data.leader_id == was.leader.id
    return not is_same or any(getattr(data, name) != getattr(was, name) for name in FACTS)
