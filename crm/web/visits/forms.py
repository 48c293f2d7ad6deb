"""The form of a visit: its initial values, its choices, and the data that it makes."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from wtforms import HiddenField, RadioField, StringField
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from crm.base import clock
from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.base.refs import new_ref
from crm.people.choices import PeopleAsked
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.visits.fields import VISIT_FIELDS, WORDS, VisitData
from crm.visits.queries import LastChoices
from crm.visits.redaction import SeenVisit
from crm.visits.rules import CHANNELS_OF, Kind, Status, stay_hours
from crm.visits.trips import offered
from crm.web.choices.fields import (
    LeadsField,
    PeopleField,
    PersonField,
    offer_companies,
    offer_leads,
    offer_people,
)
from crm.web.date_fields import DateField, TimeField, read_date
from crm.web.declared_fields import with_fields
from crm.web.edit_conflicts import VersionedForm
from crm.web.forms import (
    cleaned,
    enum_choices,
    row_id,
    sensible_year,
    show_refusal,
)
from crm.web.visits.company_rows import CompanyRows, row_values, rows_in_words

HOURS = frozenset({"starts", "ends"})  # hidden in the form of a stay
HALF_DAYS = ((time(14), time(16)), (time(9), time(11)))  # the usual hours, the later first
OF_COMPANIES = frozenset({"met", "position"})  # words that the rows of companies have
LATER = (*(name for name in WORDS if name not in OF_COMPANIES), "trip")  # folded
_short = Length(max=100, message="最多 %(max)d 个字。")
_LABELS = {name: field.input_label for name, field in VISIT_FIELDS.items()}


class UnlessStay(Optional):
    """Marked as required, and checked by the form: a stay needs none and hides the field."""

    def __init__(self) -> None:
        super().__init__()
        self.field_flags = {"required": True}


class VisitDateField(DateField):
    """A date of a visit: of one that is planned, 「周三」 is the next one."""

    def read(self, text: str) -> date:
        return read_date(text, is_ahead=request.form.get("status") == Status.PLANNED)


@with_fields(VISIT_FIELDS)
class VisitForm(VersionedForm):
    """A visit, with dates and times apart; a stay has its days alone."""

    ref = HiddenField(filters=[cleaned], validators=[_short])
    kind: RadioField
    channel: RadioField
    status = RadioField(
        _LABELS["status"], choices=enum_choices((Status.DONE, Status.PLANNED)), coerce=Status
    )
    first_on = VisitDateField("日期", [DataRequired("请选择日期。"), sensible_year])
    starts = TimeField("开始时间", [UnlessStay()])
    ends = TimeField("结束时间", [UnlessStay()])
    last_on = VisitDateField("结束日期", [Optional(), sensible_year])
    city: StringField
    lead_ids = LeadsField(_LABELS["lead_ids"])
    companies = CompanyRows()
    participant_ids = PeopleField(_LABELS["participant_ids"])
    leads_again = LeadsField("点选添加上次的线索")
    companions_again = PeopleField("点选添加上次的同行人")
    for_id = RadioField("为谁登记", [Optional()], coerce=row_id, validate_choice=False)  # 代录
    leader_id = PersonField(_LABELS["leader_id"], [DataRequired("请选择带队人。")])
    reason = StringField("修改原因", [_short], filters=[cleaned])
    trips: Sequence[str] = ()  # references to choose from
    hides_words = False  # from whoever may not read them
    prompt: Any = None  # unanswered questions (`questions.Prompt`)
    frozen: Sequence[str] = ()  # names of the periods whose figures are frozen

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # REGIME 3: a remote visit needs no city; the style sheet hides its mark
        self.city.flags.required = True

    @property
    def has_more(self) -> bool:
        """Whether a field of the folded part is filled in or has an error."""
        is_used = any(self[name].data or self[name].errors for name in LATER)
        return is_used or self.companies.has_people

    def assume_leader(self) -> bool:
        """Let whoever the visit is entered for lead it, where no leader was chosen (代录)."""
        is_assumed = self.leader_id.data is None and self.for_id.data is not None
        if is_assumed:
            self.leader_id.data = self.for_id.data
        return is_assumed

    def validate_last_on(self, field: DateField) -> None:
        first = self.first_on.data
        if first and field.data and field.data < first:
            raise ValidationError("结束日期不能早于开始日期。")

    def validate(self, extra_validators: Any = None) -> bool:
        """Require the hours too, except for a stay."""
        channels = CHANNELS_OF.get(self.kind.data, ())
        if len(channels) == 1:  # the page hides the field
            self.channel.data = channels[0]

        is_valid: bool = super().validate(extra_validators)

        if channels and self.channel.data not in channels:
            self.channel.errors = ["请选择方式。"]
            is_valid = False

        if self.kind.data is Kind.RESIDENCY:
            return is_valid

        for field in (self.starts, self.ends):
            if field.data is None and not field.errors:
                field.errors = ["请填写时间。"]
                is_valid = False

        return is_valid

    def visit_data(self, now: datetime, was: SeenVisit | None = None) -> VisitData:
        """The data of a valid form; `was` is the visit that it changes."""
        starts_at, ends_at = self._span(now, was)

        return VisitData(
            ref=was.ref if was else self.ref.data or "",
            kind=self.kind.data,
            channel=self.channel.data,
            status=self.status.data,
            starts_at=starts_at,
            ends_at=ends_at,
            city=self.city.data or "",
            leader_id=self.leader_id.data,
            participant_ids=self.chosen("participant_ids", "companions_again"),
            lead_ids=self.chosen("lead_ids", "leads_again"),
            reason=self.reason.data,
            **self._texts(was),
        )

    def chosen(self, field: str, again: str) -> list[int]:
        """The ids chosen in the field, and those of the last visit chosen beside it."""
        return [*dict.fromkeys([*(self[field].data or []), *(self[again].data or [])])]

    def _texts(self, was: SeenVisit | None) -> dict[str, Any]:
        """The words; whoever may not read them has no fields for them."""
        if was and not was.is_readable:
            return {name: getattr(was, name) for name in LATER}
        words = {name: self[name].data for name in LATER}
        return words | {"companies": self.companies.companies}

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal at a visible field: a stay hides its hours, every form its reference."""
        is_stay = self.kind.data is Kind.RESIDENCY
        begin, end = ("first_on", "last_on") if is_stay else ("starts", "ends")
        show_refusal(self, refusal, {"starts_at": begin, "ends_at": end, "ref": ""})
        if refusal.code == "duplicate_ref":  # with another one it can be saved
            self.ref.data = new_ref("V", self.first_on.data or date.min)

    def _span(self, now: datetime, was: SeenVisit | None) -> tuple[datetime, datetime]:
        first: Any = self.first_on.data  # a valid form has it
        last = self.last_on.data or first
        if self.kind.data is Kind.RESIDENCY:
            is_done = self.status.data is Status.DONE
            if was and _is_same_stay(was, first, last) and (was.ends_at <= now or not is_done):
                return was.starts_at, was.ends_at  # an import may have set other hours
            return stay_hours(first, last, is_done=is_done, now=now)

        starts: Any = self.starts.data
        ends: Any = self.ends.data
        if ends == time.min:
            last += DAY  # 24:00 of the last day

        return clock.at_civil(first, starts), clock.at_civil(last, ends)


