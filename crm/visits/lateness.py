"""How late the dates of a visit were entered for each of its people (REGIME 3)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import update
from sqlalchemy.orm import Session

from crm.visits.models import Visit, VisitParticipant
from crm.visits.rules import Kind, Status, late_after_change, late_by


@dataclass(frozen=True, slots=True)
class Timing:
    """Of a visit what decides, when it changes, which of its dates were entered anew."""

    kind: Kind
    status: Status
    first_on: date
    last_on: date

    @classmethod
    def of(cls, visit: Visit) -> "Timing":
        """That of the visit as it stands."""
        return cls(visit.kind, visit.status, visit.first_on, visit.last_on)


def late_by_person(
    people: Collection[int], there: Mapping[int, int], was: Timing, now: Timing, today: date
) -> dict[int, int]:
    """By person, how late the dates are after a change of the visit on the date.

    `there`: how late they were before, for those who led or joined it already.
    """
    all_anew = late_by(now.first_on, today)
    is_taken_back = was.status is Status.CANCELLED and now.status is not Status.CANCELLED
    if is_taken_back or was.kind is not now.kind:
        return dict.fromkeys(people, all_anew)
    old, new = (was.first_on, was.last_on), (now.first_on, now.last_on)
    return {
        each: late_after_change(there[each], old, new, today) if each in there else all_anew
        for each in people
    }


def keep_late(db: Session, visit_id: int, late: Mapping[int, int]) -> None:
    """Write down how late the dates are for those who take part."""
    for person_id, late_by_days in late.items():
        own = (VisitParticipant.visit_id == visit_id) & (VisitParticipant.person_id == person_id)
        db.execute(update(VisitParticipant).where(own).values(late_by_days=late_by_days))
