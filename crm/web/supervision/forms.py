"""The forms of supervision orders: one for the draft, and one for each step."""

from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import (
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length, Optional

from crm.people.choices import Group, PeopleAsked
from crm.people.permissions import Viewer
from crm.people.queries import unit_tree
from crm.supervision.drafting import OrderData
from crm.supervision.models import Order
from crm.supervision.rules import BY_CLOCK, About, OrderKind, Origin
from crm.supervision.workflow import Step
from crm.web.choices.fields import LeadField, PersonField, offer_leads, offer_people
from crm.web.date_fields import DateField
from crm.web.edit_conflicts import VersionedForm
from crm.web.forms import (
    NOTHING,
    chosen_id,
    cleaned,
    enum_choices,
    prose,
    row_id,
    sensible_year,
)
from crm.web.supervision.rows import units_of

_long = Length(max=2000, message="最多 %(max)d 个字。")
_line = Length(max=200, message="最多 %(max)d 个字。")
# The others are drafted by the clock alone.
BY_HAND = [origin for origin in Origin if origin not in BY_CLOCK]


def _chooser(label: str, *validators: Any) -> SelectField:
    return SelectField(label, [*validators], coerce=chosen_id, validate_choice=False)


class OrderForm(VersionedForm):
    """The form of a draft."""

    about = RadioField("督办对象", choices=enum_choices(About), coerce=About, default=About.UNIT)
    matter = StringField("督办事项", [DataRequired("请写明督办事项。"), _line], filters=[cleaned])
    demand = TextAreaField("办理要求", [DataRequired("请写明办理要求。"), _long], filters=[prose])
    unit_id = _chooser("牵头单位", DataRequired("请选择牵头单位。"))
    unit_ids = SelectMultipleField("配合单位", coerce=row_id, validate_choice=False)
    person_id = PersonField("责任人")
    officer_id = PersonField("经办人")
    kind = RadioField(
        "办理时限", choices=enum_choices(OrderKind), coerce=OrderKind, default=OrderKind.NORMAL
    )

    def as_data(self, origin: Origin, **more: Any) -> OrderData:
        """The data of a valid form."""
        return OrderData(
            kind=self.kind.data,
            origin=origin,
            about=self.about.data,
            matter=self.matter.data or "",
            demand=self.demand.data or "",
            unit_id=self.unit_id.data or 0,
            unit_ids=self.unit_ids.data or (),
            person_id=self.person_id.data,
            officer_id=self.officer_id.data,
            **more,
        )


class NewOrderForm(OrderForm):
    """The form of a new draft, with its origin."""

    ref = HiddenField(filters=[cleaned], validators=[_line])
    origin = RadioField(
        "来源", choices=enum_choices(BY_HAND), coerce=Origin, default=Origin.MEETING
    )
    lead_id = LeadField("关联线索")
    # the figure from which it is drafted, where it is
    rule = HiddenField(filters=[cleaned], validators=[_line])
    period = HiddenField(filters=[cleaned], validators=[_line])
    figure_of = HiddenField(filters=[cleaned], validators=[_line])

    def as_new_order(self) -> OrderData:
        """The data of a valid form."""
        ref = self.ref.data or ""
        # once another person is chosen, the order is not about that figure any more
        is_of_figure = self.figure_of.data and self.figure_of.data == str(self.person_id.data)
        figure = {"rule_code": self.rule.data, "period": self.period.data} if is_of_figure else {}
        return self.as_data(self.origin.data, lead_id=self.lead_id.data, ref=ref, **figure)


def form_values(order: Order) -> dict[str, Any]:
    """The values of a draft, by field; its units are loaded."""
    own = ("about", "matter", "demand", "unit_id", "person_id", "officer_id", "kind")
    return {name: getattr(order, name) for name in own} | {
        "unit_ids": [unit.id for unit in order.units]
    }


def value_labels(order: Order) -> dict[str, str]:
    """The names behind the ids of a draft's fields."""
    return {
        "unit_id": order.unit.name,
        "unit_ids": units_of(order),
        "person_id": order.person.name if order.person else "",
        "officer_id": order.officer.name if order.officer else "",
    }


def set_choices(db: Session, form: OrderForm, viewer: Viewer, on: date) -> None:
    """Set the choices of a draft's form."""
    units = [node.unit for node in unit_tree(db)]
    # the draft's own unit stays in the list, even out of the viewer's scope
    leading = viewer.unit_ids | {form.unit_id.data}
    choices = {unit.id: SelectChoice(str(unit.id), unit.name) for unit in units}
    form.unit_id.choices = [NOTHING, *(choices[unit.id] for unit in units if unit.id in leading)]
    form.unit_ids.choices = list(choices.values())
    by_unit = SelectChoice("", "由牵头单位明确")
    in_scope = PeopleAsked(viewer, on, Group.IN_SCOPE)
    offer_people(db, in_scope, form.person_id, extra=[by_unit])
    officers = PeopleAsked(viewer, on, Group.OVERSEEING)
    offer_people(db, officers, form.officer_id, extra=[])

    if isinstance(form, NewOrderForm):
        offer_leads(db, viewer, form.lead_id)


class StepForm(FlaskForm):
    """A step without fields of its own."""

    shown = HiddenField()  # of `position_shown`

    @property
    def words(self) -> str:
        """The text of the step, whatever its field is called."""
        names = ("text", "basis", "reason")
        return next((self[name].data or "" for name in names if name in self), "")

    @property
    def later_on(self) -> date | None:
        """The new due date, if the step has one."""
        return self["new_due_on"].data if "new_due_on" in self else None


class TextForm(StepForm):
    """An entry on progress."""

    text = TextAreaField("进展情况", [DataRequired("请写明进展情况。"), _long], filters=[prose])


class AnswerForm(StepForm):
    """The answer to the order."""

    text = TextAreaField("办理结果", [DataRequired("请写明办理结果。"), _long], filters=[prose])


class ReasonForm(StepForm):
    """A step that needs a reason."""

    reason = TextAreaField("理由", [DataRequired("请填写理由。"), _long], filters=[prose])


class GrantForm(StepForm):
    """The consent to an extension, with an optional remark."""

    reason = TextAreaField("意见", [_long], filters=[prose])


class ExtendForm(ReasonForm):
    """A request for a later due date."""

    new_due_on = DateField("延期至", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)


class ReturnForm(ReasonForm):
    """The return of an answer, with an optional later due date."""

    new_due_on = DateField("新的期限", [Optional(), sensible_year], is_ahead=True)


class AcceptForm(StepForm):
    """The acceptance (销号), with its basis."""

    basis = TextAreaField("销号依据", [DataRequired("请写明销号依据。"), _long], filters=[prose])


FORMS: dict[Step, type[StepForm]] = {
    Step.ISSUE: StepForm,
    Step.DROP: ReasonForm,
    Step.RECEIVE: StepForm,
    Step.PROGRESS: TextForm,
    Step.EXTEND: ExtendForm,
    Step.GRANT: GrantForm,
    Step.REFUSE: ReasonForm,
    Step.ANSWER: AnswerForm,
    Step.ACCEPT: AcceptForm,
    Step.RETURN: ReturnForm,
}
