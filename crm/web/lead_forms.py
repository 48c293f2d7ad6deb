"""The forms of a lead: what is told of it, its next stage, and who stands for what."""

from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import (
    DateField,
    Field,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import Length

from crm.base.money import understood, written
from crm.leads.catalog import industries
from crm.leads.models import Contact, Lead
from crm.leads.queries import lead_choices
from crm.leads.rules import (
    FINAL,
    LINE,
    SIDE,
    LeadRoleKind,
    MilestoneKind,
    Secrecy,
    Stage,
    next_stages,
)
from crm.leads.service import CompanyData, ContactData, LeadData
from crm.people.models import Person, Unit
from crm.people.queries import Viewer, colleagues, unit_tree
from crm.people.rules import WITH_RECORDS, UnitKind
from crm.web.forms import Needed, chosen_id, cleaned, sensible_year

# What the service calls by other names than the form; nobody sees the reference.
FIELDS = {"ref": "", "kind": "stage", "on": "entered_on"}
_short = Length(max=100, message="最多 %(max)d 个字。")
_long = Length(max=5000, message="最多 %(max)d 个字。")
_UNSAID = ("", "未定")


def _line(label: str, *validators: Any) -> StringField:
    return StringField(label, [*validators, _short], filters=[cleaned])


def _chosen(label: str) -> SelectField:
    return SelectField(label, coerce=chosen_id, validate_choice=False)


class ChangeForm(FlaskForm):
    """What may be told of a lead, and told anew."""

    company = _line("投资方（企业全称）", Needed("请填写投资方。"))
    title = _line("项目名称", Needed("请填写项目名称。"))
    contact = _line("联系人")
    position = _line("联系人职务")
    phone = _line("联系电话")
    amount = StringField(
        "总投资", [Length(max=40, message="最多 %(max)d 个字。")], filters=[cleaned]
    )
    industry = SelectField("产业", validate_choice=False)
    park_id = _chosen("落户园区")
    source = _line("线索来源")
    secrecy = RadioField(
        "知悉范围",
        choices=[(each.value, each.label) for each in Secrecy],
        coerce=Secrecy,
        default=Secrecy.OPEN,
    )
    code_name = _line("代号")
    credit_code = _line("统一社会信用代码")
    group_name = _line("所属集团")
    earlier_lead_id = _chosen("前期项目")
    note = TextAreaField("备注", [_long], filters=[cleaned])

    def validate_amount(self, field: Field) -> None:
        """Refuse what is no amount with its unit."""
        try:
            if field.data:
                understood(field.data)
        except ValueError:
            message = "请写明数额和单位，例如 12.5亿元、8000万美元。"
            raise ValidationError(message) from None

    def told(self, lead: Lead | None = None, **given: Any) -> LeadData:
        """The data of a valid form; `lead` is the one that it changes, with its company."""
        amount, currency = understood(self.amount.data) if self.amount.data else (None, None)
        return LeadData(
            company=CompanyData(
                name=self.company.data or "",
                credit_code=self.credit_code.data,
                group_name=self.group_name.data,
                country=lead.company.country if lead else None,
            ),
            contact=self._contact(),
            title=self.title.data or "",
            secrecy=self.secrecy.data,
            code_name=self.code_name.data,
            industry=self.industry.data or None,
            park_id=self.park_id.data,
            source=self.source.data,
            amount=amount,
            currency=currency,
            note=self.note.data,
            earlier_lead_id=self.earlier_lead_id.data,
            **given,
        )

    def _contact(self) -> ContactData | None:
        if not self.contact.data:
            return None
        return ContactData(
            name=self.contact.data, position=self.position.data, phone=self.phone.data
        )


class LeadForm(ChangeForm):
    """A new lead, with the stage in which it comes and who stands for it."""

    ref = HiddenField(filters=[cleaned], validators=[_short])
    warned_of = HiddenField(filters=[cleaned], validators=[_short])  # the company already shown
    stage = SelectField(
        "目前阶段", choices=[(each.value, each.label) for each in LINE], coerce=Stage
    )
    entered_on = DateField("进入该阶段的日期", [Needed("请选择日期。"), sensible_year])
    unit_id = _chosen("责任单位")
    tracker_id = _chosen("跟踪责任人")
    leader_id = _chosen("挂钩领导")

    def as_lead(self) -> LeadData:
        """The data of a valid form."""
        return self.told(
            ref=self.ref.data or "",
            entered_on=self.entered_on.data,
            unit_id=self.unit_id.data,
            tracker_id=self.tracker_id.data,
            leader_id=self.leader_id.data,
        )


class ReachForm(FlaskForm):
    """A stage or side milestone that a lead reached."""

    kind = SelectField(
        "进展", [Needed("请选择进展。")], coerce=MilestoneKind, validate_choice=False
    )
    on = DateField("日期", [Needed("请选择日期。"), sensible_year])
    reason = StringField("原因或说明", [_long], filters=[cleaned])


class CorrectForm(FlaskForm):
    """Another date for what was reached."""

    on = DateField("日期", [Needed("请选择日期。"), sensible_year])
    reason = StringField("更正原因", [Needed("请填写更正原因。"), _long], filters=[cleaned])


class RoleForm(FlaskForm):
    """Who is what to a lead from a date on; the holder is a person (`p7`) or a unit (`u3`)."""

    role = RadioField(
        "分工", choices=[(each.value, each.label) for each in LeadRoleKind], coerce=LeadRoleKind
    )
    holder = SelectField("由谁担任", [Needed("请选择人员或单位。")])
    from_on = DateField("自哪天起", [Needed("请选择日期。"), sensible_year])

    def held_by(self, db: Session) -> Person | Unit | None:
        """The holder of a valid form."""
        kind, holder_id = self.holder.data[0], int(self.holder.data[1:])
        return db.get(Unit, holder_id) if kind == "u" else db.get(Person, holder_id)


def as_typed(lead: Lead, contact: Contact | None) -> dict[str, Any]:
    """A lead, its company loaded, as its form shows it."""
    has_amount = lead.amount is not None and lead.currency is not None
    return {
        "company": lead.company.name,
        "credit_code": lead.company.credit_code,
        "group_name": lead.company.group_name,
        "contact": contact.name if contact else None,
        "position": contact.position if contact else None,
        "phone": contact.phone if contact else None,
        "amount": written(lead.amount, lead.currency) if has_amount else None,  # type: ignore[arg-type]
        **{name: getattr(lead, name) for name in _OWN},
    }


_OWN = (
    "title",
    "industry",
    "park_id",
    "source",
    "secrecy",
    "code_name",
    "earlier_lead_id",
    "note",
)


def offer(db: Session, form: ChangeForm, viewer: Viewer, on: date, *, but: int = 0) -> None:
    """Give the form of a lead its choices; `but` is the lead itself, which is not its own past."""
    units = unit_tree(db)
    form.industry.choices = [_UNSAID, *industries().items()]
    form.park_id.choices = [
        _UNSAID,
        *((each.unit.id, each.unit.name) for each in units if each.unit.kind is UnitKind.PARK),
    ]
    form.earlier_lead_id.choices = [
        ("", ""),
        *(
            (one.id, one.title, {"data-pinyin": one.initials, "data-note": one.company})
            for one in lead_choices(db, viewer, on)
            if one.id != but
        ),
    ]
    if isinstance(form, LeadForm):
        form.unit_id.choices = [("", "本人所在单位"), *((o.unit.id, o.unit.name) for o in units)]
        people = [(each.id, each.name, _initials(each)) for each in _people(db, on)]
        form.tracker_id.choices = form.leader_id.choices = [("", ""), *people]


def offer_steps(form: ReachForm, lead: Lead) -> None:
    """Offer the next stages, the nearest first, then side milestones and the ways to stop."""
    reached = {step.kind for step in lead.milestones}
    following = [MilestoneKind(stage.value) for stage in next_stages(lead.stage)]
    side = [kind for kind in SIDE if kind not in reached]
    stops = [kind for kind in MilestoneKind if kind in FINAL and kind.value != lead.stage.value]
    groups = {"下一阶段": following, "其他节点": side, "停止推进": stops}
    form.kind.choices = {
        name: [(kind.value, kind.label) for kind in kinds] for name, kinds in groups.items()
    }


def offer_holders(db: Session, form: RoleForm, on: date) -> None:
    """Offer everyone who works with records, and every unit."""
    people = [(f"p{each.id}", each.name, _initials(each)) for each in _people(db, on)]
    units = [
        (f"u{one.unit.id}", one.unit.name, {"data-note": one.unit.kind.label})
        for one in unit_tree(db)
    ]
    form.holder.choices = [("", ""), *people, *units]


def _people(db: Session, on: date) -> list[Person]:
    return [each for each in colleagues(db, on) if each.role in WITH_RECORDS]


def _initials(person: Person) -> dict[str, str]:
    return {"data-pinyin": person.initials}
