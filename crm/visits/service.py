"""What happens to visits: logged, changed, done, moved, cancelled, judged (REGIME 3)."""

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.refs import new_ref
from crm.people.models import Person
from crm.people.permissions import Viewer, viewer
from crm.people.quota_inputs import Edit
from crm.visits.batch_insert import ImportedVisit, import_visit, import_visits
from crm.visits.companions import note_named
from crm.visits.fields import WORDS, VisitData
from crm.visits.lateness import Timing, keep_late, late_by_person
from crm.visits.links import keep_former_people, links_of, participants_of, set_links
from crm.visits.models import Visit
from crm.visits.permissions import may_change, may_judge, may_read
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import (
    Kind,
    Status,
    Verdict,
    check_ended,
    first_and_last,
    is_open_to_verdict,
    late_by,
)
from crm.visits.trips import begin_trips
from crm.visits.validation import check_visit

__all__ = [
    "ImportedVisit",
    "VisitData",
    "cancel_visit",
    "change_visit",
    "confirm_visit",
    "import_visit",
    "import_visits",
    "log_visit",
    "move_visit",
    "reject_visit",
    "require_verdict",
    "set_done",
]

# What a confirmation was given to: once one of these changes, it no longer stands.
_HOURS = frozenset({"starts_at", "ends_at"})
_FACTS = frozenset({"kind", "channel", "first_on", "last_on", "leader_id", "participant_ids"})


def log_visit(db: Session, *, data: VisitData, by: Person, now: datetime) -> Visit:
    """Enter a visit; the same reference by the same person is the same visit, and harmless.

    Refused as `not_yours`, `required`, `ends_before_start`, `too_long`, `not_ended`,
    `no_such_person`, `not_posted`, `no_such_lead`, `duplicate_ref`.
    """
    on = civil_date(now)
    ref = data.ref.strip()
    if ref and (known := _of_ref(db, ref, by)):
        return known

    me = viewer(db, by, on)
    values = check_visit(db, data, me, now)
    late = late_by(civil_date(data.starts_at), on)
    visit = Visit(
        ref=ref or new_ref("V", on),
        entered_at=now,
        late_by_days=late,
        entered_by_id=by.id,
        logged_at=now if data.status is Status.DONE else None,
        **values,
    )

    try:
        with db.begin_nested():
            db.add(visit)
    except IntegrityError:  # the same form came twice at once
        if known := _of_ref(db, visit.ref, by):
            return known
        raise

    begin_trips(db, [visit], now=now)
    set_links(db, visit, late_by=dict.fromkeys(data.joined_by, late), lead_ids=data.lead_ids)
    after = values | {"participant_ids": sorted(data.joined_by), "lead_ids": sorted(data.lead_ids)}
    note_named(db, visit, data.joined_by, by=by, now=now)
    if by.id not in {data.leader_id, *data.joined_by}:
        after["entered_for_id"] = data.leader_id

    record(db, "visit.logged", visit, by=by, at=now, after=after | _why(data))
    edit = Edit.VISIT_LOGGED
    collect_edit(db, visit, edit, people=data.joined_by, reason=data.reason, by=by, at=now)

    return visit


def change_visit(db: Session, *, visit: Visit, data: VisitData, by: Person, now: datetime) -> Visit:
    """Change what is told of a visit; its reference, and when it was first logged, stay.

    Words and leads that `by` may not see stay as they are, too. Refused as `log_visit` is, and as
    `people_of_hidden` where the words are hidden and other people would take part.
    """
    on = civil_date(now)
    me = viewer(db, by, on)
    _take(db, visit, me, on)
    return rewrite_visit(db, visit=visit, data=data, me=me, now=now)


