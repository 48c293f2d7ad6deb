"""Dates planned for milestones, each revision kept, and which of them have passed (REGIME 6)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.leads.milestone_kinds import Kinds, milestone_kinds, require_used
from crm.leads.models import Lead, Milestone, MilestonePlan
from crm.leads.permissions import require_change
from crm.leads.rules import FINAL, ON_LINE, Stage
from crm.people.models import Person

STOPPED = frozenset({Stage.PARKED, Stage.LOST})


@value_class
class PlannedMilestone:
    """A milestone with its planned dates, in the order in which they were made."""

    kind: str
    plans: tuple[MilestonePlan, ...]
    reached_on: date | None
    is_behind: bool  # reached, or a further stage of the line is

    @property
    def baseline_on(self) -> date:
        """The date that was planned first."""
        return self.plans[0].planned_on

    @property
    def planned_on(self) -> date:
        """The date that is planned now."""
        return self.plans[-1].planned_on

    def is_overdue(self, lead: Lead, on: date) -> bool:
        """Whether its date has passed, as in `overdue_milestones`."""
        return not self.is_behind and self.planned_on < on and lead.stage not in STOPPED


@value_class
class OverdueMilestone:
    """A milestone whose planned date has passed and that was not reached."""

    lead: Lead
    kind: str
    name: str
    planned_on: date


def plan_milestone(  # noqa: PLR0913 - a plan has that many parts
    db: Session,
    *,
    lead: Lead,
    kind: str,
    planned_on: date,
    reason: str | None = None,
    by: Person | None,
    now: datetime,
) -> MilestonePlan:
    """Plan a milestone, or revise its date; the first plan stays as the baseline.

    Refused as `not_yours`, `unknown_milestone`, `already_reached`, `plan_unchanged`, and as
    `required` where a revision has no reason.
    """
    require_change(db, lead, by, now)
    # nobody plans to park or lose a lead, and entering it begins it
    if kind in FINAL or kind == Stage.LEAD:
        raise Refused("unknown_milestone", field="kind")
    # what was planned before its kind went out of use may still be revised
    before = plans_of(db, lead.id, kind)
    name = milestone_kinds(db).names[kind] if before else require_used(db, kind)
    if reached_on := _reached_on(db, lead, kind):
        raise Refused("already_reached", field="kind", kind=name, on=reached_on)

    stripped_reason = (reason or "").strip() or None
    if before and not stripped_reason:
        raise Refused("required", field="reason")
    if before and before[-1].planned_on == planned_on:
        raise Refused("plan_unchanged", field="planned_on")

    plan = MilestonePlan(
        lead_id=lead.id,
        kind=kind,
        planned_on=planned_on,
        reason=stripped_reason,
        entered_at=now,
        entered_by_id=by.id if by else None,
    )
    db.add(plan)
    was = {"on": before[-1].planned_on} if before else None
    after = {"kind": kind, "on": planned_on, "reason": stripped_reason}
    record(db, "lead.milestone_planned", lead, by=by, at=now, before=was, after=after)

    return plan


def plans_of(db: Session, lead_id: int, kind: str | None = None) -> Sequence[MilestonePlan]:
    """The dates planned for a lead's milestones, in the order in which they were made."""
    query = select(MilestonePlan).where(MilestonePlan.lead_id == lead_id)
    if kind:
        query = query.where(MilestonePlan.kind == kind)
    return db.scalars(query.order_by(MilestonePlan.id)).all()


def planned_milestones(db: Session, lead: Lead) -> list[PlannedMilestone]:
    """The milestones planned of a lead whose milestones are loaded, the nearest date first."""
    query = select(MilestonePlan).where(MilestonePlan.lead_id == lead.id)
    query = query.options(joinedload(MilestonePlan.entered_by)).order_by(MilestonePlan.id)

    plans: dict[str, list[MilestonePlan]] = {}
    for plan in db.scalars(query):
        plans.setdefault(plan.kind, []).append(plan)

    # of one reached twice, the last entry says when
    latest = {
        step.kind: step.reached_on for step in sorted(lead.milestones, key=lambda step: step.id)
    }
    found = [
        PlannedMilestone(kind, tuple(of_kind), latest.get(kind), is_behind(kind, {*latest}))
        for kind, of_kind in plans.items()
    ]
    return sorted(found, key=lambda milestone: milestone.planned_on)


def plannable(lead: Lead, planned: Iterable[PlannedMilestone], kinds: Kinds) -> list[str]:
    """What a lead whose milestones are loaded may still reach and has no plan for."""
    reached = {step.kind for step in lead.milestones}
    known = {milestone.kind for milestone in planned}
    return [kind for kind in kinds.ahead if kind not in known and not is_behind(kind, reached)]


def overdue_milestones(db: Session, on: date, *, as_of: datetime) -> list[OverdueMilestone]:
    """Milestones planned, as of that moment, for before the date and not reached by then.

    Nothing is overdue of a lead that is parked or lost; a stage of the line counts as reached
    once a further one is, since stages may be skipped. The caller checks who may see them.
    """
    known = MilestonePlan.entered_at <= as_of
    # each revision is a row: the last one known by then holds
    latest = select(func.max(MilestonePlan.id)).where(known)
    rows = db.execute(
        select(Lead, MilestonePlan.kind, MilestonePlan.planned_on)
        .join(Lead, Lead.id == MilestonePlan.lead_id)
        .where(
            MilestonePlan.id.in_(latest.group_by(MilestonePlan.lead_id, MilestonePlan.kind)),
            MilestonePlan.planned_on < on,
            Lead.stage.not_in(STOPPED),
        )
        .order_by(MilestonePlan.planned_on, MilestonePlan.id)
    ).all()
    reached = _reached(db, {lead.id for lead, _, _ in rows}, as_of)
    names = milestone_kinds(db).names

    return [
        OverdueMilestone(lead, kind, names[kind], planned_on)
        for lead, kind, planned_on in rows
        if not is_behind(kind, reached.get(lead.id, set()))
    ]


def is_behind(kind: str, reached: set[str]) -> bool:
    """Whether what was reached holds that milestone, or a further stage of the line."""
    if kind not in ON_LINE:
        return kind in reached
    return any(ON_LINE[other] >= ON_LINE[kind] for other in reached if other in ON_LINE)


def _reached(db: Session, lead_ids: set[int], as_of: datetime) -> dict[int, set[str]]:
    query = select(Milestone.lead_id, Milestone.kind).where(
        Milestone.lead_id.in_(lead_ids), Milestone.entered_at <= as_of
    )
    found: dict[int, set[str]] = {}
    for lead_id, kind in db.execute(query) if lead_ids else ():
        found.setdefault(lead_id, set()).add(kind)
    return found


def _reached_on(db: Session, lead: Lead, kind: str) -> date | None:
    query = select(Milestone.reached_on).where(Milestone.lead_id == lead.id, Milestone.kind == kind)
    return db.scalar(query.order_by(Milestone.id.desc()).limit(1))
