"""Verdicts on visits: confirmed, rejected, and withdrawn once the facts change (REGIME 3)."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.people.delegations import on_behalf
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.quota_inputs import Edit
from crm.visits.links import participants_of
from crm.visits.models import Visit
from crm.visits.permissions import judged_for, may_judge
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import Kind, Verdict, is_open_to_verdict

# REGIME 3: a confirmation falls once one of the facts it was given to changes.
_HOURS = frozenset({"starts_at", "ends_at"})
FACTS = frozenset({"kind", "channel", "first_on", "last_on", "leader_id", "participant_ids"})


def confirm_visit(db: Session, *, visit: Visit, by: Person, now: datetime) -> Visit:
    """Accept a visit, so that it counts though logged or entered late.

    A stay that has begun may be confirmed before it is done. Refused as `not_yours`, `not_done`.
    """
    hold(db, visit)
    for_id = _require_judge(db, visit, by, now)
    return _set_verdict(db, visit, Verdict.CONFIRMED, None, for_id=for_id, by=by, now=now)


def reject_visit(db: Session, *, visit: Visit, reason: str, by: Person, now: datetime) -> Visit:
    """Reject a visit with a reason, so that it does not count; refused as `confirm_visit` is.

    A stay may be rejected before it is done, so that its past dates count no longer.
    """
    hold(db, visit)
    for_id = _require_judge(db, visit, by, now)
    if not reason.strip():
        raise Refused("required", field="reason")
    text = reason.strip()
    return _set_verdict(db, visit, Verdict.REJECTED, text, for_id=for_id, by=by, now=now)


def confirmed_facts(visit: Visit) -> frozenset[str]:
    """The facts that a confirmation is given to; a stay counts by days, whatever its hours."""
    return FACTS if visit.kind is Kind.RESIDENCY else FACTS | _HOURS


def withdraw_confirmation(
    visit: Visit, before: dict[str, object], after: dict[str, object]
) -> None:
    """Withdraw a confirmation; a rejected visit stays rejected."""
    if visit.verdict is Verdict.CONFIRMED:
        before["verdict"], after["verdict"] = visit.verdict, None
        visit.verdict = visit.verdict_at = visit.verdict_by_id = None


def _require_judge(db: Session, visit: Visit, by: Person, now: datetime) -> int | None:
    """Refuse whoever may not judge; the id of the person in whose name another one does."""
    if not is_open_to_verdict(visit, now):
        raise Refused("not_done", field="status", status=visit.status.label)
    me = viewer(db, by, civil_date(now))
    if not may_judge(db, me, visit.id):
        raise Refused("not_yours")
    return judged_for(db, me, visit.id)


def _set_verdict(  # noqa: PLR0913 - one change, whole
    db: Session,
    visit: Visit,
    verdict: Verdict,
    reason: str | None,
    *,
    for_id: int | None,
    by: Person,
    now: datetime,
) -> Visit:
    if visit.verdict is verdict:  # unchanged: keep the moment of the first verdict
        return visit

    before = {"verdict": visit.verdict}
    visit.verdict, visit.verdict_by_id, visit.verdict_at = verdict, by.id, now
    visit.verdict_reason = reason
    after = {"verdict": verdict, "reason": reason} if reason else {"verdict": verdict}

    edit = Edit(f"visit.{verdict.value}")
    record(db, edit.value, visit, by=by, at=now, before=before, after=on_behalf(after, for_id))
    people = participants_of(db, visit.id)
    collect_edit(db, visit, edit, people=people, reason=reason, by=by, at=now)

    return visit
