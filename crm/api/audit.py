"""The audit trail (操作记录) for auditors: who did what to what, as they may read it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from crm.api.call import Call
from crm.api.models import Day, Listed, Listing, PersonShown, RowId, Shown, Username
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.audit.queries import EntryNames
from crm.audit.reading import read_entries
from crm.base.audit_entries import AuditEntry
from crm.base.audit_reading import AuditFilter, entries_page
from crm.people.rules import AUDITING, Scope

audit = Resource("audit", "操作记录")
Code = Annotated[str, Field(max_length=100)]


class EntryQuery(Listed):
    by: Username | None = Field(None, description="操作人的账号")
    action: Code | None = Field(None, description="操作的代码，例如 visit.logged")
    subject: Code | None = Field(None, description="对象的代码，例如 visit")
    subject_id: RowId | None = Field(None, description="对象的 id")
    first: Day | None = Field(None, description="自该日起，含当日")
    last: Day | None = Field(None, description="至该日止，含当日")


class EntryShown(Shown):
    id: int
    at: datetime
    by: PersonShown | None = Field(description="操作人；系统办理的为空")
    action: str
    subject: str
    subject_id: int
    subject_name: str | None
    address: str | None = Field(description="请求的来源地址")
    before: dict[str, Any] | None = Field(description="变动前的内容；没有或不在知悉范围内的为空")
    after: dict[str, Any] | None = Field(description="变动后的内容；没有或不在知悉范围内的为空")
    is_hidden: bool = Field(description="内容不在本人的知悉范围内")


@audit.get("/audit-entries", "操作记录，新的在前", roles=AUDITING, scope=Scope.AUDIT)
def listing(call: Call, query: EntryQuery) -> Listing[EntryShown]:
    by, place = _filter(call, query), place_of(call, query)
    page = entries_page(call.db, by, cursor=place, size=query.limit)
    return listed(call, query, page, lambda entries: _show(call, entries))


def _filter(call: Call, query: EntryQuery) -> AuditFilter:
    return AuditFilter(
        by_id=call.person_id(query.by, "by") if query.by else None,
        action=query.action,
        subject=query.subject,
        subject_id=query.subject_id,
        first=query.first,
        last=query.last,
    )


def _show(call: Call, entries: Sequence[AuditEntry]) -> list[EntryShown]:
    read = read_entries(call.db, call.viewer, entries, call.on)
    return [
        EntryShown(
            id=entry.id,
            at=entry.at,
            by=_person(read.names, entry.by_id),
            action=entry.action,
            subject=entry.subject,
            subject_id=entry.subject_id,
            subject_name=read.subject_name(entry),
            address=entry.address,
            before=read.values(entry, entry.before),
            after=read.values(entry, entry.after),
            is_hidden=not read.readable.may_read(entry),
        )
        for entry in entries
    ]


def _person(names: EntryNames, person_id: int | None) -> PersonShown | None:
    if person_id is None:
        return None
    return PersonShown(username=names.usernames[person_id], name=names.people[person_id])
