"""Changes of visits, as services collect them for what rests on visits (REGIME 4, Closing)."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.pending import collect
from crm.people.models import Person
from crm.people.quota_inputs import Edit, QuotaInputChanged
from crm.visits.contacts import ContactChanged
from crm.visits.models import Visit


def collect_edit(  # noqa: PLR0913 - what was done to which visit, why, by whom and when
    db: Session,
    visit: Visit,
    edit: Edit,
    *,
    people: Collection[int],
    dates: Collection[date] = (),
    reason: str | None = None,
    contacted: Collection[int] | None = None,
    may_reach_frozen: bool = True,
    by: Person | None,
    at: datetime,
) -> None:
    """Collect an edit of a visit.

    `people`: those who lead and join it, and who did before; `dates`: its dates before;
    `contacted`: leads that a new visit met; of others they are found.
    """
    if contacted is None:
        collect(db, ContactChanged(visit_id=visit.id))
    elif contacted:
        collect(db, ContactChanged(contacted, on=visit.last_on))
    collect(
        db,
        QuotaInputChanged(
            person_ids=frozenset(people) | {visit.leader_id},
            # every period between the old and the new dates may come out differently
            first_on=min([visit.first_on, *dates]),
            last_on=max([visit.last_on, *dates]),
            edit=edit,
            visit_ref=visit.ref,
            reason=reason,
            by_id=by.id if by else None,
            at=at,
            may_reach_frozen=may_reach_frozen,
        ),
    )