def rewrite_visit(
    db: Session, *, visit: Visit, data: VisitData, me: Viewer, now: datetime
) -> Visit:
    """The change itself, once the caller has seen to the right to it and holds the row."""
    on, by = civil_date(now), me.person
    beside = links_of(db, visit, me, on)
    if not may_read(db, me, visit.id, on):
        data = replace(data, **{name: getattr(visit, name) for name in WORDS})

    values = check_visit(db, data, me, now, visit)
    lead_ids = frozenset(data.lead_ids) | beside.hidden_lead_ids
    there = {**beside.late_by, visit.leader_id: visit.late_by_days}
    was = Timing.of(visit)
    before, after = changes(visit, values)
    begin_trips(db, [visit], now=now)
    _settle_moments(visit, was, now)
    late = late_by_person({data.leader_id, *data.joined_by}, there, was, Timing.of(visit), on)
    visit.late_by_days = late.pop(data.leader_id)

    for name, old, new in (
        ("participant_ids", beside.participant_ids, data.joined_by),
        ("lead_ids", beside.lead_ids, lead_ids),
    ):
        if old != new:
            before[name], after[name] = sorted(old), sorted(new)

    if (late, lead_ids) != (beside.late_by, beside.lead_ids):
        set_links(db, visit, late_by=late, lead_ids=lead_ids)

    note_named(db, visit, data.joined_by - beside.participant_ids, by=by, now=now)
    is_undone = was.status is not Status.PLANNED and "status" in after  # or taken back
    if is_undone or _confirmed_facts(visit) & after.keys():
        _unconfirm(visit, before, after)

    is_entered = _FACTS & after.keys() or _is_entered_by_status(was.status, visit.status)
    involved = there.keys() | ({by.id} if is_entered else frozenset())
    keep_former_people(db, visit, involved - data.joined_by - {data.leader_id})

    if after:
        after |= _why(data)
        record(db, "visit.changed", visit, by=by, at=now, before=before, after=after)
        collect_edit(
            db,
            visit,
            Edit.VISIT_CHANGED,
            people=there.keys() | data.joined_by,
            dates=(was.first_on, was.last_on),
            reason=data.reason,
            by=by,
            at=now,
        )

    return visit


def set_done(db: Session, *, visit: Visit, by: Person, now: datetime) -> Visit:
    """Set a planned visit done; refused as `not_yours`, `not_planned`, `not_ended`."""
    _take_planned(db, visit, by, now)
    check_ended(visit.ends_at, now)
    values = {"status": Status.DONE, "logged_at": _logged_at(visit, now)}
    keep_former_people(
        db, visit, {by.id} - participants_of(db, visit.id).keys() - {visit.leader_id}
    )
    return _settle(db, visit, Edit.VISIT_DONE, values, by=by, now=now)


def move_visit(
    db: Session, *, visit: Visit, starts_at: datetime, by: Person, now: datetime
) -> Visit:
    """Move a planned visit, as long as it was; refused as `not_yours`, `not_planned`."""
    _take_planned(db, visit, by, now)
    ends_at = starts_at + (visit.ends_at - visit.starts_at)
    first, last = first_and_last(starts_at, ends_at)
    was, there = Timing.of(visit), participants_of(db, visit.id)
    before, after = changes(
        visit,
        {"starts_at": starts_at, "ends_at": ends_at, "first_on": first, "last_on": last},
    )
    if _confirmed_facts(visit) & after.keys():
        _unconfirm(visit, before, after)

    people = {**there, visit.leader_id: visit.late_by_days}
    late = late_by_person(people.keys(), people, was, Timing.of(visit), civil_date(now))
    visit.late_by_days = late[visit.leader_id]
    keep_late(db, visit.id, {each: late[each] for each in there})
    if _FACTS & after.keys():
        keep_former_people(db, visit, {by.id} - people.keys())

    record(db, "visit.moved", visit, by=by, at=now, before=before, after=after)
    dates = (was.first_on, was.last_on)
    collect_edit(db, visit, Edit.VISIT_MOVED, people=there, dates=dates, by=by, at=now)

    return visit


def cancel_visit(db: Session, *, visit: Visit, by: Person, now: datetime) -> Visit:
    """Cancel a planned visit; refused as `not_yours`, `not_planned`."""
    _take_planned(db, visit, by, now)
    return _settle(db, visit, Edit.VISIT_CANCELLED, {"status": Status.CANCELLED}, by=by, now=now)


def confirm_visit(db: Session, *, visit: Visit, by: Person, now: datetime) -> Visit:
    """Accept a visit, so that it counts though logged or entered late.

    A stay that has begun may be confirmed before it is done. Refused as `not_yours`, `not_done`.
    """
    _hold(db, visit)
    _require_judge(db, visit, by, now)
    return _judge(db, visit, Verdict.CONFIRMED, None, by=by, now=now)


def reject_visit(db: Session, *, visit: Visit, reason: str, by: Person, now: datetime) -> Visit:
    """Reject a visit with a reason, so that it does not count; refused as `confirm_visit` is.

    A stay may be rejected before it is done, so that its past dates count no longer.
    """
    _hold(db, visit)
    _require_judge(db, visit, by, now)
    if not reason.strip():
        raise Refused("required", field="reason")
    return _judge(db, visit, Verdict.REJECTED, reason.strip(), by=by, now=now)


