"""Milestones of a lead reached, corrected and withdrawn; its stage follows (REGIME 6)."""

from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused, refusals_of, refuse
from crm.base.locks import hold
from crm.base.pending import collect
from crm.leads.amounts import keep_signing_rates
from crm.leads.milestone_kinds import require_used
from crm.leads.models import Lead, Milestone
from crm.leads.permissions import require_change
from crm.leads.result_facts import ResultFactChanged
from crm.leads.rules import (
    FINAL,
    FRAMEWORK,
    ON_LINE,
    Agreement,
    LineProgress,
    Reached,
    Stage,
    check_order,
    check_reached,
    current_stage,
    kind_signed,
    line_progress,
    since_last_stop,
)
from crm.people.models import Person


def reach(  # noqa: PLR0913 - a milestone has that many parts
    db: Session,
    *,
    lead: Lead,
    kind: str,
    on: date,
    reason: str | None = None,
    agreement: Agreement | None = None,
    look_again_on: date | None = None,
    by: Person | None,
    now: datetime,
) -> Milestone:
    """Record a stage or side milestone reached on a date.

    A signing takes an agreement, of which only the formal one makes `signed`; a lead is parked
    until a date. A file (without a person) may leave both out. Refused as `not_yours`, `in_future`,
    `before_entered`, `unknown_milestone`, `already_reached`, `out_of_order`,
    `look_again_too_early`, and as `required` where a lead is parked or lost without a reason.
    """
    require_change(db, lead, by, now)
    refuse(_reach_faults(lead, kind, on, reason, agreement, look_again_on, by=by, now=now))

    if kind == Stage.SIGNED and agreement:
        kind = kind_signed(agreement)
    name = require_used(db, kind)
    check_reached(kind, on, [_step(milestone) for milestone in _of(db, lead)], name=name)
    milestone = Milestone(
        lead_id=lead.id,
        kind=kind,
        reached_on=on,
        reason=(reason or "").strip() or None,
        agreement=agreement if kind in (Stage.SIGNED, FRAMEWORK) else None,
        look_again_on=look_again_on if kind == Stage.PARKED else None,
        entered_at=now,
        entered_by_id=by.id if by else None,
    )
    db.add(milestone)
    before = {"stage": lead.stage}
    follow_milestones(db, lead)
    after = {"kind": kind, "on": on, "reason": milestone.reason, "stage": lead.stage}
    beside = {"agreement": milestone.agreement, "look_again_on": milestone.look_again_on}
    after |= {name: value for name, value in beside.items() if value}
    record(db, "lead.reached", lead, by=by, at=now, before=before, after=after)
    _keep_rates(db, milestone, by=by, now=now)

    return milestone


def _reach_faults(  # noqa: PLR0913, PLR0917 - as reach
    lead: Lead,
    kind: str,
    on: date,
    reason: str | None,
    agreement: Agreement | None,
    look_again_on: date | None,
    *,
    by: Person | None,
    now: datetime,
) -> Iterator[Refused]:
    """What the step lacks, or says wrongly of itself."""
    yield from refusals_of(lambda: _check_date(lead, on, now))
    if kind in FINAL and not (reason or "").strip():
        yield Refused("required", field="reason")
    if kind == Stage.SIGNED and by and agreement is None:
        yield Refused("required", field="agreement")
    if kind == Stage.PARKED:
        yield from refusals_of(lambda: _check_look_again(look_again_on, on, by))


def correct_milestone(  # noqa: PLR0913 - as reach
    db: Session,
    *,
    lead: Lead,
    milestone: Milestone,
    on: date,
    reason: str,
    agreement: Agreement | None = None,
    look_again_on: date | None = None,
    by: Person | None,
    now: datetime,
) -> Milestone:
    """Correct the dates of a milestone, or state its agreement, with the reason.

    Refused as `reach` is, and as `not_formal`: a signing by another agreement is withdrawn.
    """
    require_change(db, lead, by, now)
    hold(db, milestone)
    if milestone.lead_id != lead.id:
        raise Refused("unknown_milestone")
    refuse(
        refusals_of(
            lambda: _require_reason(reason),
            lambda: _check_corrected_date(lead, milestone, on, now),
            lambda: _corrected(milestone, on, agreement, look_again_on, by),
        )
    )

    before = {**_kept(milestone), "stage": lead.stage}
    del before["kind"]  # it stays
    old, new = changes(milestone, _corrected(milestone, on, agreement, look_again_on, by))
    milestone.reached_on, milestone.reason = on, reason.strip()
    _check_order(milestone, _of(db, lead))
    follow_milestones(db, lead)

    after: dict[str, object] = {
        "kind": milestone.kind,
        "on": on,
        "reason": reason.strip(),
        "stage": lead.stage,
    }
    before, after = before | old, after | new
    collect(db, ResultFactChanged(lead.id, milestone.kind, now))
    record(db, "lead.milestone_corrected", lead, by=by, at=now, before=before, after=after)
    _keep_rates(db, milestone, by=by, now=now)

    return milestone


