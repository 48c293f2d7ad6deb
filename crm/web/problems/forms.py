"""The forms of problems: one for raising, and one for each step."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, RadioField, SelectField, SelectMultipleField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length, Optional

from crm.people.choices import PeopleAsked
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.queries import unit_tree
from crm.problems.categories import categories
from crm.problems.raising import ProblemData
from crm.problems.service import StepInput
from crm.problems.workflow import Step
from crm.web.choices.fields import LeadsField, PersonField, offer_leads, offer_people
from crm.web.date_fields import DateField
from crm.web.forms import chosen_id, cleaned, prose, row_id, sensible_year, whole_number

_long = Length(max=2000, message="最多 %(max)d 个字。")
_line = Length(max=100)


def _chooser(label: str, *validators: Any) -> SelectField:
    return SelectField(label, [*validators], coerce=chosen_id, validate_choice=False)


def _units(label: str) -> SelectMultipleField:
    return SelectMultipleField(label, coerce=row_id, validate_choice=False)


class ProblemForm(FlaskForm):
    """A new problem."""

    # made with the page, so that a form sent twice is one problem
    ref = HiddenField(filters=[cleaned], validators=[_line])
    visit_id = HiddenField(filters=[cleaned], validators=[_line])
    matter = TextAreaField(
        "遇到的困难", [DataRequired("请写明遇到的困难。"), _long], filters=[prose]
    )
    category_id = RadioField(
        "类别", [DataRequired("请选择类别。")], coerce=row_id, validate_choice=False
    )
    lead_ids = LeadsField("项目线索", [DataRequired("请选择线索。")])
    due_on = DateField("期限", [DataRequired("请选择期限。"), sensible_year], is_ahead=True)
    unit_id = _chooser("承办单位")
    person_id = PersonField("承办人")
    unit_ids = _units("协办单位")

    def problem_data(self, on: date) -> ProblemData:
        """What is raised; a form that is not valid has stand-ins, `on` for the due date."""
        return ProblemData(
            matter=self.matter.data or "",
            category_id=self.category_id.data or 0,
            lead_ids=self.lead_ids.data or (),
            due_on=self.due_on.data or on,
            unit_id=self.unit_id.data,
            person_id=self.person_id.data,
            unit_ids=self.unit_ids.data or (),
            visit_id=whole_number(self.visit_id.data or ""),
            ref=self.ref.data or "",
        )


class StepForm(FlaskForm):
    """A step without fields of its own."""

    def step_input(self) -> StepInput:
        """What the step is given, whatever its text is called."""
        words = [self[name].data for name in ("text", "basis", "reason") if name in self]
        named = ("unit_id", "person_id", "unit_ids", "on")
        given = {name: self[name].data for name in named if name in self}
        return StepInput(text=next(filter(None, words), ""), **given)


class TakeForm(StepForm):
    """Who takes it owns it, unless another is named."""

    person_id = PersonField("承办人")
    unit_ids = _units("协办单位")


class ReasonForm(StepForm):
    """A step that needs a reason."""

    reason = TextAreaField("理由", [DataRequired("请填写理由。"), _long], filters=[prose])


class PassOnForm(ReasonForm):
    """To whom it is passed on, and why."""

    unit_id = _chooser("转办至", DataRequired("请选择承办单位。"))
    person_id = PersonField("承办人")


class ProgressForm(StepForm):
    """An entry on progress."""

    text = TextAreaField("进展情况", [DataRequired("请写明进展情况。"), _long], filters=[prose])


class SolveForm(StepForm):
    """How it was solved."""

    text = TextAreaField("解决情况", [DataRequired("请写明解决情况。"), _long], filters=[prose])


class CloseForm(StepForm):
    """The confirmation, with its basis."""

    basis = TextAreaField("销号依据", [DataRequired("请写明销号依据。"), _long], filters=[prose])


class ReturnForm(ReasonForm):
    """The return of a solution, with an optional later due date."""

    on = DateField("新的期限", [Optional(), sensible_year], is_ahead=True)


class ShelveForm(ReasonForm):
    """Why it is shelved, and when to look again."""

    on = DateField("再研究日期", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)


class ResumeForm(StepForm):
    """With a new due date, or without."""

    on = DateField("新的期限", [Optional(), sensible_year], is_ahead=True)


class NameForm(StepForm):
    """Whom an admin names, where nobody is left to act."""

    person_id = _chooser("办理人", DataRequired("请选择办理人。"))


# In the order in which the page shows them.
FORMS: dict[Step, type[StepForm]] = {
    Step.TAKE: TakeForm,
    Step.PASS_ON: PassOnForm,
    Step.REFER: ReasonForm,
    Step.ASSIGN: PassOnForm,
    Step.SOLVE: SolveForm,
    Step.PROGRESS: ProgressForm,
    Step.CLOSE: CloseForm,
    Step.RETURN: ReturnForm,
    Step.SHELVE: ShelveForm,
    Step.RESUME: ResumeForm,
    Step.WITHDRAW: StepForm,
    Step.NAME: NameForm,
}


def set_choices(db: Session, form: ProblemForm, viewer: Viewer, on: date) -> None:
    """Set the choices of a new problem."""
    form.category_id.choices = [(row.id, row.name) for row in categories(db, offered=True)]
    units = _unit_choices(db)
    form.unit_id.choices = [SelectChoice("", "按类别确定"), *units]
    form.unit_ids.choices = units
    by_unit = SelectChoice("", "由承办单位明确")
    offer_people(db, PeopleAsked(viewer, on), form.person_id, extra=[by_unit])
    offer_leads(db, viewer, form.lead_ids)


def set_step_choices(
    db: Session, forms: dict[Step, StepForm], viewer: Viewer, on: date, *, taker: str
) -> None:
    """Set the choices of the forms of a page that name units and people.

    `taker`: who owns the problem once it is taken, where nobody else is chosen.
    """
    units = _unit_choices(db)
    for form in forms.values():
        if "unit_id" in form:
            form["unit_id"].choices = [SelectChoice("", "请选择"), *units]
        if "unit_ids" in form:
            form["unit_ids"].choices = units

    people = [
        form["person_id"]
        for step, form in forms.items()
        if "person_id" in form and step is not Step.NAME
    ]
    if people:
        by_unit = SelectChoice("", "由承办单位明确")
        offer_people(db, PeopleAsked(viewer, on), *people, extra=[by_unit])
    if Step.TAKE in forms:
        forms[Step.TAKE]["person_id"].choices[0] = SelectChoice("", taker)


def offer_names(form: StepForm, people: Iterable[Person]) -> None:
    """Set whom an admin may name."""
    names = (SelectChoice(str(person.id), person.name) for person in people)
    form["person_id"].choices = [SelectChoice("", "请选择"), *names]


def _unit_choices(db: Session) -> list[SelectChoice]:
    return [SelectChoice(str(node.unit.id), node.unit.name) for node in unit_tree(db)]
