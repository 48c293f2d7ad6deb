"""Rights handed on for a time (授权代理): whose are, given, and ended early."""

from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from crm.api.call import Call, found
from crm.api.models import Asked, AskedInQuery, Day, FilledLine, PersonShown, RowId, Shown, Username
from crm.api.operations import Resource
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.mailing.delegations import tell_of_delegation
from crm.people.delegations import (
    DelegationData,
    delegate,
    delegation_seen,
    delegations_of,
    end_delegation,
)
from crm.people.models import Delegation
from crm.people.rules import AUDITING, DELEGATING, SECURING, WITH_RECORDS

delegations = Resource("delegations", "授权代理")
ONE = "/delegations/{delegation_id}"
READING = SECURING | AUDITING  # they read the accounts of others, as on their pages


class DelegationQuery(AskedInQuery):
    person: Username | None = Field(
        None, description="谁授权和受托的代理（账号）；留空为本人，他人的由管理、审计人员查阅"
    )


class NewDelegation(Asked):
    """The rights of the caller, to whom and from when to when."""

    NAMES: ClassVar = {"agent_id": "agent"}

    agent: Username = Field(description="受托人的账号")
    from_on: Day = Field(description="开始日期")
    to_on: Day = Field(description="结束日期，含当日")
    reason: Annotated[FilledLine, Field(max_length=200)] = Field(description="事由")


class DelegationShown(Shown):
    id: int
    owner: PersonShown = Field(description="授权人")
    agent: PersonShown = Field(description="受托人")
    from_on: date
    to_on: date = Field(description="含当日")
    reason: str
    given_at: datetime
    ended_at: datetime | None = Field(description="提前结束的时间")


class Delegations(Shown):
    items: list[DelegationShown]


@delegations.get("/delegations", "未到期的授权代理", roles=WITH_RECORDS | READING)
def listing(call: Call, query: DelegationQuery) -> Delegations:
    person_id = call.person_id(query.person, "person") if query.person else call.person.id
    if person_id != call.person.id and call.person.role not in READING:
        raise Refused("not_yours")
    rows = delegations_of(call.db, person_id, call.on)
    return Delegations(items=[DelegationShown.model_validate(row) for row in rows])


@delegations.get(ONE, "一项授权代理", roles=WITH_RECORDS | READING)
def show(call: Call, delegation_id: RowId) -> DelegationShown:
    return DelegationShown.model_validate(_visible(call, delegation_id))


@delegations.post("/delegations", "授权他人代理本人", creates=True, roles=DELEGATING)
def give(call: Call, body: NewDelegation) -> DelegationShown:
    data = DelegationData(
        agent_id=call.person_id(body.agent, "agent"),
        from_on=body.from_on,
        to_on=body.to_on,
        reason=body.reason,
    )
    given = delegate(call.db, data=data, by=call.person, now=call.now)
    return _after(call, given)


@delegations.post(f"{ONE}/end", "提前结束授权代理", roles=WITH_RECORDS | SECURING)
def end(call: Call, delegation_id: RowId) -> DelegationShown:
    """End it as either of the two, or as who administers accounts; twice is harmless."""
    lock_row(call.db, Delegation, delegation_id)
    row = _visible(call, delegation_id)
    call.match(DelegationShown.model_validate(row))
    if end_delegation(call.db, delegation=row, by=call.person, now=call.now):
        return _after(call, row)
    return DelegationShown.model_validate(row)


def _after(call: Call, row: Delegation) -> DelegationShown:
    """The delegation after its change, of which the two are told."""
    tell_of_delegation(call.db, row, by=call.person, now=call.now, site=call.site)
    return call.after(show, row.id)


def _visible(call: Call, delegation_id: int) -> Delegation:
    return found(delegation_seen(call.db, call.person, delegation_id))
