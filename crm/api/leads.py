"""Leads: listed, entered, changed, and the stages that they reach (REGIME 6)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, ClassVar

from pydantic import Field

from crm.api.call import Call, found
from crm.api.lead_models import LeadChange, LeadListed, LeadShown, NewLead, show_lead, show_listed
from crm.api.lead_models import unit_id as id_of_unit
from crm.api.models import Asked, Day, FilledLine, Line, Listed, Listing, RowId
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.api.problems import Problem
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.leads import service
from crm.leads.companies import LeadScope
from crm.leads.duplicates import Duplicate, Entered, Level, duplicates
from crm.leads.lists import leads_page
from crm.leads.models import Lead
from crm.leads.notifications import tell_officers
from crm.leads.permissions import may_change
from crm.leads.queries import LeadFilter, lead_by_id, lead_id_entered
from crm.leads.rules import Agreement, Secrecy, Stage
from crm.people.rules import WITH_RECORDS, Scope

leads = Resource("leads", "线索")
ONE = "/leads/{lead_id}"
MAY = {"roles": WITH_RECORDS, "scope": Scope.LEADS}


class LeadQuery(Listed):
    text: Annotated[str, Field(max_length=100)] = Field("", description="查找的文字")
    stage: Stage | None = Field(None, description="阶段")
    secrecy: Secrecy | None = Field(None, description="知悉范围")
    industry: Annotated[str, Field(max_length=50)] | None = Field(None, description="产业的代码")
    unit: Annotated[str, Field(max_length=50)] | None = Field(None, description="责任单位的编号")
    mine: bool = Field(False, description="只要本人有分工的")  # noqa: FBT003 - a default


class Reached(Asked):
    NAMES: ClassVar = {"on": "on"}

    kind: FilledLine = Field(description="阶段或节点的代码")
    on: Day = Field(description="达到的日期")
    reason: Line | None = Field(None, description="搁置、流失的原因")
    agreement: Agreement | None = Field(None, description="签约的须写明协议")
    look_again_on: Day | None = Field(None, description="搁置的须写明何日再看")


@leads.get("/leads", "可见的线索，新登记的在前", roles=WITH_RECORDS)
def listing(call: Call, query: LeadQuery) -> Listing[LeadListed]:
    by = LeadFilter(
        text=query.text,
        stage=query.stage,
        secrecy=query.secrecy,
        industry=query.industry,
        unit_id=id_of_unit(call, query.unit, "unit"),
        is_mine=query.mine,
    )
    page = leads_page(
        call.db, call.viewer, call.on, by=by, cursor=place_of(call, query), size=query.limit
    )
    return listed(call, query, page, lambda rows: show_listed(call, rows))


@leads.get(ONE, "一条线索", roles=WITH_RECORDS)
def show(call: Call, lead_id: RowId) -> LeadShown:
    return show_lead(call, _visible(call, lead_id))


@leads.post("/leads", "登记线索", creates=True, **MAY)
def add(call: Call, body: NewLead) -> LeadShown:
    """Enter a lead; the same `ref` of the same person is the same lead, and harmless."""
    known_id = lead_id_entered(call.db, ref=body.ref or None, by_id=call.person.id)
    if known_id is not None:
        return call.after(show, known_id)

    data, entered = body.data(call), _entered(body)
    _require_answers(call, entered, body.answers)
    lead = service.add_lead(call.db, data=data, by=call.person, now=call.now)
    me, now = call.person, call.now
    tell_officers(call.db, lead=lead, entered=entered, by=me, now=now, site=call.site)
    if lead.stage is Stage.LEAD and body.stage is not Stage.LEAD:
        on, agreement = lead.entered_on, body.agreement
        kind = body.stage
        service.reach(call.db, lead=lead, kind=kind, on=on, agreement=agreement, by=me, now=now)
    return call.after(show, lead.id)


@leads.patch(ONE, "修改线索；未写明的项不变", **MAY)
def change(call: Call, lead_id: RowId, body: LeadChange) -> LeadShown:
    lead = _held(call, lead_id)
    data = body.onto(call, lead)
    service.change_lead(call.db, lead=lead, data=data, by=call.person, now=call.now)
    return call.after(show, lead_id)


@leads.post(f"{ONE}/reach", "登记线索达到的阶段或节点", **MAY)
def reach(call: Call, lead_id: RowId, body: Reached) -> LeadShown:
    service.reach(
        call.db,
        lead=_held(call, lead_id),
        kind=body.kind,
        on=body.on,
        reason=body.reason,
        agreement=body.agreement,
        look_again_on=body.look_again_on,
        by=call.person,
        now=call.now,
    )
    return call.after(show, lead_id)


def _visible(call: Call, lead_id: int) -> Lead:
    return found(lead_by_id(call.db, call.viewer, lead_id, call.on))


def _held(call: Call, lead_id: int) -> Lead:
    """The lead for a change of it, of the state that If-Match names; refused as `not_yours`."""
    lock_row(call.db, Lead, lead_id)
    lead = _visible(call, lead_id)
    call.match(show_lead(call, lead))
    if not may_change(call.db, call.viewer, lead_id, call.on):
        raise Refused("not_yours")
    return lead


def _entered(body: NewLead) -> Entered:
    contact = body.contact
    return Entered(
        name=body.company,
        credit_code=body.credit_code,
        group_name=body.group_name,
        contact=contact.name if contact else None,
        phone=contact.phone if contact else None,
    )


def _require_answers(call: Call, entered: Entered, answers: Sequence[int]) -> None:
    """Raise a `Problem` of 409 with likely duplicates that `answers` does not name."""
    scope, levels = LeadScope(call.viewer, call.on), (Level.CERTAIN, Level.LIKELY)
    found = duplicates(call.db, entered, scope, levels=levels)
    if {row.lead_id for row in found} <= set(answers):
        return
    questions = [_question(row) for row in found]
    raise Problem(HTTPStatus.CONFLICT, "questions", members={"questions": questions})


def _question(row: Duplicate) -> dict[str, object]:
    return {
        "token": row.lead_id,
        "code": row.level.value,
        "lead_id": row.lead_id,
        "company": row.company,
        "detail": "、".join(kind.label for kind in row.likenesses) + "。",
    }
