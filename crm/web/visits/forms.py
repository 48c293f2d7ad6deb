"""The form of a visit: what it begins with, and how what is typed becomes a visit's data."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy.orm import Session
from wtforms import (
    DateField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TimeField,
)
from wtforms.validators import Length, Optional

from crm.base import clock
from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.base.refs import new_ref
from crm.people.entry_grants import entered_for
from crm.people.queries import Viewer, colleagues, people_by_id
from crm.visits.fields import VISIT_FIELDS, WORDS, VisitData
from crm.visits.queries import last_choices
from crm.visits.redaction import SeenVisit
from crm.visits.rules import CHANNELS_OF, Kind, Status
from crm.visits.trips import offered
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
    show_refusal,
)

STAY_BEGINS, STAY_ENDS = time(9), time(18)  # a stay is told in days; these are the hours it has
HOURS = frozenset({"starts", "ends"})  # which the form of a stay hides
HALF_DAYS = ((time(14), time(16)), (time(9), time(11)))  # when visits usually are, the later first
LATER = (*WORDS, "trip")  # what may follow later
_short = Length(max=100, message="最多 %(max)d 个字。")
_LABELS = {name: field.input_label for name, field in VISIT_FIELDS.items()}


@with_fields(VISIT_FIELDS)
class VisitForm(VersionedForm):
    """A visit as people tell it: dates and times apart, and a stay by its days alone."""

    ref = HiddenField(filters=[cleaned], validators=[_short])
    kind: RadioField
    channel: RadioField
    status = RadioField(
        _LABELS["status"], choices=enum_choices((Status.DONE, Status.PLANNED)), coerce=Status
    )
    first_on = DateField("日期", [Needed("请选择日期。"), sensible_year])
    starts = TimeField("开始时间", [Optional()])
    ends = TimeField("结束时间", [Optional()])
    last_on = DateField("结束日期", [Optional(), sensible_year])
    city: StringField
    lead_ids = SelectMultipleField(_LABELS["lead_ids"], coerce=row_id, validate_choice=False)
    participant_ids = SelectMultipleField(
        _LABELS["participant_ids"], coerce=row_id, validate_choice=False
    )
    leads_again = SelectMultipleField("上次线索 +", coerce=row_id, validate_choice=False)
    companions_again = SelectMultipleField("上次同行 +", coerce=row_id, validate_choice=False)
    for_id = RadioField("为谁登记", [Optional()], coerce=row_id, validate_choice=False)  # 代录
    leader_id = SelectField(
        _LABELS["leader_id"], [Needed("请选择带队人。")], coerce=chosen_id, validate_choice=False
    )
    reason = StringField("修改原因", [_short], filters=[cleaned])
    trips: Sequence[str] = ()  # those that it offers
    asking: Any = None  # what it asks before it keeps the visit (`visit_questions.Asking`)
    frozen: Sequence[str] = ()  # the periods whose figures it cannot change any more

    @property
    def has_more(self) -> bool:
        """Whether something is told, or wrong, of what may follow later."""
        return any(self[name].data or self[name].errors for name in LATER)

    def lead_by_whom_it_is_for(self) -> bool:
        """Let whoever the visit is entered for lead it, where no leader was chosen (代录)."""
        is_open = self.leader_id.data is None and self.for_id.data is not None
        if is_open:
            self.leader_id.data = self.for_id.data
        return is_open

    def validate(self, extra_validators: Any = None) -> bool:
        """Ask for the hours too, but of a stay, which has its days alone."""
        channels = CHANNELS_OF.get(self.kind.data, ())
        if len(channels) == 1:  # the page hides the field: there is nothing to choose
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

    def told(self, now: datetime, was: SeenVisit | None = None) -> VisitData:
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
        """What is chosen in the field, or beside it from what the last visit had."""
        return [*dict.fromkeys([*(self[field].data or []), *(self[again].data or [])])]

    def _texts(self, was: SeenVisit | None) -> dict[str, Any]:
        """What is told in words; whoever may not read them has no fields for them."""
        if was and not was.is_readable:
            return {name: getattr(was, name) for name in LATER}
        return {name: self[name].data for name in LATER}

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal at a field in sight: a stay hides its hours, each form its reference."""
        is_stay = self.kind.data is Kind.RESIDENCY
        begin, end = ("first_on", "last_on") if is_stay else ("starts", "ends")
        show_refusal(self, refusal, {"starts_at": begin, "ends_at": end, "ref": ""})
        if refusal.code == "duplicate_ref":  # with another it can be saved
            self.ref.data = new_ref("V", self.first_on.data or date.min)

    def _span(self, now: datetime, was: SeenVisit | None) -> tuple[datetime, datetime]:
        first: Any = self.first_on.data  # a valid form has it
        last = self.last_on.data or first
        if self.kind.data is Kind.RESIDENCY:
            is_done = self.status.data is Status.DONE
            if was and _is_same_stay(was, first, last) and (was.ends_at <= now or not is_done):
                return was.starts_at, was.ends_at  # whose hours an import may have told
            return stay(first, last, is_done=is_done, now=now)

        starts: Any = self.starts.data
        ends: Any = self.ends.data
        if ends == time.min:
            last += DAY  # 24:00 of the last day

        return clock.at_civil(first, starts), clock.at_civil(last, ends)


