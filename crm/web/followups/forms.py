"""The forms of follow-ups: new, changed and finished."""

from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import (
    DateField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length, Optional

from crm.followups.fields import FOLLOWUP_FIELDS
from crm.followups.service import FollowupData, FollowupOutcome
from crm.people.permissions import Viewer
from crm.people.queries import colleagues
from crm.people.rules import WITH_RECORDS
from crm.visits.rules import Channel
from crm.web.declared_fields import with_fields
from crm.web.edit_conflicts import VersionedForm
from crm.web.forms import (
    NOTHING,
    Needed,
    chosen_id,
    cleaned,
    enum_choices,
    leads_to_choose,
    people_choices,
    row_id,
    sensible_year,
)

LABELS = {name: field.input_label for name, field in FOLLOWUP_FIELDS.items()}
_line = Length(max=500, message="最多 %(max)d 个字。")


@with_fields(FOLLOWUP_FIELDS, "what", "due_on")
class ChangeForm(VersionedForm):
    """What is to be done, by whom and until when."""

    what: StringField
    due_on: DateField
    # the service checks the choice: the list is read only when the form is shown
    person_id = SelectField(
        LABELS["person_id"], [Needed("请选择责任人。")], coerce=row_id, validate_choice=False
    )

    def followup_data(self, lead_id: int, ref: str = "") -> FollowupData:
        """The data of a valid form about that lead."""
        due_on: Any = self.due_on.data
        return FollowupData(
            ref=ref,
            lead_id=lead_id,
            person_id=self.person_id.data,
            due_on=due_on,
            what=self.what.data or "",
        )


class NewForm(ChangeForm):
    """A new follow-up, with its lead."""

    # made with the page, so that a form sent twice is one follow-up
    ref = HiddenField(filters=[cleaned], validators=[Length(max=100)])
    lead_id = SelectField(
        LABELS["lead_id"], [Needed("请选择线索。")], coerce=chosen_id, validate_choice=False
    )

    def new_followup(self) -> FollowupData:
        """The data of a valid form."""
        lead_id: Any = self.lead_id.data
        return self.followup_data(lead_id, self.ref.data or "")


@with_fields(FOLLOWUP_FIELDS, "result", "met")
class OutcomeForm(FlaskForm):
    """The result of a follow-up, and the next one."""

    result: TextAreaField
    channel = RadioField(
        LABELS["channel"],
        [Optional()],
        choices=enum_choices(Channel),
        coerce=Channel,
        validate_choice=False,
    )
    met: StringField
    next_what = StringField("下一步", [_line], filters=[cleaned])
    next_due_on = DateField("下一步期限", [Optional(), sensible_year])

    def outcome(self) -> FollowupOutcome:
        """The outcome of a valid form."""
        return FollowupOutcome(
            result=self.result.data or "",
            channel=self.channel.data or None,
            met=self.met.data,
            next_what=self.next_what.data,
            next_due_on=self.next_due_on.data,
        )


def set_choices(db: Session, form: ChangeForm, viewer: Viewer, on: date) -> None:
    """Offer the people who work with records, and the leads that the viewer sees."""
    people = [person for person in colleagues(db, on) if person.role in WITH_RECORDS]
    form.person_id.choices = people_choices(people)
    if isinstance(form, NewForm):
        # the chosen lead stays in the list, even where it would not be offered
        chosen = {form.lead_id.data} - {None}
        form.lead_id.choices = [NOTHING, *leads_to_choose(db, viewer, on, chosen)]
