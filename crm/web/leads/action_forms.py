"""The small forms on a lead's page: milestones, plans and roles."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Optional

from crm.leads.milestone_kinds import STAGE_CODES, Kinds
from crm.leads.models import Lead
from crm.leads.rules import FINAL, LeadRoleKind, Stage, next_stages
from crm.people.choices import PeopleAsked
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer
from crm.people.queries import unit_tree
from crm.web.choices.fields import HolderField, offer_people
from crm.web.date_fields import DateField
from crm.web.forms import cleaned, enum_choices, sensible_year
from crm.web.leads.agreement_field import AgreementField
from crm.web.leads.forms import LONG


class ReachForm(FlaskForm):
    """A milestone that a lead reached."""

    # the service knows what may follow: the list is filled only when the page is shown
    kind = SelectField("进展", [DataRequired("请选择进展。")], validate_choice=False)
    on = DateField("日期", [DataRequired("请选择日期。"), sensible_year])
    agreement = AgreementField()
    look_again_on = DateField("再看日期", [Optional(), sensible_year], is_ahead=True)
    reason = StringField("原因或说明", [LONG], filters=[cleaned])

    def validate(self, extra_validators: Any = None) -> bool:
        """Ask at once for all that a stage needs, of which the service names the first."""
        is_valid = bool(super().validate(extra_validators))
        for field, is_needed, message in (
            (self.agreement, self.kind.data == Stage.SIGNED, "请选择协议类型。"),
            (self.look_again_on, self.kind.data == Stage.PARKED, "请填写再看日期。"),
            (self.reason, self.kind.data in FINAL, "请填写原因。"),
        ):
            if is_needed and not field.data and not field.errors:
                field.errors = [message]
                is_valid = False
        return is_valid


class PlanForm(FlaskForm):
    """The date by which a milestone is to be reached."""

    kind = SelectField("节点", [DataRequired("请选择节点。")], validate_choice=False)
    on = DateField("计划日期", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)


class ReviseForm(FlaskForm):
    """Another planned date of a milestone."""

    on = DateField("调整为", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)
    reason = StringField("调整原因", [DataRequired("请填写调整原因。"), LONG], filters=[cleaned])


class CorrectForm(FlaskForm):
    """Another date of a milestone that was reached."""

    on = DateField("日期", [DataRequired("请选择日期。"), sensible_year])
    agreement = AgreementField()
    look_again_on = DateField("再看日期", [Optional(), sensible_year], is_ahead=True)
    reason = StringField("更正原因", [DataRequired("请填写更正原因。"), LONG], filters=[cleaned])


class RoleForm(FlaskForm):
    """The holder of a role from a date on: a person (`p7`) or a unit (`u3`)."""

    role = RadioField(
        "分工",
        [DataRequired("请选择分工。")],
        choices=enum_choices(LeadRoleKind),
        coerce=LeadRoleKind,
    )
    holder = HolderField("担任人员或单位", [DataRequired("请选择人员或单位。")])
    from_on = DateField("开始日期", [DataRequired("请选择日期。"), sensible_year])

    def chosen_holder(self, db: Session) -> Person | Unit | None:
        """The holder of a valid form."""
        # the field has vouched for the form of the value
        kind, holder_id = self.holder.data[0], int(self.holder.data[1:])
        return db.get(Unit, holder_id) if kind == "u" else db.get(Person, holder_id)


def offer_steps(form: ReachForm, lead: Lead, kinds: Kinds) -> None:
    """Offer the next stages, the nearest first, then side milestones and stops."""
    reached = {step.kind for step in lead.milestones}
    groups = {
        "下一阶段": [stage.value for stage in next_stages(lead.stage)],
        "其他节点": [code for code in kinds.side if code not in reached],
        # a parked lead may still be lost, and the other way round
        "停止推进": sorted(code for code in FINAL if code != lead.stage),
    }
    form.kind.choices = _grouped(groups, kinds)


def offer_plans(form: PlanForm, codes: Sequence[str], kinds: Kinds) -> None:
    """Offer the milestones without a plan, stages before side milestones."""
    groups = {"阶段": [code for code in codes if code in STAGE_CODES]}
    groups["其他节点"] = [code for code in codes if code not in STAGE_CODES]
    form.kind.choices = _grouped(groups, kinds)


def _grouped(groups: Mapping[str, Sequence[str]], kinds: Kinds) -> list[SelectChoice]:
    return [
        SelectChoice(code, kinds.names[code], optgroup=group)
        for group, codes in groups.items()
        for code in codes
    ]


def offer_holders(db: Session, form: RoleForm, viewer: Viewer, on: date) -> None:
    """Offer likely people, and all units."""
    units = [
        SelectChoice(f"u{node.unit.id}", node.unit.name, {"data-note": node.unit.kind.label})
        for node in unit_tree(db)
    ]
    offer_people(db, PeopleAsked(viewer, on), form.holder)
    form.holder.choices += units
