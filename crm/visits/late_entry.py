"""How late the dates of a visit were entered for each of its people (REGIME 3)."""

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import update
from sqlalchemy.orm import Session

from crm.base.clock import civil_date, last_civil_date
from crm.base.value_class import value_class
from crm.visits.fields import VisitData
from crm.visits.links import participants_of
from crm.visits.models import Visit, VisitParticipant
from crm.visits.rules import Kind, Status, late_after_change, late_by


@value_class
class DatesAndState:
    """What decides, when a visit changes, which of its dates were entered anew."""

    kind: Kind
    status: Status
    first_on: date
    last_on: date

    @classmethod
    def of(cls, visit: Visit) -> "DatesAndState":
        """The dates and state of the visit as it stands."""
        return cls(visit.kind, visit.status, visit.first_on, visit.last_on)


def late_by_person(
    people: Collection[int],
    late_before: Mapping[int, int],
    was: DatesAndState,
    now: DatesAndState,
    today: date,
) -> dict[int, int]:
    """By person, how late the dates are after a change of the visit on the date.

    `late_before`: how late they were, for those who led or joined it already.
    """
    all_anew = late_by(now.first_on, today)
    # REGIME 3: one that is taken back, or of another kind, counts as entered now
    is_taken_back = was.status is Status.CANCELLED and now.status is not Status.CANCELLED
    if is_taken_back or was.kind is not now.kind:
        return dict.fromkeys(people, all_anew)

    old, new = (was.first_on, was.last_on), (now.first_on, now.last_on)

    return {
        person_id: late_after_change(late_before[person_id], old, new, today)
        if person_id in late_before
        else all_anew  # for who is named only now, every date is added now
        for person_id in people
    }


def store_days_late(db: Session, visit_id: int, late: Mapping[int, int]) -> None:
    """Write down how late the dates are for those who take part."""
    # one by one: few people take part, and each has a number of their own
    for person_id, late_by_days in late.items():
        own = (VisitParticipant.visit_id == visit_id) & (VisitParticipant.person_id == person_id)
        db.execute(update(VisitParticipant).where(own).values(late_by_days=late_by_days))


def late_if_kept(db: Session, data: VisitData, visit: Visit | None, today: date) -> dict[int, int]:
    """By person, how late the dates would be if the visit were entered, or changed, like this."""
    first, last = civil_date(data.starts_at), last_civil_date(data.ends_at)
    people = {data.leader_id, *data.joined_by}
    if visit is None:
        return dict.fromkeys(people, late_by(first, today))
    late_before = late_now(db, visit)
    now = DatesAndState(data.kind, data.status, first, last)
    return late_by_person(people, late_before, DatesAndState.of(visit), now, today)


def late_now(db: Session, visit: Visit) -> dict[int, int]:
    """By person who leads or joins it, how late its dates are."""
    return {**participants_of(db, visit.id), visit.leader_id: visit.late_by_days}
