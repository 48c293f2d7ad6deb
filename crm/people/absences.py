"""What happens to an absence: asked for, approved or returned, withdrawn, cut short, cancelled."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.value_class import value_class
from crm.people.absence_approval import may_decide
from crm.people.models import Absence, Person
from crm.people.quota_inputs import Edit, collect_edit
from crm.people.rules import WITH_RECORDS, AbsenceKind, AbsenceStatus

ALIVE = (AbsenceStatus.ASKED, AbsenceStatus.APPROVED)


@value_class(kw_only=True)
class AbsenceData:
    """What is asked for; dates are included."""

    kind: AbsenceKind
    from_on: date
    to_on: date
    reason: str = ""


def ask(db: Session, *, data: AbsenceData, by: Person, now: datetime) -> Absence:
    """Ask for an absence for oneself.

    Refused as `last_day_before_first`, `reason_needed`, `absence_there`; the same one asked for
    twice is one.
    """
    if by.role not in WITH_RECORDS:
        raise Refused("not_yours")
    if data.to_on < data.from_on:
        raise Refused("last_day_before_first", field="to_on")
    if data.kind is AbsenceKind.OTHER_DUTY and not data.reason:
        raise Refused("reason_needed", field="reason")

    # held, so that the same request sent twice at once is one
    db.execute(select(Person.id).where(Person.id == by.id).with_for_update(key_share=True))
    if same := _same(db, data, by):
        raise Refused("absence_there", field="from_on", status=same.status)

    absence = Absence(
        person_id=by.id,
        kind=data.kind,
        from_on=data.from_on,
        to_on=data.to_on,
        reason=data.reason,
        status=AbsenceStatus.ASKED,
        asked_at=now,
        asked_by_id=by.id,
    )
    db.add(absence)
    after = {
        "person": by.username,
        "from": data.from_on,
        "to": data.to_on,
        "kind": data.kind,
        "status": AbsenceStatus.ASKED,
    }
    record(db, "absence.asked", absence, by=by, at=now, after=after)

    return absence


def approve(db: Session, *, absence: Absence, by: Person, now: datetime) -> None:
    """Approve: from now on the absence reduces the quota; refused as `not_asked`."""
    _take(db, absence, by, now)
    _require_asked(absence)
    values = {
        "status": AbsenceStatus.APPROVED,
        "approved_by_id": by.id,
        "approved_at": now,
    }
    _change(db, "absence.approved", absence, values, by=by, now=now)
    dates = (absence.from_on, absence.to_on)
    collect_edit(db, absence, Edit.ABSENCE_APPROVED, *dates, by=by, at=now)


def return_request(db: Session, *, absence: Absence, why: str, by: Person, now: datetime) -> None:
    """Return it with the reason; refused as `required`, `not_asked`."""
    _take(db, absence, by, now)
    _require_asked(absence)
    _end(db, "absence.returned", absence, AbsenceStatus.RETURNED, _stripped(why), by=by, now=now)


def withdraw(db: Session, *, absence: Absence, by: Person, now: datetime) -> None:
    """Withdraw a request that nobody has decided on; refused as `not_asked`."""
    if absence.person_id != by.id:
        raise Refused("not_yours")
    hold(db, absence)
    _require_asked(absence)
    _end(db, "absence.withdrawn", absence, AbsenceStatus.WITHDRAWN, None, by=by, now=now)


def shorten(  # noqa: PLR0913 - what is decided, by whom, when and why
    db: Session, *, absence: Absence, to_on: date, why: str, by: Person, now: datetime
) -> None:
    """Let an approved absence end earlier; refused as `not_approved`, `not_shorter`."""
    _take(db, absence, by, now)
    _require_approved(absence)
    if not absence.from_on <= to_on < absence.to_on:
        raise Refused("not_shorter", field="to_on", first=absence.from_on, last=absence.to_on)

    note = _stripped(why)
    absence.changed_by_id, absence.changed_at, absence.note = by.id, now, note
    # only the dates between the new and the old end may change a figure
    dates = (to_on, absence.to_on)

    before, after = changes(absence, {"to_on": to_on})
    after["reason"] = note
    record(db, "absence.shortened", absence, by=by, at=now, before=before, after=after)
    collect_edit(db, absence, Edit.ABSENCE_SHORTENED, *dates, reason=note, by=by, at=now)


def cancel(db: Session, *, absence: Absence, why: str, by: Person, now: datetime) -> None:
    """Cancel an approved absence; refused as `required`, `not_approved`."""
    _take(db, absence, by, now)
    _cancel(db, absence, why, by, now)


def cancel_imported(db: Session, *, absence: Absence, why: str, by: Person, now: datetime) -> None:
    """Cancel an absence that the person imported: who may approve by a file may take it back.

    Refused as `not_approved`.
    """
    hold(db, absence)
    _cancel(db, absence, why, by, now)


def _cancel(db: Session, absence: Absence, why: str, by: Person, now: datetime) -> None:
    _require_approved(absence)
    note, dates = _stripped(why), (absence.from_on, absence.to_on)
    _end(db, "absence.cancelled", absence, AbsenceStatus.CANCELLED, note, by=by, now=now)
    collect_edit(db, absence, Edit.ABSENCE_CANCELLED, *dates, reason=note, by=by, at=now)


def _take(db: Session, absence: Absence, by: Person, now: datetime) -> None:
    """Lock the row; of two who decide at once, the second sees the first decision."""
    if not may_decide(db, by, absence.person_id, civil_date(now)):
        raise Refused("not_yours")
    hold(db, absence)


def _require_asked(absence: Absence) -> None:
    if absence.status is not AbsenceStatus.ASKED:
        raise Refused("not_asked", status=absence.status)


def _require_approved(absence: Absence) -> None:
    if absence.status is not AbsenceStatus.APPROVED:
        raise Refused("not_approved", status=absence.status)


def _stripped(why: str) -> str:
    if not why.strip():
        raise Refused("required", field="why")
    return why.strip()


def _end(  # noqa: PLR0913 - an end has that many parts
    db: Session,
    action: str,
    absence: Absence,
    status: AbsenceStatus,
    note: str | None,
    *,
    by: Person,
    now: datetime,
) -> None:
    absence.changed_by_id, absence.changed_at, absence.note = by.id, now, note
    _change(db, action, absence, {"status": status}, by=by, now=now, note=note)


def _change(  # noqa: PLR0913 - an entry has that many parts
    db: Session,
    action: str,
    absence: Absence,
    values: dict[str, object],
    *,
    by: Person,
    now: datetime,
    note: str | None = None,
) -> None:
    before, after = changes(absence, values)
    values_after = {"status": after["status"]} | ({"reason": note} if note else {})
    values_before = {"status": before["status"]}
    record(db, action, absence, by=by, at=now, before=values_before, after=values_after)


def _same(db: Session, data: AbsenceData, by: Person) -> Absence | None:
    return db.scalar(
        select(Absence).where(
            Absence.person_id == by.id,
            Absence.kind == data.kind,
            Absence.from_on == data.from_on,
            Absence.to_on == data.to_on,
            Absence.status.in_(ALIVE),
        )
    )