def require_verdict(db: Session, *, visit: Visit, was: Verdict | None, wanted: Verdict) -> None:
    """Refuse a verdict over one that its giver has not seen: another came in between."""
    _hold(db, visit)
    if visit.verdict not in (was, wanted):
        now = visit.verdict.label if visit.verdict else "未核定"
        raise Refused("judged_meanwhile", verdict=now)


def _why(data: VisitData) -> dict[str, object]:
    return {"reason": data.reason} if data.reason else {}


def _settle_moments(visit: Visit, was: Timing, now: datetime) -> None:
    """See to when it was entered and logged after a change (REGIME 3, Undo)."""
    if was.status is Status.CANCELLED and visit.status is not Status.CANCELLED:
        visit.entered_at = now
    visit.logged_at = _logged_at(visit, now) if visit.status is Status.DONE else None


def _is_entered_by_status(was: Status, now: Status) -> bool:
    """Whether the change enters the visit anew: it is set done, or no longer cancelled."""
    return was is not now and (now is Status.DONE or was is Status.CANCELLED)


def _confirmed_facts(visit: Visit) -> frozenset[str]:
    """The facts to which a confirmation is given; a stay is told in days, whatever its hours."""
    return _FACTS if visit.kind is Kind.RESIDENCY else _FACTS | _HOURS


def _unconfirm(visit: Visit, before: dict[str, object], after: dict[str, object]) -> None:
    """Let a confirmation fall; what was rejected stays rejected."""
    if visit.verdict is Verdict.CONFIRMED:
        before["verdict"], after["verdict"] = visit.verdict, None
        visit.verdict = visit.verdict_at = visit.verdict_by_id = None


def _logged_at(visit: Visit, now: datetime) -> datetime:
    """When it was first set done as it stands: what was told before its end told another visit."""
    was = visit.logged_at
    return was if was and was >= visit.ends_at else now


def _of_ref(db: Session, ref: str, by: Person) -> Visit | None:
    visit = db.scalar(select(Visit).where(Visit.ref == ref))
    if visit and visit.entered_by_id != by.id:
        raise Refused("duplicate_ref", field="ref", ref=ref)
    return visit


def _take(db: Session, visit: Visit, me: Viewer, on: date) -> None:
    """Refuse who may not change the visit, and hold its row against a change at the same time."""
    if not may_change(db, me, visit.id, on):
        raise Refused("not_yours")
    _hold(db, visit)


def _hold(db: Session, visit: Visit) -> None:
    db.refresh(visit, [*Visit.__table__.columns.keys()], with_for_update=True)


def _take_planned(db: Session, visit: Visit, by: Person, now: datetime) -> None:
    on = civil_date(now)
    _take(db, visit, viewer(db, by, on), on)
    if visit.status is not Status.PLANNED:
        raise Refused("not_planned", field="status", status=visit.status.label)


def _settle(  # noqa: PLR0913 - one change, whole
    db: Session,
    visit: Visit,
    edit: Edit,
    values: dict[str, object],
    *,
    by: Person,
    now: datetime,
) -> Visit:
    before, after = changes(visit, values)
    record(db, edit.value, visit, by=by, at=now, before=before, after=after)
    collect_edit(db, visit, edit, people=participants_of(db, visit.id), by=by, at=now)
    return visit


def _require_judge(db: Session, visit: Visit, by: Person, now: datetime) -> None:
    if not is_open_to_verdict(visit, now):
        raise Refused("not_done", field="status", status=visit.status.label)
    if not may_judge(db, viewer(db, by, civil_date(now)), visit.id):
        raise Refused("not_yours")


def _judge(  # noqa: PLR0913 - one change, whole
    db: Session,
    visit: Visit,
    verdict: Verdict,
    reason: str | None,
    *,
    by: Person,
    now: datetime,
) -> Visit:
    if visit.verdict is verdict:  # said already: it is as old as when it was said first
        return visit
    before = {"verdict": visit.verdict}
    visit.verdict, visit.verdict_by_id, visit.verdict_at = verdict, by.id, now
    visit.verdict_reason = reason
    after = {"verdict": verdict, "reason": reason} if reason else {"verdict": verdict}
    edit = Edit(f"visit.{verdict.value}")
    record(db, edit.value, visit, by=by, at=now, before=before, after=after)
    people = participants_of(db, visit.id)
    collect_edit(db, visit, edit, people=people, reason=reason, by=by, at=now)
    return visit