def _is_same_stay(was: SeenVisit, first: date, last: date) -> bool:
    return was.kind is Kind.RESIDENCY and (was.first_on, was.last_on) == (first, last)


def likely_hours(now: datetime) -> tuple[datetime, datetime]:
    """The most likely hours of a visit that is done: the last half day, or the last full hour."""
    local = clock.civil(now)
    for begin, end in HALF_DAYS:
        if local.time() >= end:
            return clock.at_civil(local.date(), begin), clock.at_civil(local.date(), end)
    hour = local.replace(minute=0, second=0, microsecond=0)
    if hour.time() > HALF_DAYS[-1][0]:
        return hour - timedelta(hours=1), hour
    yesterday = local.date() - DAY  # today's first half day has not begun
    begin, end = HALF_DAYS[0]
    return clock.at_civil(yesterday, begin), clock.at_civil(yesterday, end)


def hour_values(starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    first, last = clock.civil_date(starts_at), clock.last_civil_date(ends_at)
    return {
        "first_on": first,
        "starts": clock.civil(starts_at).time(),
        "ends": clock.civil(ends_at).time(),
        "last_on": None if first == last else last,
    }


def initial_values(
    last: LastChoices, leader_id: int, now: datetime, *, status: Status
) -> dict[str, Any]:
    """The initial values: those of the person's last visit, at the likely hours or tomorrow."""
    # no companions and no leads: nobody but the writer is credited unchosen
    today = clock.civil_date(now)
    begin, end = HALF_DAYS[-1]
    tomorrow = clock.at_civil(today + DAY, begin), clock.at_civil(today + DAY, end)

    return {
        "ref": new_ref("V", today),
        "kind": last.kind,
        "channel": last.channel,
        "city": last.city,
        "leader_id": leader_id,
        "status": status,
        **hour_values(*(tomorrow if status is Status.PLANNED else likely_hours(now))),
    }


def form_values(visit: SeenVisit) -> dict[str, Any]:
    return {
        "kind": visit.kind,
        "channel": visit.channel,
        "status": visit.status,
        "city": visit.city,
        "participant_ids": [person.id for person in visit.participants],
        # hidden leads are not in the form, and stay as they are
        "lead_ids": [lead.id for lead in visit.leads if lead.id],
        "leader_id": visit.leader.id,
        **hour_values(visit.starts_at, visit.ends_at),
        **(_word_values(visit) if visit.is_readable else {}),
    }


def _word_values(visit: SeenVisit) -> dict[str, Any]:
    return {name: getattr(visit, name) for name in LATER} | {"companies": row_values(visit)}


def value_labels(visit: SeenVisit) -> dict[str, str]:
    """The names of what the form holds by ids."""
    return {
        "leader_id": visit.leader.name,
        "participant_ids": "、".join(person.name for person in visit.participants),
        "lead_ids": "、".join(lead.text for lead in visit.leads if lead.id),
        "companies": rows_in_words(visit.companies),
    }


def set_choices(
    db: Session, form: VisitForm, viewer: Viewer, on: date, last: LastChoices | None = None
) -> None:
    """Offer likely colleagues, leads and trips, and what is chosen; `last`: the last visit, too."""
    last = last or LastChoices()
    asked = PeopleAsked(viewer, on)
    people = [form.participant_ids, form.leader_id]
    offer_people(db, asked, *people, also=[*last.participant_ids, *form.companions_again.ids])
    offer_leads(db, viewer, form.lead_ids, also=[*last.lead_ids, *form.leads_again.ids])
    offer_companies(db, viewer, form.companies.pickers)
    form.trips = offered(db, viewer, on)


def offer_last_choices(form: VisitForm, viewer: Viewer, last: LastChoices) -> None:
    """Offer companions and leads of the last visit beside the fields (「点选添加上次的同行人」)."""
    companions = {*last.participant_ids} - {viewer.person_id}
    for field, again, ids in (
        (form.participant_ids, form.companions_again, companions),
        (form.lead_ids, form.leads_again, last.lead_ids),
    ):
        offered_ids = {*ids, *again.ids} - field.ids
        again.choices = [
            (choice.value, choice.label)
            for choice in field.choices
            if int(choice.value) in offered_ids
        ]


def offer_owners(form: VisitForm, viewer: Viewer, owners: Sequence[Person]) -> None:
    """Offer the people for whom the viewer may enter visits (代录)."""
    people = [viewer.person, *owners] if owners else []
    form.for_id.choices = [(person.id, person.name) for person in people]
