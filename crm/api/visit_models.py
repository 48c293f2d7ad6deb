"""A visit as it is sent to the API and answered by it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from crm.api.call import Call
from crm.api.models import (
    Asked,
    FilledLine,
    LeadNamed,
    Line,
    Moment,
    PersonShown,
    Prose,
    RowId,
    Shown,
    Username,
)
from crm.base.errors import Refused
from crm.leads.queries import ids_by_ref, refs_by_id
from crm.visits.fields import VISIT_FIELDS, CompanyMet, VisitData
from crm.visits.fields import SeenCompany as Company
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Channel, Counterpart, Kind, Status, Verdict

MOST_PEOPLE = 50
MOST_LEADS = 50
NAMES = {"leader_id": "leader", "participant_ids": "participants", "lead_ids": "leads"}
# what is left out of a change stays, whatever stands here
_UNSENT = datetime(2000, 1, 1, tzinfo=UTC)
_label = {name: field.label for name, field in VISIT_FIELDS.items()}
Answers = Annotated[
    list[Line], Field(max_length=MOST_PEOPLE, description="已确认的提问，各以其 token 写明")
]
_ENTERED = (Status.PLANNED, Status.DONE)
_REASON = "补录或更正定稿数据的原因"


def _entered(status: Status) -> Status:
    """Refuse what no form offers: to cancel is a step of its own, of plans alone."""
    if status not in _ENTERED:
        expected = "、".join(_ENTERED)
        raise PydanticCustomError("enum", "enum", {"expected": expected})
    return status


EnteredStatus = Annotated[
    Status,
    AfterValidator(_entered),
    WithJsonSchema({"type": "string", "enum": [status.value for status in _ENTERED]}),
]


class CompanyAsked(Asked):
    """A company met, by its id or name, and whom one met there."""

    company: RowId | None = Field(None, description="在册企业的 id")
    name: Line | None = Field(None, description="未在册企业的名称")
    met: Line | None = Field(None, description=_label["met"])
    position: Line | None = Field(None, description=_label["position"])
    counterpart: Counterpart = Field(Counterpart.ENTERPRISE, description="对象类别")

    def row(self) -> CompanyMet:
        return CompanyMet(self.company, self.name, self.met, self.position, self.counterpart)


class VisitAsked(Asked):
    """What may be sent of a new visit and of a change alike."""

    NAMES: ClassVar = NAMES

    channel: Channel = Field(Channel.IN_PERSON, description=_label["channel"])
    status: EnteredStatus = Field(Status.DONE, description=_label["status"])
    city: Line = Field("", description=_label["city"])
    leader: Username | None = Field(None, description="带队人的账号；留空为本人")
    participants: list[Username] = Field([], max_length=MOST_PEOPLE, description="同行人的账号")
    leads: list[FilledLine] = Field([], max_length=MOST_LEADS, description="线索的编号")
    companies: list[CompanyAsked] = Field([], max_length=MOST_LEADS, description="拜访企业")
    minutes: Prose | None = Field(None, description=_label["minutes"])
    next_step: Line | None = Field(None, description=_label["next_step"])
    note: Prose | None = Field(None, description=_label["note"])
    trip: Line | None = Field(None, description=_label["trip"])
    reason: Line | None = Field(None, description=_REASON)
    answers: Answers = Field([])


class NewVisit(VisitAsked):
    ref: Line = Field("", description="编号；留空由系统生成。同一人以同一编号再次提交，只登记一次")
    kind: Kind = Field(description=_label["kind"])
    starts_at: Moment = Field(description=_label["starts_at"])
    ends_at: Moment = Field(description=_label["ends_at"])

    def data(self, call: Call) -> VisitData:
        """The visit as services take it."""
        same = ("ref", "kind", "channel", "status", "starts_at", "ends_at", "city")
        words = ("minutes", "next_step", "note", "trip", "reason")
        return VisitData(
            **{name: getattr(self, name) for name in (*same, *words)},
            leader_id=call.person_id(self.leader, "leader") if self.leader else call.person.id,
            participant_ids=call.person_ids(self.participants, "participants"),
            lead_ids=lead_ids(call, self.leads),
            companies=[row.row() for row in self.companies],
        )


class VisitChange(VisitAsked):
    """What is to be changed; what is left out stays."""

    kind: Kind = Field(Kind.OUTREACH, description=_label["kind"])
    starts_at: Moment = Field(_UNSENT, description=_label["starts_at"])
    ends_at: Moment = Field(_UNSENT, description=_label["ends_at"])

    def onto(self, call: Call, data: VisitData, seen: SeenVisit) -> VisitData:
        """The visit's data with what is sent; leads that the caller does not see stay."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        values.pop("answers", None)
        if "leader" in values:
            name = values.pop("leader")
            values["leader_id"] = call.person_id(name, "leader") if name else call.person.id
        if "participants" in values:
            names = values.pop("participants")
            values["participant_ids"] = call.person_ids(names, "participants")
        if "companies" in values:
            values["companies"] = [row.row() for row in self.companies]
        else:
            values["companies"] = [_met(row) for row in seen.companies if not row.is_hidden]
        if "leads" in values:
            values["lead_ids"] = lead_ids(call, values.pop("leads"))
        else:
            values["lead_ids"] = [lead.id for lead in seen.leads if lead.id]
        return replace(data, **values)


