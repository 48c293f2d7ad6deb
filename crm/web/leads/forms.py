"""The form of a lead: what it begins with, and how what is typed becomes a lead's data."""

from datetime import date
from typing import Any

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
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length

from crm.base.cells import Cells, Phone, read_cells
from crm.base.errors import Refused
from crm.base.money import editable_amount, parse_amount
from crm.leads.catalog import industries, industry_name
from crm.leads.models import Contact, Lead
from crm.leads.queries import LeadLabel
from crm.leads.rules import LINE, Secrecy, Stage
from crm.leads.seers import named_supervisors, supervisors_over
from crm.leads.service import CompanyData, ContactData, LeadData
from crm.people.models import Person, Unit
from crm.people.queries import Viewer, colleagues, people_by_id, unit_tree
from crm.people.rules import WITH_RECORDS, UnitKind
from crm.web.edit_conflicts import MarkedForm
from crm.web.errors import refusal_text
from crm.web.forms import (
    NOTHING,
    Needed,
    chosen_id,
    cleaned,
    leads_to_choose,
    people_choices,
    sensible_year,
    word_choices,
)

# What the service calls by other names than the form; nobody sees the reference.
FIELDS = {"ref": "", "kind": "stage", "on": "entered_on"}
_short = Length(max=100, message="最多 %(max)d 个字。")
LONG = Length(max=5000, message="最多 %(max)d 个字。")


def _line(label: str, *validators: Any) -> StringField:
    return StringField(label, [*validators, _short], filters=[cleaned])


def _chosen(label: str) -> SelectField:
    return SelectField(label, coerce=chosen_id, validate_choice=False)


class _Reached(Cells):
    """How a contact is reached."""

    phone: Phone


class ChangeForm(MarkedForm):
    """What may be told of a lead, and told anew."""

    company = _line("投资方（企业全称）", DataRequired("请填写投资方。"))
    title = _line("项目名称", DataRequired("请填写项目名称。"))
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
        "知悉范围", choices=word_choices(Secrecy), coerce=Secrecy, default=Secrecy.OPEN
    )
    code_name = _line("代号")
    credit_code = _line("统一社会信用代码")
    group_name = _line("所属集团")
    earlier_lead_id = _chosen("前期项目")
    note = TextAreaField("备注", [LONG], filters=[cleaned])

    def validate_amount(self, field: Field) -> None:
        """Refuse what is no amount with its unit."""
        try:
            if field.data:
                parse_amount(field.data)
        except ValueError:
            message = "请写明数额和单位，例如 12.5亿元、8000万美元。"
            raise ValidationError(message) from None

    def validate_phone(self, field: Field) -> None:
        """Keep a telephone number in one form; refuse what is none."""
        try:
            field.data = read_cells(_Reached, {"phone": field.data or ""}).phone
        except Refused as refusal:
            raise ValidationError(refusal_text(refusal)) from None

    def told(self, lead: Lead | None = None, **given: Any) -> LeadData:
        """The data of a valid form; `lead` is the one that it changes, with its company."""
        amount, currency = parse_amount(self.amount.data) if self.amount.data else (None, None)

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


class EditForm(ChangeForm):
    """A known lead, with the supervisor who stays named where it becomes restricted."""

    informed_id = _chosen("知悉的督查人员")

    def as_change(self, lead: Lead) -> LeadData:
        """The data of a valid form."""
        return self.told(lead, informed_id=self.informed_id.data)


class LeadForm(ChangeForm):
    """A new lead, with the stage in which it comes and who stands for it."""

    ref = HiddenField(filters=[cleaned], validators=[_short])
    warned_of = HiddenField(filters=[cleaned], validators=[_short])  # the company already shown
    stage = SelectField("目前阶段", choices=word_choices(LINE), coerce=Stage)
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


def as_typed(lead: Lead, contact: Contact | None) -> dict[str, Any]:
    """A lead, its company loaded, as its form shows it."""
    has_amount = lead.amount is not None and lead.currency is not None
    return {
        "company": lead.company.name,
        "credit_code": None,
        "group_name": None,
        "contact": contact.name if contact else None,
        "position": contact.position if contact else None,
        "phone": contact.phone if contact else None,
        "amount": editable_amount(lead.amount, lead.currency) if has_amount else None,  # type: ignore[arg-type]
        **{name: getattr(lead, name) for name in _OWN},
    }


def in_words(lead: Lead, earlier: LeadLabel | None) -> dict[str, str]:
    """What the form shows by codes and ids, by names."""
    return {
        "industry": industry_name(lead.industry),
        "park_id": lead.park.name if lead.park else "",
        "earlier_lead_id": earlier.text if earlier else "",
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
    units = [node.unit for node in unit_tree(db)]
    unsaid = SelectChoice("", "未定")
    form.industry.choices = [unsaid, *(SelectChoice(*each) for each in industries().items())]
    parks = [unit for unit in units if unit.kind is UnitKind.PARK]
    form.park_id.choices = [unsaid, *map(_unit, parks)]
    earlier = leads_to_choose(db, viewer, on, {form.earlier_lead_id.data or 0} - {0})
    form.earlier_lead_id.choices = [NOTHING, *(one for one in earlier if one.value != str(but))]
    if isinstance(form, LeadForm):
        form.unit_id.choices = [SelectChoice("", "本人所在单位"), *map(_unit, units)]
        people = people_choices(with_records(db, on))
        form.tracker_id.choices = form.leader_id.choices = [NOTHING, *people]


def offer_supervisors(db: Session, form: EditForm, lead: Lead, viewer: Viewer, on: date) -> None:
    """Offer those who would lose the lead as it becomes restricted, one of whom is named on it."""
    over = [] if lead.secrecy is Secrecy.RESTRICTED else supervisors_over(db, lead.id, on)
    if viewer.person_id in over or named_supervisors(db, lead.id, on):
        over = []
    choices = people_choices(people_by_id(db, over).values())
    form.informed_id.choices = [NOTHING, *choices] if choices else []


def _unit(unit: Unit) -> Any:
    return SelectChoice(str(unit.id), unit.name)


def with_records(db: Session, on: date) -> list[Person]:
    """The colleagues who may stand for a lead: those who work with records."""
    return [each for each in colleagues(db, on) if each.role in WITH_RECORDS]
