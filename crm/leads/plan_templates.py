"""Templates of plans, and a lead's milestones planned by one (PROJECTS 1)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from crm.base.audit import record
from crm.base.errors import Refused
from crm.base.names import folded
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Lead, Milestone, MilestonePlan
from crm.leads.planning import is_behind, plan_milestone
from crm.leads.template_models import PlanTemplate, PlanTemplateStep
from crm.people.models import Person

MOST_WORKDAYS = 2500  # ten years


@value_class
class TemplateData:
    """A template as an admin sets it: working days after the start by kind."""

    name: str
    workdays: Mapping[str, int]
    is_used: bool = True


@value_class
class TemplateStep:
    """A milestone of a lead by a template: its date, and why it would be left alone."""

    kind: str
    name: str
    on: date
    workdays: int
    is_reached: bool
    is_planned: bool

    @property
    def is_new(self) -> bool:
        """Whether it would be planned."""
        return not (self.is_reached or self.is_planned)


def templates(db: Session) -> Sequence[PlanTemplate]:
    """All templates with their steps, by name."""
    query = select(PlanTemplate).options(selectinload(PlanTemplate.steps))
    return db.scalars(query.order_by(PlanTemplate.name)).all()


def used_templates(db: Session) -> list[PlanTemplate]:
    """Those that leads may be planned by."""
    return [template for template in templates(db) if template.is_used]


def set_template(
    db: Session, *, data: TemplateData, by: Person | None, now: datetime, template_id: int = 0
) -> PlanTemplate:
    """Add a template, or change that of the id; what was planned by it stays.

    Refused as `required`, `name_taken`.
    """
    name = _checked_name(db, data, template_id)
    names = milestone_kinds(db).names
    known = {template.id: template for template in templates(db)}
    template = known.get(template_id) or PlanTemplate(steps=[])
    before = _audited(template, names) if template.id else None

    try:
        with db.begin_nested():
            db.add(template)
            template.name, template.is_used = name, data.is_used
            _set_steps(template, data.workdays)
    except IntegrityError as error:  # two admins chose one name at once
        raise Refused("name_taken", field="name") from error

    after = _audited(template, names)
    if before != after:
        action = "plan_template.changed" if before else "plan_template.added"
        record(db, action, template, by=by, at=now, before=before, after=after)
    return template


def _checked_name(db: Session, data: TemplateData, template_id: int) -> str:
    name = data.name.strip()
    if not name or not data.workdays:
        raise Refused("required", field="name")
    others = db.scalars(select(PlanTemplate.name).where(PlanTemplate.id != template_id))
    if folded(name) in map(folded, others):
        raise Refused("name_taken", field="name")
    return name


def _set_steps(template: PlanTemplate, workdays: Mapping[str, int]) -> None:
    kept = {step.kind: step for step in template.steps if step.kind in workdays}
    for kind, days in workdays.items():
        step = kept.setdefault(kind, PlanTemplateStep(kind=kind))
        step.workdays = days
    template.steps = list(kept.values())


def _audited(template: PlanTemplate, names: Mapping[str, str]) -> dict[str, object]:
    steps = sorted((step.workdays, names[step.kind]) for step in template.steps)
    words = [f"{name} {days}" for days, name in steps]
    return {"name": template.name, "is_used": template.is_used, "steps": words}


def steps_of(
    db: Session, lead_id: int, template: PlanTemplate, start: date, calendar: WorkingCalendar
) -> list[TemplateStep]:
    """What the lead would reach when, by the template; what is planned or reached is marked."""
    reached = set(db.scalars(select(Milestone.kind).where(Milestone.lead_id == lead_id)))
    planned = set(db.scalars(select(MilestonePlan.kind).where(MilestonePlan.lead_id == lead_id)))
    kinds = milestone_kinds(db)

    return [
        TemplateStep(
            step.kind,
            kinds.names[step.kind],
            calendar.nth_workday_after(start, step.workdays),
            step.workdays,
            is_behind(step.kind, reached),
            step.kind in planned,
        )
        for step in template.steps
        if step.kind in kinds.ahead
    ]


def plan_by_template(  # noqa: PLR0913 - one plan, whole
    db: Session,
    *,
    lead: Lead,
    template: PlanTemplate,
    start: date,
    calendar: WorkingCalendar,
    by: Person,
    now: datetime,
) -> int:
    """Plan what the lead has neither reached nor planned; returns how many milestones.

    Refused as `plan_milestone` is, and as `nothing_to_plan`.
    """
    # of two who plan at once the second finds the plans of the first
    db.execute(select(Lead.id).where(Lead.id == lead.id).with_for_update())
    new = [step for step in steps_of(db, lead.id, template, start, calendar) if step.is_new]
    if not new:
        raise Refused("nothing_to_plan")

    for step in new:
        plan_milestone(db, lead=lead, kind=step.kind, planned_on=step.on, by=by, now=now)
    return len(new)