def state_agreement(db: Session, *, lead: Lead, by: Person | None, now: datetime) -> None:
    """State that a signing was a formal one, where nothing was known of it (未注明)."""
    signed = (Milestone.lead_id == lead.id) & (Milestone.kind == Stage.SIGNED)
    for milestone in db.scalars(select(Milestone).where(signed, Milestone.agreement.is_(None))):
        milestone.agreement = Agreement.FORMAL
        after = {
            "kind": milestone.kind,
            "on": milestone.reached_on,
            "agreement": Agreement.FORMAL,
            "reason": "申报认定时注明",
        }
        before = {"agreement": None}
        record(db, "lead.milestone_corrected", lead, by=by, at=now, before=before, after=after)


def withdraw_milestone(  # noqa: PLR0913 - as reach
    db: Session,
    *,
    lead: Lead,
    milestone: Milestone,
    reason: str,
    by: Person | None,
    now: datetime,
) -> None:
    """Withdraw a milestone recorded by mistake, with the reason; the trail keeps it."""
    require_change(db, lead, by, now)
    hold(db, milestone)
    if milestone.lead_id != lead.id or milestone.kind == Stage.LEAD:
        raise Refused("unknown_milestone")
    _require_reason(reason)

    before = {"kind": milestone.kind, "on": milestone.reached_on, "stage": lead.stage}
    db.delete(milestone)
    follow_milestones(db, lead)
    after = {"reason": reason.strip(), "stage": lead.stage}
    collect(db, ResultFactChanged(lead.id, milestone.kind, now))
    record(db, "lead.milestone_withdrawn", lead, by=by, at=now, before=before, after=after)
    _keep_rates(db, milestone, by=by, now=now)


def progress_of(lead: Lead) -> LineProgress:
    """How far a lead has come whose milestones are loaded."""
    return line_progress(map(_step, lead.milestones))


def _kept(milestone: Milestone) -> dict[str, object]:
    on, reason = milestone.reached_on, milestone.reason
    return {"kind": milestone.kind, "on": on, "reason": reason}


def _corrected(
    milestone: Milestone,
    on: date,
    agreement: Agreement | None,
    look_again_on: date | None,
    by: Person | None,
) -> dict[str, Agreement | date | None]:
    """What a correction changes beside the date."""
    if milestone.kind == Stage.PARKED:
        _check_look_again(look_again_on, on, by)
        return {"look_again_on": look_again_on}
    if milestone.kind == Stage.SIGNED and agreement:
        # a figure of the past counts the signing: who takes it back says so
        if kind_signed(agreement) != Stage.SIGNED:
            raise Refused("not_formal", field="agreement")
        return {"agreement": agreement}
    return {}


def _check_look_again(look_again_on: date | None, parked_on: date, by: Person | None) -> None:
    if look_again_on is None and by:
        raise Refused("required", field="look_again_on")
    if look_again_on and look_again_on <= parked_on:
        raise Refused("look_again_too_early", field="look_again_on", on=parked_on)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("required", field="reason")


def _check_corrected_date(lead: Lead, milestone: Milestone, on: date, now: datetime) -> None:
    if milestone.kind != Stage.LEAD:  # a lead may be older than its record
        _check_date(lead, on, now)
    elif on > civil_date(now):
        raise Refused("in_future", field="on", on=on)


def _check_date(lead: Lead, on: date, now: datetime) -> None:
    if on > civil_date(now):
        raise Refused("in_future", field="on", on=on)
    if on < lead.entered_on:
        raise Refused("before_entered", field="on", on=lead.entered_on)


def _check_order(milestone: Milestone, milestones: list[Milestone]) -> None:
    going, _ = since_last_stop(map(_step, milestones))
    moved = _step(milestone)
    # what lies before the last stop has no order to what follows it
    if moved.kind not in ON_LINE or moved not in going:
        return
    for step in going:
        if step.kind != moved.kind:
            check_order(moved, step)


def _of(db: Session, lead: Lead) -> list[Milestone]:
    db.flush()  # the one just added must be among them
    return list(db.scalars(select(Milestone).where(Milestone.lead_id == lead.id)))


def _step(milestone: Milestone) -> Reached:
    return Reached(milestone.kind, milestone.reached_on, milestone.id)


def _keep_rates(db: Session, changed: Milestone, *, by: Person | None, now: datetime) -> None:
    if changed.kind == Stage.SIGNED:
        keep_signing_rates(db, changed.lead_id, by=by, now=now)


def follow_milestones(db: Session, lead: Lead) -> None:
    """Set the stage that follows from the milestones."""
    lead.stage = current_stage(map(_step, _of(db, lead)))
