"""The forms of follow-ups: new, changed and finished."""

from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length, Optional

from crm.followups.fields import FOLLOWUP_FIELDS
from crm.followups.rules import Repeat, repetition
from crm.followups.service import FollowupData, FollowupOutcome
from crm.people.choices import PeopleAsked
from crm.people.permissions import Viewer
from crm.visits.rules import Channel
from crm.web.choices.fields import LeadField, PersonField, offer_leads, offer_people
from crm.web.date_fields import DateField
from crm.web.declared_fields import with_fields
from crm.web.edit_conflicts import VersionedForm
from crm.web.forms import (
    WholeNumber,
    cleaned,
    enum_choices,
    sensible_year,
)

LABELS = {name: field.input_label for name, field in FOLLOWUP_FIELDS.items()}
NOT_REPEATED = SelectChoice("", "不重复")
_line = Length(max=500, message="最多 %(max)d 个字。")


@with_fields(FOLLOWUP_FIELDS, "what", "due_on")
class QuickForm(FlaskForm):
    """A follow-up on the lead whose page is open, by the writer."""

    # made with the page, so that a form sent twice is one follow-up
    ref = HiddenField(filters=[cleaned], validators=[Length(max=100)])
    what: StringField
    due_on: DateField

    def followup_of(self, lead_id: int, person_id: int) -> FollowupData:
        """The data of a valid form."""
        due_on: Any = self.due_on.data
        return FollowupData(
            ref=self.ref.data or "",
            lead_id=lead_id,
            person_id=person_id,
            due_on=due_on,
            what=self.what.data or "",
        )


@with_fields(FOLLOWUP_FIELDS, "what", "due_on")
class ChangeForm(VersionedForm):
    """What is to be done, by whom and until when."""

    what: StringField
    due_on: DateField
    person_id = PersonField(LABELS["person_id"], [DataRequired("请选择责任人。")])
    repeat = SelectField(
        LABELS["repeat"],
        choices=[NOT_REPEATED, *enum_choices(Repeat)],
        coerce=lambda code: Repeat(code) if code else None,
        validate_choice=False,
    )
    repeat_number = WholeNumber(LABELS["repeat_number"], [Optional()])

    def followup_data(self, lead_id: int, ref: str = "") -> FollowupData:
        """The data of a valid form about that lead; refused as `repeat_number`."""
        due_on: Any = self.due_on.data
        return FollowupData(
            ref=ref,
            lead_id=lead_id,
            person_id=self.person_id.data,
            due_on=due_on,
            what=self.what.data or "",
            repeats=repetition(self.repeat.data, self.repeat_number.data, due_on),
        )


class NewForm(ChangeForm):
    """A new follow-up, with its lead."""

    # made with the page, so that a form sent twice is one follow-up
    ref = HiddenField(filters=[cleaned], validators=[Length(max=100)])
    lead_id = LeadField(LABELS["lead_id"], [DataRequired("请选择线索。")])

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
    next_due_on = DateField("下一步期限", [Optional(), sensible_year], is_ahead=True)
    ends_repeating = BooleanField("不再重复")

    def outcome(self) -> FollowupOutcome:
        """The outcome of a valid form."""
        return FollowupOutcome(
            result=self.result.data or "",
            channel=self.channel.data or None,
            met=self.met.data,
            next_what=self.next_what.data,
            next_due_on=self.next_due_on.data,
            ends_repeating=self.ends_repeating.data,
        )


class SnoozeForm(FlaskForm):
    """Until when a follow-up is put off, and why."""

    snooze_on = DateField("推迟到", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)
    snooze_reason = StringField("原因", [DataRequired("请填写原因。"), _line], filters=[cleaned])


class HandOverForm(FlaskForm):
    """Who takes the ticked follow-ups over."""

    # made with the page, so that a form sent twice is one mail
    key = HiddenField(filters=[cleaned], validators=[Length(max=100)])
    person_id = PersonField("移交给", [DataRequired("请选择接手人。")])


def set_choices(db: Session, form: ChangeForm | HandOverForm, viewer: Viewer, on: date) -> None:
    """Offer likely people and leads, and those chosen."""
    offer_people(db, PeopleAsked(viewer, on), form.person_id)
    if isinstance(form, NewForm):
        offer_leads(db, viewer, form.lead_id)
