"""Companions named by others: they are notified, and can leave the visit (REGIME 3)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.db import insert_into
from crm.base.errors import Refused
from crm.people.models import Person
from crm.people.quota_inputs import Edit
from crm.visits.models import CompanionNotice, Visit, VisitFormer, VisitParticipant
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import Status


def note_named(
    db: Session, visit: Visit, person_ids: Collection[int], *, by: Person, now: datetime
) -> None:
    """Note that `by` named these companions; those who had left the visit take part again."""
    if not person_ids:
        return

    again = (VisitFormer.visit_id == visit.id) & VisitFormer.person_id.in_(person_ids)
    db.execute(update(VisitFormer).where(again).values(left_at=None))
    notify_named(db, visit, person_ids, by=by, now=now)


def notify_named(
    db: Session, visit: Visit, person_ids: Collection[int], *, by: Person, now: datetime
) -> None:
    """Note for a notice that `by` named these companions, of whom nobody had left the visit."""
    naming = {"named_by_id": by.id, "named_at": now}
    # who names themself needs no notice; of several namings the latest counts
    if others := sorted(set(person_ids) - {by.id}):
        rows = [{"visit_id": visit.id, "person_id": row_id, **naming} for row_id in others]
        insert = insert_into(db, CompanionNotice).values(rows)
        keys = ["visit_id", "person_id"]
        db.execute(insert.on_conflict_do_update(index_elements=keys, set_=naming))


def leave_visit(db: Session, *, visit: Visit, by: Person, now: datetime) -> Visit:
    """Leave a visit as a companion; a confirmation stands.

    Refused as `not_a_companion`, also where the visit was cancelled.
    """
    # held, so that nobody changes who takes part before the entry is written
    db.refresh(visit, ["status", "leader_id"], with_for_update=True)
    of_visit = VisitParticipant.visit_id == visit.id
    before = sorted(db.scalars(select(VisitParticipant.person_id).where(of_visit)))
    if by.id not in before or visit.status is Status.CANCELLED:
        raise Refused("not_a_companion")

    own = of_visit & (VisitParticipant.person_id == by.id)
    # not synchronized: the list of the session is expired below
    gone = delete(VisitParticipant).where(own)
    db.execute(gone, execution_options={"synchronize_session": False})
    former = insert_into(db, VisitFormer).values(visit_id=visit.id, person_id=by.id, left_at=now)
    keys = ["visit_id", "person_id"]
    db.execute(former.on_conflict_do_update(index_elements=keys, set_={"left_at": now}))
    db.expire(visit, ["participants"])

    after = [person_id for person_id in before if person_id != by.id]
    values_before, values_after = {"participant_ids": before}, {"participant_ids": after}
    record(db, "visit.left", visit, by=by, at=now, before=values_before, after=values_after)
    collect_edit(db, visit, Edit.VISIT_LEFT, people=before, by=by, at=now)
    return visit


def left_by(db: Session, visit_id: int) -> dict[int, str]:
    """The names of those who left the visit, by their ids."""
    rows = select(Person.id, Person.name).join(VisitFormer, VisitFormer.person_id == Person.id)
    left = rows.where(VisitFormer.visit_id == visit_id, VisitFormer.left_at.is_not(None))
    return dict(db.execute(left).all())


def named_at(db: Session, visit: Visit, now: datetime) -> Sequence[Person]:
    """Those who were named companions of the visit at that moment."""
    # all that one request names bears its one moment
    named = (CompanionNotice.visit_id == visit.id) & (CompanionNotice.named_at == now)
    people = select(Person).join(CompanionNotice, CompanionNotice.person_id == Person.id)
    return db.scalars(people.where(named).order_by(Person.id)).all()