def _is_same_stay(was: SeenVisit, first: date, last: date) -> bool:
    return was.kind is Kind.RESIDENCY and (was.first_on, was.last_on) == (first, last)


def stay(first: date, last: date, *, is_done: bool, now: datetime) -> tuple[datetime, datetime]:
    """The instants of a stay; one that is done on its last day ends now, or at the usual hour."""
    starts_at, ends_at = clock.at_civil(first, STAY_BEGINS), clock.at_civil(last, STAY_ENDS)
    this_minute = now.replace(second=0, microsecond=0)
    ends_today = is_done and last == clock.civil_date(now)
    if ends_today and starts_at < this_minute < ends_at:
        ends_at = this_minute
    return starts_at, ends_at


def usual_span(now: datetime) -> tuple[datetime, datetime]:
    """When a visit that is done most likely was: the last half day, or the last full hour."""
    here = clock.civil(now)
    for begin, end in HALF_DAYS:
        if here.time() >= end:
            return clock.at_civil(here.date(), begin), clock.at_civil(here.date(), end)
    hour = here.replace(minute=0, second=0, microsecond=0)
    if hour.time() > HALF_DAYS[-1][0]:
        return hour - timedelta(hours=1), hour
    yesterday = here.date() - DAY  # before the first half day has begun, nobody was anywhere today
    begin, end = HALF_DAYS[0]
    return clock.at_civil(yesterday, begin), clock.at_civil(yesterday, end)


def _when(starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    first, last = clock.civil_date(starts_at), clock.last_civil_date(ends_at)
    return {
        "first_on": first,
        "starts": clock.civil(starts_at).time(),
        "ends": clock.civil(ends_at).time(),
        "last_on": None if first == last else last,
    }


def beginning(db: Session, viewer: Viewer, now: datetime, *, status: Status) -> dict[str, Any]:
    """What an empty form begins with: how the person's last visit was made, now (or tomorrow).

    Nobody but the writer is credited by what stands there unchosen: no companions, no leads.
    """
    today = clock.civil_date(now)
    last = last_choices(db, viewer, today)
    begin, end = HALF_DAYS[-1]
    tomorrow = clock.at_civil(today + DAY, begin), clock.at_civil(today + DAY, end)

    return {
        "ref": new_ref("V", today),
        "kind": last.kind,
        "channel": last.channel,
        "city": last.city,
        "leader_id": viewer.person_id,
        "status": status,
        **_when(*(tomorrow if status is Status.PLANNED else usual_span(now))),
    }


def as_typed(visit: SeenVisit) -> dict[str, Any]:
    """A visit as its form shows it."""
    return {
        "kind": visit.kind,
        "channel": visit.channel,
        "status": visit.status,
        "city": visit.city,
        "participant_ids": [each.id for each in visit.participants],
        "lead_ids": [
            each.id for each in visit.leads if each.id
        ],  # the hidden ones stay as they are
        "leader_id": visit.leader.id,
        **_when(visit.starts_at, visit.ends_at),
        **({name: getattr(visit, name) for name in LATER} if visit.is_readable else {}),
    }


def in_words(visit: SeenVisit) -> dict[str, str]:
    """What the form shows by ids, by names."""
    return {
        "leader_id": visit.leader.name,
        "participant_ids": "、".join(each.name for each in visit.participants),
        "lead_ids": "、".join(each.text for each in visit.leads if each.id),
    }


def offer(db: Session, form: VisitForm, viewer: Viewer, on: date) -> None:
    """Give the form its choices: colleagues, leads that are seen, and what is chosen already."""
    chosen = {*(form.participant_ids.data or []), form.leader_id.data} - {None}
    people = {each.id: each for each in colleagues(db, on)}
    if left := chosen - people.keys():
        people |= people_by_id(db, left)
    form.participant_ids.choices = people_choices(people.values())
    # a browser shows the first choice of a list without an empty one: nobody leads unchosen
    nobody = [] if form.leader_id.data else [NOTHING]
    form.leader_id.choices = [*nobody, *form.participant_ids.choices]
    offer_for_whom(db, form, viewer, on)
    form.trips = offered(db, viewer, on)
    form.lead_ids.choices = leads_to_choose(db, viewer, on, form.lead_ids.data or [])


def offer_last(db: Session, form: VisitForm, viewer: Viewer, on: date) -> None:
    """Offer companions and leads of the person's last visit beside the fields (「上次同行 +」)."""
    last = last_choices(db, viewer, on)
    companions = {*last.participant_ids} - {viewer.person_id}
    for field, again, ids in (
        (form.participant_ids, form.companions_again, companions),
        (form.lead_ids, form.leads_again, last.lead_ids),
    ):
        offered_ids = {*ids, *(again.data or [])} - {*(field.data or [])}
        choices: list[Any] = [*(field.choices or [])]
        again.choices = [
            (each.value, each.label) for each in choices if int(each.value) in offered_ids
        ]


def offer_for_whom(db: Session, form: VisitForm, viewer: Viewer, on: date) -> None:
    """Offer those for whom the viewer may enter visits, where there are any (代录)."""
    if owners := entered_for(db, viewer.person_id, on):
        people = [viewer.person, *owners]
        form.for_id.choices = [(each.id, each.name) for each in people]
    else:
        form.for_id.choices = []
