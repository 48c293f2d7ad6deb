"""Visits of somebody who leaves: handed over, cut while under way, or given up (REGIME 2)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.locks import hold
from crm.base.refs import new_ref
from crm.people.models import Person
from crm.people.quota_inputs import Edit
from crm.visits.companies import add_companies, companies_of
from crm.visits.companions import note_named
from crm.visits.fields import WORDS
from crm.visits.links import keep_former_people
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import Kind, Status, cut_between, first_and_last, late_by

LEFT_OPEN = "账号停用时未办结"
# The rest of a stay is like the whole, but for the minutes: they tell of its past.
_KEPT = ("kind", "channel", "city", "trip", *(name for name in WORDS if name != "minutes"))


def give_visit(db: Session, *, visit: Visit, to: Person, by: Person | None, now: datetime) -> None:
    """Let another lead a planned visit that has not begun."""
    hold(db, visit)
    before = {"leader_id": visit.leader_id}
    # who leads a visit does not take part in it as well
    _leave_out(db, visit, to.id)
    # REGIME 3: nobody judges a visit that they once led
    keep_former_people(db, visit, [visit.leader_id])

    visit.entered_by_id = _enterer(visit, to)
    visit.leader_id = to.id

    _record(db, "visit.handed_over", visit, before, {"leader_id": to.id}, by=by, now=now)
    people = [before["leader_id"], to.id, *_joined(db, visit)]
    collect_edit(db, visit, Edit.VISIT_CHANGED, people=people, by=by, at=now)


def give_place(  # noqa: PLR0913 - whose place, to whom, by whose word, when
    db: Session,
    *,
    visit: Visit,
    leaver: Person,
    to: Person | None,
    by: Person | None,
    now: datetime,
) -> None:
    """Let another, or nobody, join a planned visit instead of the leaver."""
    hold(db, visit)
    before = {"participant_ids": _joined(db, visit)}
    _leave_out(db, visit, leaver.id)
    keep_former_people(db, visit, [leaver.id])
    joined = _joined(db, visit)

    if to and to.id != visit.leader_id and to.id not in joined:
        late = late_by(visit.first_on, civil_date(now))
        row = {"visit_id": visit.id, "person_id": to.id, "late_by_days": late}
        db.execute(insert(VisitParticipant), [row])
        # where the clock hands it over, the leaver counts as who named them
        note_named(db, visit, [to.id], by=by or leaver, now=now)

    after = {"participant_ids": _joined(db, visit)}
    _record(db, "visit.handed_over", visit, before, after, by=by, now=now)
    people = before["participant_ids"] + after["participant_ids"]
    collect_edit(db, visit, Edit.VISIT_CHANGED, people=people, by=by, at=now)


def cut_stay(
    db: Session, *, visit: Visit, to: Person | None, by: Person | None, now: datetime
) -> Visit | None:
    """Cut a stay under way: what is past stays and is done, the rest is planned for another.

    The dates that counted go on counting: a confirmation stays, nothing is entered late. One that
    began today has no past, and is handed over as a whole. With nobody named there is no rest.
    """
    hold(db, visit)
    today = civil_date(now)
    if visit.first_on >= today:
        if to is None:
            give_up(db, visit=visit, by=by, now=now)
        else:
            give_visit(db, visit=visit, to=to, by=by, now=now)
        return visit

    kept_until, rest_from = cut_between(visit.starts_at, visit.ends_at, today)
    # before the cut: the rest ends when the whole did
    rest = _rest(db, visit, to, rest_from, now) if to else None
    if rest and to:
        note_named(db, rest, _joined(db, rest), by=by or to, now=now)

    was_last_on = visit.last_on
    before = {"status": visit.status, "ends_at": visit.ends_at, "last_on": was_last_on}
    visit.status, visit.logged_at, visit.ends_at = Status.DONE, now, kept_until
    _, visit.last_on = first_and_last(visit.starts_at, kept_until)
    after = {"status": visit.status, "ends_at": visit.ends_at, "last_on": visit.last_on}
    _record(db, "visit.cut", visit, before, after, by=by, now=now)
    people, dates = _joined(db, visit), [was_last_on]
    collect_edit(db, visit, Edit.VISIT_CHANGED, people=people, dates=dates, by=by, at=now)

    if rest:
        about = {"ref": rest.ref, "leader_id": rest.leader_id, "rest_of": visit.ref}
        _record(db, "visit.handed_over", rest, None, about, by=by, now=now)
        collect_edit(db, rest, Edit.VISIT_CHANGED, people=_joined(db, rest), by=by, at=now)

    return rest


def give_up(db: Session, *, visit: Visit, by: Person | None, now: datetime) -> None:
    """Settle what nobody takes over: a stay that has ended is done, all else is cancelled."""
    hold(db, visit)
    before: dict[str, object] = {"status": visit.status}
    # REGIME 2: nothing open stays with a closed account
    is_ended_stay = visit.kind is Kind.RESIDENCY and visit.ends_at <= now

    visit.status = Status.DONE if is_ended_stay else Status.CANCELLED
    if is_ended_stay:
        visit.logged_at = now

    edit = Edit.VISIT_DONE if is_ended_stay else Edit.VISIT_CANCELLED
    after = {"status": visit.status, "reason": LEFT_OPEN}
    record(db, edit.value, visit, by=by, at=now, before=before, after=after)
    collect_edit(db, visit, edit, people=_joined(db, visit), reason=LEFT_OPEN, by=by, at=now)


def _enterer(visit: Visit, to: Person) -> int | None:
    """Who counts as having entered the plan: the successor, where its leader entered it."""
    return to.id if visit.entered_by_id == visit.leader_id else visit.entered_by_id


def _rest(db: Session, visit: Visit, to: Person, starts_at: datetime, now: datetime) -> Visit:
    first, last = first_and_last(starts_at, visit.ends_at)
    rest = Visit(
        ref=new_ref("V", first),
        status=Status.PLANNED,
        starts_at=starts_at,
        ends_at=visit.ends_at,
        first_on=first,
        last_on=last,
        leader_id=to.id,
        entered_at=now,
        **{name: getattr(visit, name) for name in _KEPT} | {"entered_by_id": _enterer(visit, to)},
    )
    db.add(rest)
    db.flush()

    for table, column, ids in (
        (
            VisitParticipant,
            "person_id",
            [row_id for row_id in _joined(db, visit) if row_id != to.id],
        ),
        (VisitLead, "lead_id", db.scalars(_leads(visit)).all()),
    ):
        if ids:
            db.execute(insert(table), [{"visit_id": rest.id, column: row_id} for row_id in ids])
    add_companies(db, rest.id, companies_of(db, visit.id))

    return rest


def _joined(db: Session, visit: Visit) -> list[int]:
    joined = select(VisitParticipant.person_id).where(VisitParticipant.visit_id == visit.id)
    return sorted(db.scalars(joined))


def _leads(visit: Visit) -> Select[int]:
    return select(VisitLead.lead_id).where(VisitLead.visit_id == visit.id)


def _leave_out(db: Session, visit: Visit, person_id: int) -> None:
    gone = delete(VisitParticipant).where(
        VisitParticipant.visit_id == visit.id, VisitParticipant.person_id == person_id
    )
    db.execute(gone, execution_options={"synchronize_session": False})
    db.expire(visit, ["participants"])


def _record(  # noqa: PLR0913 - an entry has that many parts
    db: Session,
    action: str,
    visit: Visit,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
    *,
    by: Person | None,
    now: datetime,
) -> None:
    record(db, action, visit, by=by, at=now, before=before, after=after)
    db.expire(visit, ["leader", "participants"])
