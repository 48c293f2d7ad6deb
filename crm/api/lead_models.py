"""A lead as it is sent to the API and answered by it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import Field

from crm.api.call import Call
from crm.api.models import (
    Asked,
    ContactAsked,
    ContactShown,
    Day,
    FilledLine,
    Line,
    Money,
    MoneyAsked,
    PersonShown,
    Prose,
    RowId,
    Shown,
    Username,
    contacts_shown,
)
from crm.base.errors import Refused
from crm.leads.companies import OF_COMPANY, CompanyData, values_of_company
from crm.leads.fields import LEAD_FIELDS, OWN_TEXTS, LeadData
from crm.leads.lists import ListedLead
from crm.leads.models import Lead, LeadRole, Milestone
from crm.leads.queries import refs_by_id
from crm.leads.redaction import company_before
from crm.leads.rules import Agreement, LeadRoleKind, Secrecy, Stage
from crm.people.queries import unit_tree

NAMES = {
    "park_id": "park",
    "unit_id": "unit",
    "tracker_id": "tracker",
    "leader_id": "leader",
    "informed_id": "informed",
    "on": "entered_on",
    "kind": "stage",
}
_label = {name: field.label for name, field in LEAD_FIELDS.items()}
UnitCode = Annotated[FilledLine, Field(description="单位编号")]


class _LeadAsked(Asked):
    """What may be set of a lead, new or known."""

    NAMES: ClassVar = NAMES

    secrecy: Secrecy = Field(Secrecy.OPEN, description=_label["secrecy"])
    code_name: Line | None = Field(None, description=_label["code_name"])
    credit_code: Line | None = Field(None, description=_label["credit_code"])
    group_name: Line | None = Field(None, description=_label["group_name"])
    contact: ContactAsked | None = Field(None, description=_label["contact"])
    project_company: Line | None = Field(None, description=_label["project_company"])
    project_company_code: Line | None = Field(None, description=_label["project_company_code"])
    industry: Line | None = Field(None, description="产业的代码")
    park: UnitCode | None = Field(None, description=_label["park_id"])
    source: Line | None = Field(None, description=_label["source"])
    amount: MoneyAsked | None = Field(None, description=_label["amount"])
    stated_on: Day | None = Field(None, description="金额的日期；留空为今天")
    note: Prose | None = Field(None, description=_label["note"])


class NewLead(_LeadAsked):
    ref: Line = Field("", description="编号；留空由系统生成")
    company: FilledLine = Field(description="投资方的全称")
    title: FilledLine = Field(description=_label["title"])
    stage: Stage = Field(Stage.LEAD, description="目前阶段")
    agreement: Agreement | None = Field(None, description="签约的须写明协议")
    entered_on: Day | None = Field(None, description="进入该阶段的日期；留空为今天")
    unit: UnitCode | None = Field(None, description="责任单位；留空为本人所在单位")
    tracker: Username | None = Field(None, description="跟踪责任人的账号；留空为未定")
    leader: Username | None = Field(None, description="挂钩领导的账号；留空为未定")
    answers: list[RowId] = Field(
        [], max_length=50, description="已知悉的疑似重复线索，以其 id 写明"
    )

    def data(self, call: Call) -> LeadData:
        """The lead as services take it."""
        return LeadData(
            ref=self.ref,
            company=CompanyData(
                name=self.company, credit_code=self.credit_code, group_name=self.group_name
            ),
            contact=self.contact.data() if self.contact else None,
            title=self.title,
            secrecy=self.secrecy,
            industry=self.industry or None,
            park_id=unit_id(call, self.park, "park"),
            amount=self.amount.amount if self.amount else None,
            currency=self.amount.currency if self.amount else None,
            stated_on=self.stated_on,
            entered_on=self.entered_on,
            unit_id=unit_id(call, self.unit, "unit"),
            tracker_id=call.person_id(self.tracker, "tracker") if self.tracker else None,
            leader_id=call.person_id(self.leader, "leader") if self.leader else None,
            **{name: getattr(self, name) for name in SENT_TEXTS},
        )


class LeadChange(_LeadAsked):
    """What is to be changed; what is left out stays."""

    company: FilledLine = Field("-", description="投资方的全称")
    title: FilledLine = Field("-", description=_label["title"])
    informed: Username | None = Field(None, description="改为限知时，知悉的督查人员的账号")

    def onto(self, call: Call, lead: Lead) -> LeadData:
        """The lead's data with what is sent."""
        sent = self.model_fields_set
        data, company = data_of(call, lead), {"company": "name"}
        of_company = {
            company.get(name, name): getattr(self, name) for name in sent & {"company", *OF_COMPANY}
        }
        values: dict[str, Any] = {
            name: getattr(self, name)
            for name in sent & {"title", "secrecy", "industry", "stated_on", *SENT_TEXTS}
        }
        if "park" in sent:
            values["park_id"] = unit_id(call, self.park, "park")
        if "amount" in sent:
            values["amount"] = self.amount.amount if self.amount else None
            values["currency"] = self.amount.currency if self.amount else None
        if self.contact:
            values["contact"] = self.contact.data()
        if self.informed:
            values["informed_id"] = call.person_id(self.informed, "informed")
        return replace(data, company=replace(data.company, **of_company), **values)


