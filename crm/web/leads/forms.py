"""The forms of leads: new and changed, with their choices and the data that they make."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session
from wtforms import Field, Form, HiddenField, RadioField, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length, Optional

from crm.base.cells import Cells, Phone, read_cells
from crm.base.errors import Refused
from crm.base.money import Stated, editable_amount, parse_amount
from crm.extensions import db
from crm.leads.amounts import FIELD_OF, AmountRow
from crm.leads.catalog import industry_name, offered
from crm.leads.catalog_models import CatalogKind
from crm.leads.companies import OF_COMPANY, CompanyData
from crm.leads.contacts import ContactData
from crm.leads.fields import LEAD_FIELDS, OTHER_AMOUNTS, OWN_TEXTS, LeadData
from crm.leads.models import Contact, Lead
from crm.leads.permissions import access_on, supervisors_of_unit
from crm.leads.redaction import LeadLabel
from crm.leads.rules import LINE, Secrecy, Stage
from crm.people.choices import PeopleAsked
from crm.people.permissions import Viewer
from crm.people.queries import UnitRow, people_by_id, unit_tree
from crm.people.rules import UnitKind
from crm.web.choices.fields import LeadField, PersonField, offer_leads, offer_people
from crm.web.date_fields import DateField
from crm.web.declared_fields import with_fields
from crm.web.edit_conflicts import VersionedForm
from crm.web.errors import refusal_text
from crm.web.forms import (
    NOTHING,
    chosen_id,
    cleaned,
    enum_choices,
    people_choices,
    sensible_year,
)
from crm.web.leads.agreement_field import AgreementField
from crm.web.leads.own_form import own_data

# Fields that a refusal calls by other names; the reference is not shown.
REFUSAL_FIELDS = {"ref": "", "kind": "stage", "on": "entered_on"}
_short = Length(max=100, message="最多 %(max)d 个字。")
LONG = Length(max=5000, message="最多 %(max)d 个字。")
LABELS = {name: field.input_label for name, field in LEAD_FIELDS.items()}


def _chosen(name: str, label: str = "") -> SelectField:
    return SelectField(label or LABELS[name], coerce=chosen_id, validate_choice=False)


def _with_unit(_form: Form, field: Field) -> None:
    """Refuse anything but an amount with its unit."""
    try:
        if field.data:
            parse_amount(field.data)
    except ValueError:
        message = "请写明数额和单位，例如 12.5亿元、8000万美元。"
        raise ValidationError(message) from None


def _amount(name: str) -> StringField:
    checks = [Length(max=40, message="最多 %(max)d 个字。"), _with_unit]
    return StringField(LABELS[name], checks, filters=[cleaned])


class _ContactCells(Cells):
    """A contact's telephone number, checked as in files."""

    phone: Phone


@with_fields(LEAD_FIELDS)
class ChangeForm(VersionedForm):
    """The fields of a lead that a change may set, too."""

    company: StringField
    title: StringField
    contact: StringField
    position: StringField
    phone: StringField
    amount = _amount("amount")
    fixed_assets = _amount("fixed_assets")
    registered_capital = _amount("registered_capital")
    foreign_capital = _amount("foreign_capital")
    stated_on = DateField(LABELS["stated_on"], [Optional(), sensible_year])
    industry = SelectField(LABELS["industry"], validate_choice=False)
    park_id = _chosen("park_id")
    source = SelectField(LABELS["source"], validate_choice=False)
    secrecy = RadioField(
        LABELS["secrecy"], choices=enum_choices(Secrecy), coerce=Secrecy, default=Secrecy.OPEN
    )
    credit_code: StringField
    group_name: StringField
    earlier_lead_id = LeadField(LABELS["earlier_lead_id"])

    def validate_phone(self, field: Field) -> None:
        """Write a telephone number in one way; refuse anything else."""
        try:
            field.data = read_cells(_ContactCells, {"phone": field.data or ""}).phone
        except Refused as refusal:
            raise ValidationError(refusal_text(refusal)) from None

    def _lead_data(self, lead: Lead | None = None, **more: Any) -> LeadData:
        """The data of a valid form; `lead` is the one that it changes, with its company."""
        amount, currency = _stated(self.amount.data) or (None, None)

        return LeadData(
            company=CompanyData(
                name=self.company.data or "",
                credit_code=self.credit_code.data,
                group_name=self.group_name.data,
                country=lead.company.country if lead else None,  # no field of the form
            ),
            contact=self._contact(),
            title=self.title.data or "",
            secrecy=self.secrecy.data,
            industry=self.industry.data or None,
            park_id=self.park_id.data,
            amount=amount,
            currency=currency,
            other_amounts={kind: _stated(self[kind.value].data) for kind in OTHER_AMOUNTS},
            stated_on=self.stated_on.data,
            earlier_lead_id=self.earlier_lead_id.data,
            own_values=own_data(db.session, self),
            **{name: self[name].data for name in OWN_TEXTS},
            **more,
        )

    def _contact(self) -> ContactData | None:
        if not self.contact.data:
            return None
        return ContactData(
            name=self.contact.data, position=self.position.data, phone=self.phone.data
        )


