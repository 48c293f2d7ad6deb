"""Follow-ups added, changed and finished, with the next step (REGIME 6)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.pending import collect
from crm.base.refs import new_ref
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.followups.models import Followup, FollowupSnooze
from crm.followups.permissions import may_change
from crm.followups.rules import Repetition, next_due
from crm.leads.models import Lead
from crm.leads.permissions import colleague_of, may_see
from crm.leads.rules import FINAL
from crm.people.models import Person
from crm.people.permissions import require_records, viewer
from crm.people.queries import at_work
from crm.visits.contacts import ContactChanged
from crm.visits.rules import Channel


@value_class(kw_only=True)
class FollowupData:
    """What is owed on a lead, by whom, until when."""

    ref: str = ""
    lead_id: int
    person_id: int
    due_on: date
    what: str
    repeats: Repetition | None = None


@value_class(kw_only=True)
class FollowupOutcome:
    """The result of a follow-up, and the next step if there is one."""

    result: str
    channel: Channel | None = None
    met: str | None = None
    next_what: str | None = None
    next_due_on: date | None = None
    next_person_id: int | None = None  # none: the same person
    ends_repeating: bool = False


def add_followup(db: Session, *, data: FollowupData, by: Person | None, now: datetime) -> Followup:
    """Enter a step that is owed; the same reference by the same person is harmless.

    Refused as `not_yours`, `no_such_lead`, `no_such_person`, `required`, `duplicate_ref`.
    """
    ref = data.ref.strip()
    # before the rights: the entry is there already, and a repeat is harmless
    if ref and (known := _of_ref(db, ref, by)):
        return known

    on = civil_date(now)
    require_records(by)
    if by and not may_see(db, viewer(db, by, on), data.lead_id, on):
        raise Refused("no_such_lead", field="lead_id")

    return _add(db, data, by=by, now=now)


def change_followup(
    db: Session, *, followup: Followup, data: FollowupData, by: Person | None, now: datetime
) -> Followup:
    """Change what is owed, by whom or until when, while it is open; the lead stays.

    Refused as `not_yours`, `already_done`, `no_such_person`, `required`.
    """
    _take_open(db, followup, by, now)
    if data.person_id != followup.person_id:
        colleague_of(db, data.person_id, "person_id", on=civil_date(now))

    values = {
        "person_id": data.person_id,
        "due_on": data.due_on,
        "what": _stripped(data.what, "what"),
        **_repeat_columns(data.repeats),
    }
    before, after = changes(followup, values)

    if after:
        record(db, "followup.changed", followup, by=by, at=now, before=before, after=after)
        db.expire(followup, ["person"])

    return followup


def finish_followup(  # noqa: PLR0913 - what came of it, by whom, when
    db: Session,
    *,
    followup: Followup,
    outcome: FollowupOutcome,
    by: Person | None,
    now: datetime,
    calendar: WorkingCalendar | None = None,
) -> Followup:
    """Finish a step with its result, and owe the next one where it is named, or where it repeats.

    With a calendar a repeated one is due on a working day. Refused as `not_yours`, `already_done`,
    `required`, `no_such_person`.
    """
    _take_open(db, followup, by, now)
    followup.result = _stripped(outcome.result, "result")
    followup.done_at, followup.channel = now, outcome.channel
    followup.met = (outcome.met or "").strip() or None

    if following := _next(db, followup, outcome, by=by, now=now):
        followup.next_id = following.id
    if not outcome.ends_repeating:
        again = _repeated(db, followup, by=by, now=now, calendar=calendar)
        # a step named by hand comes before the repeated one
        followup.next_id = followup.next_id or (again.id if again else None)

    after = {"result": followup.result, "next_id": followup.next_id}
    record(db, "followup.finished", followup, by=by, at=now, after=after)
    collect(db, ContactChanged((followup.lead_id,)))

    return followup


def snooze_followup(  # noqa: PLR0913 - until when, why, by whom, when
    db: Session,
    *,
    followup: Followup,
    due_on: date,
    reason: str,
    by: Person | None,
    now: datetime,
) -> FollowupSnooze:
    """Put an open step off to a later date; the reason is kept.

    Refused as `not_yours`, `already_done`, `required`, `not_later`.
    """
    _take_open(db, followup, by, now)
    why = _stripped(reason, "snooze_reason")
    if due_on <= max(followup.due_on, civil_date(now)):
        raise Refused("not_later", field="snooze_on")

    snooze = FollowupSnooze(
        followup_id=followup.id,
        was_due_on=followup.due_on,
        due_on=due_on,
        reason=why,
        at=now,
        by_id=by.id if by else None,
    )
    db.add(snooze)
    before, after = changes(followup, {"due_on": due_on})
    after["reason"] = why
    record(db, "followup.snoozed", followup, by=by, at=now, before=before, after=after)

    return snooze


def hand_over_followups(
    db: Session, *, followups: Sequence[Followup], to_id: int | None, by: Person, now: datetime
) -> Person:
    """Give open steps to a colleague, all or none; steps that are theirs already stay as they are.

    Refused as `not_yours`, `already_done`, `no_such_person`, and as `successor_sees_not` where
    they may not see a lead.
    """
    on = civil_date(now)
    to = colleague_of(db, to_id, "person_id", on=on)
    eyes = viewer(db, to, on)
    for followup in followups:
        _take_open(db, followup, by, now)
        if not may_see(db, eyes, followup.lead_id, on):
            raise Refused("successor_sees_not", field="person_id", name=to.name)
        if followup.person_id != to.id:
            hand_over_followup(db, followup=followup, to=to, by=by, now=now)
    return to


def reopen_followup(
    db: Session, *, followup: Followup, by: Person | None, now: datetime
) -> Followup:
    """Take back that a step was finished, on the day and while no next step was built on it.

    Of one that is open nothing is changed. Refused as `not_yours`, `undo_too_late`, `built_on`.
    """
    _take(db, followup, by, now)
    if followup.done_at is None:
        return followup
    if civil_date(followup.done_at) != civil_date(now):
        raise Refused("undo_too_late")
    # the next step stays in the trail by its row, so that it is never deleted
    if followup.next_id is not None:
        raise Refused("built_on")

    before, after = changes(
        followup, {"done_at": None, "result": None, "channel": None, "met": None}
    )
    record(db, "followup.reopened", followup, by=by, at=now, before=before, after=after)
    collect(db, ContactChanged((followup.lead_id,)))

    return followup


def withdraw_followup(db: Session, *, followup: Followup, by: Person | None, now: datetime) -> None:
    """Remove an open step that was entered by mistake; the caller has checked the right.

    Refused as `already_done`.
    """
    hold(db, followup)
    if followup.done_at is not None:
        raise Refused("already_done")

    names = ("lead_id", "person_id", "due_on", "what")
    before = {name: getattr(followup, name) for name in names}
    record(db, "followup.withdrawn", followup, by=by, at=now, before=before)
    db.delete(followup)


def remove_imported(db: Session, *, followup: Followup, by: Person, now: datetime) -> None:
    """Remove a step that an import made, done or not; the caller has seen that nobody used it."""
    hold(db, followup)
    names = ("ref", "lead_id", "person_id", "due_on", "what", "done_at", "result")
    before = {name: getattr(followup, name) for name in names}
    record(db, "followup.withdrawn", followup, by=by, at=now, before=before)
    db.delete(followup)
    collect(db, ContactChanged(frozenset({followup.lead_id})))


def hand_over_followup(
    db: Session, *, followup: Followup, to: Person, by: Person | None, now: datetime
) -> None:
    """Give an open step to another; the caller has checked the right and who may take it."""
    hold(db, followup)
    if followup.done_at is not None:
        raise Refused("already_done")

    before, after = changes(followup, {"person_id": to.id})
    record(db, "followup.handed_over", followup, by=by, at=now, before=before, after=after)
    db.expire(followup, ["person"])


def _next(
    db: Session, followup: Followup, outcome: FollowupOutcome, *, by: Person | None, now: datetime
) -> Followup | None:
    next_step = (outcome.next_what or "").strip()
    if not next_step and outcome.next_due_on is None:
        return None
    if outcome.next_due_on is None:
        raise Refused("required", field="next_due_on")

    person_id = outcome.next_person_id or followup.person_id
    data = FollowupData(
        lead_id=followup.lead_id,
        person_id=colleague_of(db, person_id, "next_person_id", on=civil_date(now)).id,
        due_on=outcome.next_due_on,
        what=_stripped(next_step, "next_what"),
    )

    return _add(db, data, by=by, now=now)


def _repeated(
    db: Session,
    followup: Followup,
    *,
    by: Person | None,
    now: datetime,
    calendar: WorkingCalendar | None,
) -> Followup | None:
    """The same step once more, where it repeats and its lead goes on."""
    repeats, on = followup.repetition, civil_date(now)
    stage = db.scalar(select(Lead.stage).where(Lead.id == followup.lead_id))
    if repeats is None or stage in FINAL:
        return None
    # of somebody who has left it falls to whoever finished it
    owner = select(Person.id).where(Person.id == followup.person_id, at_work(on))
    person_id = db.scalar(owner) or (by.id if by else followup.person_id)
    data = FollowupData(
        lead_id=followup.lead_id,
        person_id=person_id,
        due_on=next_due(repeats, followup.due_on, on, calendar),
        what=followup.what,
        repeats=repeats,
    )
    return _add(db, data, by=by, now=now)


def _repeat_columns(repeats: Repetition | None) -> dict[str, object]:
    return {
        "repeat": repeats.kind if repeats else None,
        "repeat_number": repeats.number if repeats else None,
    }


def _add(db: Session, data: FollowupData, *, by: Person | None, now: datetime) -> Followup:
    followup = Followup(
        ref=data.ref.strip() or new_ref("F", civil_date(now)),
        lead_id=data.lead_id,
        person_id=colleague_of(db, data.person_id, "person_id", on=civil_date(now)).id,
        due_on=data.due_on,
        what=_stripped(data.what, "what"),
        entered_at=now,
        entered_by_id=by.id if by else None,
        **_repeat_columns(data.repeats),
    )

    try:
        with db.begin_nested():
            db.add(followup)
    except IntegrityError:  # the same form came twice at once
        if known := _of_ref(db, followup.ref, by):
            return known
        raise

    after = {
        "lead_id": data.lead_id,
        "person_id": data.person_id,
        "due_on": data.due_on,
        "what": followup.what,
    }
    if data.repeats:
        after |= _repeat_columns(data.repeats)
    record(db, "followup.added", followup, by=by, at=now, after=after)

    return followup


def _of_ref(db: Session, ref: str, by: Person | None) -> Followup | None:
    followup = db.scalar(select(Followup).where(Followup.ref == ref))
    if followup and followup.entered_by_id != (by.id if by else None):
        raise Refused("duplicate_ref", field="ref", ref=ref)
    return followup


def _take_open(db: Session, followup: Followup, by: Person | None, now: datetime) -> None:
    _take(db, followup, by, now)
    if followup.done_at is not None:
        raise Refused("already_done")


def _take(db: Session, followup: Followup, by: Person | None, now: datetime) -> None:
    on = civil_date(now)
    if by and not may_change(db, viewer(db, by, on), followup.id, on):
        raise Refused("not_yours")
    hold(db, followup)


def _stripped(text: str, field: str) -> str:
    if not text.strip():
        raise Refused("required", field=field)
    return text.strip()
