"""The small forms on a lead's page: milestones, plans and roles."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import DateField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2

from crm.leads.models import Lead
from crm.leads.rules import FINAL, SIDE, LeadRoleKind, MilestoneKind, next_stages
from crm.people.models import Person, Unit
from crm.people.queries import unit_tree
from crm.web.forms import NOTHING, Needed, cleaned, enum_choices, sensible_year
from crm.web.leads.forms import LONG, possible_holders


class ReachForm(FlaskForm):
    """A milestone that a lead reached."""

    # the service knows what may follow: the list is filled only when the page is shown
    kind = SelectField(
        "进展", [Needed("请选择进展。")], coerce=MilestoneKind, validate_choice=False
    )
    on = DateField("日期", [Needed("请选择日期。"), sensible_year])
    reason = StringField("原因或说明", [LONG], filters=[cleaned])


class PlanForm(FlaskForm):
    """The date by which a milestone is to be reached."""

    kind = SelectField(
        "节点", [Needed("请选择节点。")], coerce=MilestoneKind, validate_choice=False
    )
    on = DateField("计划日期", [Needed("请选择日期。"), sensible_year])


class ReviseForm(FlaskForm):
    """Another planned date of a milestone."""

    on = DateField("调整为", [Needed("请选择日期。"), sensible_year])
    reason = StringField("调整原因", [Needed("请填写调整原因。"), LONG], filters=[cleaned])


class CorrectForm(FlaskForm):
    """Another date of a milestone that was reached."""

    on = DateField("日期", [Needed("请选择日期。"), sensible_year])
    reason = StringField("更正原因", [Needed("请填写更正原因。"), LONG], filters=[cleaned])


class RoleForm(FlaskForm):
    """The holder of a role from a date on: a person (`p7`) or a unit (`u3`)."""

    role = RadioField(
        "分工", [Needed("请选择分工。")], choices=enum_choices(LeadRoleKind), coerce=LeadRoleKind
    )
    holder = SelectField("由谁担任", [Needed("请选择人员或单位。")])
    from_on = DateField("自哪天起", [Needed("请选择日期。"), sensible_year])

    def chosen_holder(self, db: Session) -> Person | Unit | None:
        """The holder of a valid form."""
        # the list of choices has vouched for the form of the value
        kind, holder_id = self.holder.data[0], int(self.holder.data[1:])
        return db.get(Unit, holder_id) if kind == "u" else db.get(Person, holder_id)


def offer_steps(form: ReachForm, lead: Lead) -> None:
    """Offer the next stages, the nearest first, then side milestones and stops."""
    reached = {step.kind for step in lead.milestones}
    groups = {
        "下一阶段": [MilestoneKind(stage.value) for stage in next_stages(lead.stage)],
        "其他节点": [kind for kind in SIDE if kind not in reached],
        # a parked lead may still be lost, and the other way round
        "停止推进": sorted(kind for kind in FINAL if kind.value != lead.stage.value),
    }
    form.kind.choices = [
        SelectChoice(kind.value, kind.label, optgroup=group)
        for group, kinds in groups.items()
        for kind in kinds
    ]


def offer_plans(form: PlanForm, kinds: Sequence[MilestoneKind]) -> None:
    """Offer the milestones without a plan, stages before side milestones."""
    groups = {"阶段": [kind for kind in kinds if kind not in SIDE]}
    groups["其他节点"] = [kind for kind in kinds if kind in SIDE]
    form.kind.choices = [
        SelectChoice(kind.value, kind.label, optgroup=group)
        for group, group_kinds in groups.items()
        for kind in group_kinds
    ]


def offer_holders(db: Session, form: RoleForm, on: date) -> None:
    """Offer everyone who works with records, and all units."""
    units = [node.unit for node in unit_tree(db)]
    form.holder.choices = [
        NOTHING,
        *(_person_choice(person) for person in possible_holders(db, on)),
        *(SelectChoice(f"u{unit.id}", unit.name, {"data-note": unit.kind.label}) for unit in units),
    ]


def _person_choice(person: Person) -> Any:
    return SelectChoice(f"p{person.id}", person.name, {"data-pinyin": person.search})
