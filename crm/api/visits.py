"""Visits: listed, entered, changed, set done, moved, cancelled (REGIME 3)."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from crm.api.call import Call, found
from crm.api.models import Asked, Day, Listed, Listing, Moment, RowId, Username
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.api.reasons import explained, require_reason
from crm.api.visit_models import Answers, NewVisit, VisitChange, VisitShown, show_visits
from crm.api.visit_questions import require_answers
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.people.rules import WITH_RECORDS, Scope
from crm.requests.transaction import only_matters
from crm.visits import service
from crm.visits.fields import WORDS, data_of
from crm.visits.filters import VisitFilter
from crm.visits.lists import visits_page
from crm.visits.models import Visit
from crm.visits.notifications import tell_named
from crm.visits.outdated import changes_that_matter
from crm.visits.permissions import may_change
from crm.visits.queries import visit_by_id, visit_id_entered
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import Channel, Kind, Status, may_end_early
from crm.visits.validation import check_new_visit, check_visit

visits = Resource("visits", "拜访")
ONE = "/visits/{visit_id}"
MAY = {"roles": WITH_RECORDS, "scope": Scope.VISITS}


class VisitQuery(Listed):
    kind: Kind | None = Field(None, description="类型")
    channel: Channel | None = Field(None, description="方式")
    status: Status | None = Field(None, description="状态")
    person: Username | None = Field(None, description="带队或同行的人员（账号）")
    lead: RowId | None = Field(None, description="线索的 id")
    first: Day | None = Field(None, description="涉及该日或以后")
    last: Day | None = Field(None, description="涉及该日或以前")
    city: Annotated[str, Field(max_length=50)] | None = Field(None, description="城市")
    text: Annotated[str, Field(max_length=100)] = Field("", description="查找的文字")


class Step(Asked):
    """A step of a visit."""

    reason: str | None = Field(None, max_length=100, description="更正定稿数据的原因")


class Move(Step):
    starts_at: Moment = Field(description="新的开始时间；时长不变")
    answers: Answers = Field([])


@visits.get("/visits", "可见的拜访，按日期从近到远", roles=WITH_RECORDS)
def listing(call: Call, query: VisitQuery) -> Listing[VisitShown]:
    page = visits_page(
        call.db,
        call.viewer,
        call.on,
        by=_filter(call, query),
        cursor=place_of(call, query),
        words=WORDS,
        size=query.limit,
    )
    return listed(call, query, page, lambda seen: show_visits(call, seen))


def _filter(call: Call, query: VisitQuery) -> VisitFilter:
    return VisitFilter(
        text=query.text,
        kind=query.kind,
        channel=query.channel,
        status=query.status,
        person_id=call.person_id(query.person, "person") if query.person else None,
        lead_id=query.lead,
        first=query.first,
        last=query.last,
        city=query.city,
    )


@visits.get(ONE, "一次拜访", roles=WITH_RECORDS)
def show(call: Call, visit_id: RowId) -> VisitShown:
    return _shown(call, _visible(call, visit_id))


@visits.post("/visits", "登记拜访", creates=True, **MAY)
def log(call: Call, body: NewVisit) -> VisitShown:
    """Enter a visit; the same `ref` of the same person is the same visit, and harmless."""
    known_id = visit_id_entered(call.db, ref=body.ref or None, by_id=call.person.id)
    if known_id is not None:
        return call.after(show, known_id)

    data = body.data(call)
    new = check_new_visit(call.db, data, call.viewer, call.now)
    require_reason(call, data)
    require_answers(call, data, body.answers)

    only_matters(changes_that_matter(new, call.person.id))
    visit = service.keep_visit(call.db, new=new, by=call.person, now=call.now)
    _tell_named(call, visit)
    return call.after(show, visit.id)


@visits.patch(ONE, "修改拜访；未写明的项不变", **MAY)
def change(call: Call, visit_id: RowId, body: VisitChange) -> VisitShown:
    visit = _held_for(call, visit_id)
    if visit.status is Status.CANCELLED:
        raise Refused("not_planned", field="status", status=visit.status.label)

    seen = _seen(call, visit)
    data = body.onto(call, data_of(visit), seen)
    check_visit(call.db, data, call.viewer, call.now, visit)
    require_reason(call, data, seen)
    require_answers(call, data, body.answers, visit)
    service.change_visit(call.db, visit=visit, data=data, by=call.person, now=call.now)
    _tell_named(call, visit)
    return call.after(show, visit_id)


@visits.post(f"{ONE}/done", "办结计划的拜访；提前结束的，以现在为结束时间", **MAY)
def done(call: Call, visit_id: RowId, body: Step) -> VisitShown:
    visit = _held_for(call, visit_id)
    if may_end_early(visit, call.now):
        this_minute = call.now.replace(second=0, microsecond=0)
        data = replace(data_of(visit), status=Status.DONE, ends_at=this_minute)
        service.change_visit(call.db, visit=visit, data=data, by=call.person, now=call.now)
    else:
        service.set_done(call.db, visit=visit, by=call.person, now=call.now)
    return _after_step(call, visit_id, body)


@visits.post(f"{ONE}/move", "改期计划的拜访", **MAY)
def move(call: Call, visit_id: RowId, body: Move) -> VisitShown:
    visit, starts_at = _held_for(call, visit_id), body.starts_at
    moved = replace(
        data_of(visit), starts_at=starts_at, ends_at=starts_at + (visit.ends_at - visit.starts_at)
    )
    require_answers(call, moved, body.answers, visit)
    service.move_visit(call.db, visit=visit, starts_at=starts_at, by=call.person, now=call.now)
    return _after_step(call, visit_id, body)


@visits.post(f"{ONE}/cancel", "取消计划的拜访", **MAY)
def cancel(call: Call, visit_id: RowId, body: Step) -> VisitShown:
    visit = _held_for(call, visit_id)
    service.cancel_visit(call.db, visit=visit, by=call.person, now=call.now)
    return _after_step(call, visit_id, body)


def _after_step(call: Call, visit_id: int, step: Step) -> VisitShown:
    explained(call, step.reason)
    return call.after(show, visit_id)


def _visible(call: Call, visit_id: int) -> Visit:
    return found(visit_by_id(call.db, call.viewer, visit_id, call.on))


def _held_for(call: Call, visit_id: int) -> Visit:
    """The visit for a change of it, of the state that If-Match names; refused as `not_yours`."""
    # of two changes at once the second waits here, and then sees the first
    lock_row(call.db, Visit, visit_id)
    visit = _visible(call, visit_id)
    call.match(_shown(call, visit))
    if not may_change(call.db, call.viewer, visit_id, call.on):
        raise Refused("not_yours")
    return visit


def _seen(call: Call, visit: Visit) -> SeenVisit:
    return shown(call.db, call.viewer, [visit], call.on)[0]


def _shown(call: Call, visit: Visit) -> VisitShown:
    return show_visits(call, [_seen(call, visit)])[0]


def _tell_named(call: Call, visit: Visit) -> None:
    tell_named(call.db, visit=visit, by=call.person, now=call.now, site=call.site)