class CompanyShown(Shown):
    company: int | None
    name: str | None
    met: str | None
    position: str | None
    counterpart: Counterpart
    is_hidden: bool = Field(description="不在知悉范围内，没有名称")


class VisitShown(Shown):
    id: int
    ref: str
    kind: Kind
    channel: Channel
    status: Status
    starts_at: datetime
    ends_at: datetime
    first_on: date
    last_on: date
    city: str
    leader: PersonShown
    participants: list[PersonShown]
    leads: list[LeadNamed]
    is_readable: bool = Field(description="是否可见企业、纪要、下一步和备注；否则均为空")
    companies: list[CompanyShown]
    minutes: str | None
    next_step: str | None
    note: str | None
    trip: str | None
    entered_at: datetime
    entered_by: PersonShown | None = Field(description="代录人")
    logged_at: datetime | None
    verdict: Verdict | None
    verdict_at: datetime | None


SAME = tuple(
    name
    for name in VisitShown.model_fields
    if name not in {"leader", "participants", "leads", "companies", "entered_by"}
)


def show_visits(call: Call, visits: Sequence[SeenVisit]) -> list[VisitShown]:
    """The visits as the caller may see them; two queries."""
    ids = {visit.leader.id for visit in visits}
    ids |= {person.id for visit in visits for person in visit.participants}
    ids |= {visit.entered_by.id for visit in visits if visit.entered_by}
    person = call.people(ids)
    refs = refs_by_id(call.db, {lead.id for visit in visits for lead in visit.leads if lead.id})

    return [
        VisitShown(
            **{name: getattr(visit, name) for name in SAME},
            leader=PersonShown.of(person(visit.leader.id)),
            participants=[PersonShown.of(person(one.id)) for one in visit.participants],
            leads=[LeadNamed.of(lead, refs) for lead in visit.leads],
            companies=[_shown(row) for row in visit.companies],
            entered_by=visit.entered_by and PersonShown.of(person(visit.entered_by.id)),
        )
        for visit in visits
    ]


def lead_ids(call: Call, refs: Sequence[str]) -> list[int]:
    """The ids of these leads; refused as `unknown_lead_ref`, also where the caller sees none."""
    found = ids_by_ref(call.db, call.viewer, refs, call.on)
    for ref in refs:
        if ref not in found:
            raise Refused("unknown_lead_ref", field="leads", ref=ref)
    return [found[ref] for ref in dict.fromkeys(refs)]


def _shown(row: Company) -> CompanyShown:
    return CompanyShown(
        company=row.company_id,
        name=row.name,
        met=row.met,
        position=row.position,
        counterpart=row.counterpart,
        is_hidden=row.is_hidden,
    )


def _met(row: Company) -> CompanyMet:
    name = None if row.company_id else row.name
    return CompanyMet(row.company_id, name, row.met, row.position, row.counterpart)