class EditForm(ChangeForm):
    """A change of a lead, with the supervisor who is named where it becomes restricted."""

    informed_id = _chosen("informed_id", "知悉的督查人员")

    def changed_lead(self, lead: Lead) -> LeadData:
        """The data of a valid form."""
        return self._lead_data(lead, informed_id=self.informed_id.data)


class LeadForm(ChangeForm):
    """A new lead, with its stage and the holders of its roles."""

    ref = HiddenField(filters=[cleaned], validators=[_short])
    # ids of leads already shown, ten at a time
    warned_of = HiddenField(filters=[cleaned], validators=[Length(max=1000)])
    stage = SelectField("目前阶段", choices=enum_choices(LINE), coerce=Stage)
    agreement = AgreementField()
    entered_on = DateField("进入该阶段的日期", [DataRequired("请选择日期。"), sensible_year])
    unit_id = _chosen("unit_id")
    tracker_id = PersonField(LABELS["tracker_id"])
    leader_id = PersonField(LABELS["leader_id"])

    def new_lead(self) -> LeadData:
        """The data of a valid form."""
        return self._lead_data(
            ref=self.ref.data or "",
            entered_on=self.entered_on.data,
            unit_id=self.unit_id.data,
            tracker_id=self.tracker_id.data,
            leader_id=self.leader_id.data,
        )


def _stated(typed: str | None) -> Stated | None:
    return parse_amount(typed) if typed else None


def form_values(
    lead: Lead, contact: Contact | None, amounts: Sequence[AmountRow]
) -> dict[str, Any]:
    """The values of a lead's form; its company is loaded."""
    return {
        "company": lead.company.name,
        # REGIME 2: the caller fills these in where the viewer may read them
        "credit_code": None,
        "group_name": None,
        "contact": contact.name if contact else None,
        "position": contact.position if contact else None,
        "phone": contact.phone if contact else None,
        **dict.fromkeys(FIELD_OF.values()),
        **{
            FIELD_OF[row.kind]: editable_amount(row.amount, row.currency)
            for row in amounts
            if row.replaced_at is None
        },
        **{name: getattr(lead, name) for name in _OWN},
    }


def value_labels(db: Session, lead: Lead, earlier: LeadLabel | None) -> dict[str, str]:
    """The names of what the form holds by codes and ids."""
    return {
        "industry": industry_name(db, lead.industry),
        "park_id": lead.park.name if lead.park else "",
        "earlier_lead_id": earlier.text if earlier else "",
    }


# The fields that the form takes from the lead's own row.
_OWN = tuple(
    name
    for name, field in LEAD_FIELDS.items()
    if field.in_form and field.is_stored and name not in ("amount", *OF_COMPANY)
)


def set_choices(
    db: Session, form: ChangeForm, viewer: Viewer, on: date, *, lead: Lead | None = None
) -> None:
    """Offer units, industries, sources and leads; what the changed lead has stays a choice."""
    units = [node.unit for node in unit_tree(db)]
    undecided = SelectChoice("", "未定")
    of_lead = lead.industry if lead else None
    industries = offered(db, CatalogKind.INDUSTRY, of_lead)
    form.industry.choices = [undecided, *(SelectChoice(*item) for item in industries.items())]
    sources = [*offered(db, CatalogKind.SOURCE).values()]
    if lead and lead.source and lead.source not in sources:
        sources.append(lead.source)
    form.source.choices = [undecided, *(SelectChoice(name, name) for name in sources)]

    parks = [unit for unit in units if unit.kind is UnitKind.PARK]
    form.park_id.choices = [undecided, *map(_unit, parks)]
    offer_leads(db, viewer, form.earlier_lead_id, without=lead.id if lead else None)

    if isinstance(form, LeadForm):
        form.unit_id.choices = [SelectChoice("", "本人所在单位"), *map(_unit, units)]
        offer_people(db, PeopleAsked(viewer, on), form.tracker_id, form.leader_id)


def offer_supervisors(db: Session, form: EditForm, lead: Lead, viewer: Viewer, on: date) -> None:
    """Offer the supervisors who would lose sight of the lead as it becomes restricted."""
    access = access_on(lead, on)
    unit_id = next(iter(access.unit_ids), None)
    is_open = lead.secrecy is not Secrecy.RESTRICTED
    losing = supervisors_of_unit(db, unit_id, on) if is_open and unit_id else []
    # one of them is informed already, so nobody has to be named
    if viewer.person_id in losing or not access.named_ids.isdisjoint(losing):
        losing = []
    choices = people_choices(people_by_id(db, losing).values())
    form.informed_id.choices = [NOTHING, *choices] if choices else []


def _unit(unit: UnitRow) -> Any:
    return SelectChoice(str(unit.id), unit.name)