SENT_TEXTS = tuple(name for name in OWN_TEXTS if name in _LeadAsked.model_fields)


class CompanyNamed(Shown):
    id: int
    name: str


class RoleShown(Shown):
    role: LeadRoleKind
    person: PersonShown | None
    unit: str | None = Field(description="单位编号")
    from_on: date
    to_on: date | None


class MilestoneShown(Shown):
    id: int
    kind: str = Field(description="阶段或节点的代码")
    reached_on: date
    agreement: Agreement | None
    reason: str | None
    look_again_on: date | None


class LeadListed(Shown):
    """A lead in a list."""

    id: int
    ref: str
    title: str
    company: str
    stage: Stage
    secrecy: Secrecy
    amount: Money | None
    industry: str | None
    entered_on: date
    last_contact_on: date | None
    holders: dict[LeadRoleKind, str] = Field(description="分工和姓名或单位")


class LeadShown(Shown):
    id: int
    ref: str
    title: str
    company: CompanyNamed
    credit_code: str | None
    group_name: str | None
    stage: Stage
    secrecy: Secrecy
    code_name: str | None
    project_company: str | None
    project_company_code: str | None
    industry: str | None
    park: str | None = Field(description="单位编号")
    source: str | None
    amount: Money | None
    note: str | None
    entered_on: date
    last_contact_on: date | None
    contacts: list[ContactShown]
    roles: list[RoleShown]
    milestones: list[MilestoneShown]


SAME = tuple(
    name
    for name in LeadShown.model_fields
    if name in Lead.__table__.columns and name not in {"amount", *OF_COMPANY}
)


def show_lead(call: Call, lead: Lead) -> LeadShown:
    """A lead that the caller may see, loaded as for its page."""
    seen = company_before(call.db, call.viewer, lead, call.on)
    units = {node.unit.id: node.unit.code for node in unit_tree(call.db)}
    return LeadShown(
        **{name: getattr(lead, name) for name in SAME},
        **values_of_company(lead, lead.company, hides=seen.has_hidden_leads),
        company=CompanyNamed(id=lead.company.id, name=lead.company.name),
        park=units[lead.park_id] if lead.park_id else None,
        amount=Money.of(lead.amount, lead.currency),
        contacts=contacts_shown(seen.contacts, seen.plain_ids),
        roles=[_role(role, units) for role in lead.roles],
        milestones=[_milestone(milestone) for milestone in lead.milestones],
    )


def show_listed(call: Call, leads: Sequence[ListedLead]) -> list[LeadListed]:
    """Leads of a list, which the caller may see; one query."""
    refs = refs_by_id(call.db, [lead.id for lead in leads])
    dates = ("entered_on", "last_contact_on")
    same = ("id", "title", "company", "stage", "secrecy", "industry", *dates)
    return [
        LeadListed(
            **{name: getattr(lead, name) for name in same},
            ref=refs[lead.id],
            amount=Money.of(lead.amount, lead.currency),
            holders=dict(lead.holders),
        )
        for lead in leads
    ]


def data_of(call: Call, lead: Lead) -> LeadData:
    """A lead as it is, as services are given it; its contacts and other amounts stay."""
    seen = company_before(call.db, call.viewer, lead, call.on)
    of_company = values_of_company(lead, lead.company, hides=seen.has_hidden_leads)
    same = ("title", "secrecy", "industry", "park_id", "amount", "currency")
    return LeadData(
        company=CompanyData(name=lead.company.name, country=lead.company.country, **of_company),
        earlier_lead_id=lead.earlier_lead_id,
        **{name: getattr(lead, name) for name in (*same, *OWN_TEXTS)},
    )


def unit_id(call: Call, code: str | None, field: str) -> int | None:
    """The id of the unit; refused as `unknown_unit`."""
    if code is None:
        return None
    for node in unit_tree(call.db):
        if node.unit.code == code:
            return node.unit.id
    raise Refused("unknown_unit", field=field, unit=code)


def _role(role: LeadRole, units: dict[int, str]) -> RoleShown:
    return RoleShown(
        role=role.role,
        person=PersonShown.of(role.person) if role.person else None,
        unit=units[role.unit_id] if role.unit_id else None,
        from_on=role.from_on,
        to_on=role.to_on,
    )


def _milestone(milestone: Milestone) -> MilestoneShown:
    return MilestoneShown.model_validate(milestone)
