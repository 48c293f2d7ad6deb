"""Follow-ups: listed, added, changed, finished, put off (REGIME 6)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from crm.api.call import Call, found
from crm.api.models import (
    Asked,
    Day,
    FilledLine,
    LeadNamed,
    Line,
    Listed,
    Listing,
    PersonShown,
    Prose,
    RowId,
    Shown,
    Username,
)
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.base.locks import lock_row
from crm.followups import service
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.followups.models import Followup
from crm.followups.queries import FollowupFilter, followup_by_id, followups_page
from crm.followups.redaction import SeenFollowup
from crm.followups.redaction import shown as seen_of
from crm.followups.rules import MOST_DAYS, Repeat, Repetition, repetition
from crm.followups.service import FollowupData, FollowupOutcome
from crm.leads.queries import refs_by_id
from crm.people.rules import WITH_RECORDS, Scope
from crm.quotas.queries import working_calendar
from crm.visits.rules import Channel

followups = Resource("followups", "跟进")
ONE = "/followups/{followup_id}"
MAY = {"roles": WITH_RECORDS, "scope": Scope.LEADS}
NAMES = {"lead_id": "lead", "person_id": "person"}
_label = {name: field.label for name, field in FOLLOWUP_FIELDS.items()}
What = Annotated[FilledLine, Field(max_length=200, description=_label["what"])]


class FollowupQuery(Listed):
    person: Username | None = Field(None, description="责任人（账号）")
    lead: RowId | None = Field(None, description="线索的 id")
    open: bool | None = Field(None, description="true：未办结，期限近的在前；false：已办结")
    due_until: Day | None = Field(None, description="期限在该日或以前")


class Repeated(Asked):
    """How a follow-up repeats."""

    kind: Repeat = Field(description="重复方式")
    number: int | None = Field(
        None, ge=1, le=MOST_DAYS, description="间隔天数、周几（1 至 7）或每月几日；留空按期限"
    )


class NewFollowup(Asked):
    NAMES: ClassVar = NAMES

    ref: Line = Field("", description="编号；留空由系统生成")
    lead: RowId = Field(description="线索的 id")
    person: Username | None = Field(None, description="责任人的账号；留空为本人")
    due_on: Day = Field(description=_label["due_on"])
    what: What
    repeats: Repeated | None = Field(None, description=_label["repeat"])


class FollowupChange(Asked):
    """What is to be changed of an open one; what is left out stays."""

    NAMES: ClassVar = NAMES

    person: Username | None = Field(None, description="责任人的账号；留空为本人")
    due_on: Day = Field(date(2000, 1, 1), description=_label["due_on"])
    what: What = Field("-")
    repeats: Repeated | None = Field(None, description=_label["repeat"])


class Outcome(Asked):
    """What came of it, and the next step if there is one."""

    NAMES: ClassVar = {"next_person_id": "next_person"}

    result: Annotated[Prose, Field(min_length=1)] = Field(description=_label["result"])
    channel: Channel | None = Field(None, description=_label["channel"])
    met: Line | None = Field(None, description=_label["met"])
    next_what: Line | None = Field(None, description="下一项跟进事项")
    next_due_on: Day | None = Field(None, description="下一项的期限")
    next_person: Username | None = Field(None, description="下一项的责任人；留空不变")
    ends_repeating: bool = Field(False, description="不再重复")  # noqa: FBT003 - a default


class Snooze(Asked):
    NAMES: ClassVar = {"snooze_on": "due_on", "snooze_reason": "reason"}

    due_on: Day = Field(description="新的期限，晚于原期限和今天")
    reason: FilledLine = Field(description="推迟原因")


class FollowupShown(Shown):
    id: int
    ref: str
    lead: LeadNamed
    person: PersonShown
    due_on: date
    what: str
    days_overdue: int
    done_at: datetime | None
    channel: Channel | None
    met: str | None
    result: str | None
    repeat: Repeat | None
    repeat_number: int | None
    next_id: int | None
    entered_at: datetime


SAME = tuple(
    name for name in FollowupShown.model_fields if name not in {"lead", "person", "days_overdue"}
)


@followups.get("/followups", "可见的跟进", roles=WITH_RECORDS)
def listing(call: Call, query: FollowupQuery) -> Listing[FollowupShown]:
    by = FollowupFilter(
        person_id=call.person_id(query.person, "person") if query.person else None,
        lead_id=query.lead,
        is_open=query.open,
        due_until=query.due_until,
    )
    page = followups_page(
        call.db, call.viewer, call.on, by=by, cursor=place_of(call, query), size=query.limit
    )
    return listed(
        call,
        query,
        page,
        lambda rows: _show(call, seen_of(call.db, call.viewer, rows, call.on)),
        earliest_first=query.open is True,  # as the page has them
    )


@followups.get(ONE, "一项跟进", roles=WITH_RECORDS)
def show(call: Call, followup_id: RowId) -> FollowupShown:
    return _show(call, [_seen(call, followup_id)])[0]


@followups.post("/followups", "添加跟进", creates=True, **MAY)
def add(call: Call, body: NewFollowup) -> FollowupShown:
    """Enter a step that is owed; the same `ref` of the same person is the same step."""
    data = FollowupData(
        ref=body.ref,
        lead_id=body.lead,
        person_id=call.person_id(body.person, "person") if body.person else call.person.id,
        due_on=body.due_on,
        what=body.what,
        repeats=_repetition(body.repeats, body.due_on),
    )
    followup = service.add_followup(call.db, data=data, by=call.person, now=call.now)
    return call.after(show, followup.id)


@followups.patch(ONE, "修改未办结的跟进；未写明的项不变", **MAY)
def change(call: Call, followup_id: RowId, body: FollowupChange) -> FollowupShown:
    followup, sent = _held(call, followup_id), body.model_fields_set
    person_id = followup.person_id
    if "person" in sent:
        person_id = call.person_id(body.person, "person") if body.person else call.person.id
    due_on = body.due_on if "due_on" in sent else followup.due_on
    repeats = _repetition(body.repeats, due_on) if "repeats" in sent else followup.repetition
    data = FollowupData(
        lead_id=followup.lead_id,
        person_id=person_id,
        due_on=due_on,
        what=body.what if "what" in sent else followup.what,
        repeats=repeats,
    )
    service.change_followup(call.db, followup=followup, data=data, by=call.person, now=call.now)
    return call.after(show, followup_id)


@followups.post(f"{ONE}/finish", "办结跟进，可写明下一项", **MAY)
def finish(call: Call, followup_id: RowId, body: Outcome) -> FollowupShown:
    followup, next_person = _held(call, followup_id), body.next_person
    outcome = FollowupOutcome(
        result=body.result,
        channel=body.channel,
        met=body.met,
        next_what=body.next_what,
        next_due_on=body.next_due_on,
        next_person_id=call.person_id(next_person, "next_person") if next_person else None,
        ends_repeating=body.ends_repeating,
    )
    service.finish_followup(
        call.db,
        followup=followup,
        outcome=outcome,
        by=call.person,
        now=call.now,
        calendar=working_calendar(call.db),
    )
    return call.after(show, followup_id)


@followups.post(f"{ONE}/snooze", "推迟跟进，须写明原因", **MAY)
def snooze(call: Call, followup_id: RowId, body: Snooze) -> FollowupShown:
    service.snooze_followup(
        call.db,
        followup=_held(call, followup_id),
        due_on=body.due_on,
        reason=body.reason,
        by=call.person,
        now=call.now,
    )
    return call.after(show, followup_id)


def _repetition(asked: Repeated | None, due_on: date) -> Repetition | None:
    return repetition(asked.kind, asked.number, due_on) if asked else None


def _seen(call: Call, followup_id: int) -> SeenFollowup:
    return found(followup_by_id(call.db, call.viewer, followup_id, call.on))


def _held(call: Call, followup_id: int) -> Followup:
    """The follow-up for a change of it, of the state that If-Match names."""
    lock_row(call.db, Followup, followup_id)
    seen = _seen(call, followup_id)
    call.match(_show(call, [seen])[0])
    return seen.followup


def _show(call: Call, rows: Sequence[SeenFollowup]) -> list[FollowupShown]:
    """The follow-ups as the caller may see them; one query."""
    refs = refs_by_id(call.db, {seen.lead.id for seen in rows if seen.lead.id})
    return [
        FollowupShown(
            **{name: getattr(seen.followup, name) for name in SAME},
            lead=LeadNamed.of(seen.lead, refs),
            person=PersonShown.of(seen.person),
            days_overdue=seen.days_overdue,
        )
        for seen in rows
    ]
