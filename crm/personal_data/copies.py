"""Everything kept of one contact, as a table for whoever asks for their own data (PIPL 45)."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.sheets import Column
from crm.leads.models import Lead
from crm.people.permissions import Viewer
from crm.personal_data.free_texts import free_texts
from crm.personal_data.places import Places
from crm.personal_data.visibility import visible_ids
from crm.visits.models import Visit

COLUMNS = (
    Column("place", "位置"),
    Column("ref", "编号"),
    Column("on", "日期"),
    Column("content", "内容"),
)
Row = dict[str, Any]


def rows_of(db: Session, places: Places, viewer: Viewer, on: date) -> list[Row]:
    """The rows; of records that the viewer may not see only how many there are."""
    visit_ids = [visit.id for visit in places.visits]
    seen = visible_ids(db, viewer, on, lead_ids=places.lead_ids, visit_ids=visit_ids)
    rows = [*_of_records(db, places, seen), *_of_copies(places)]
    bounded: list[Any] = [*places.visits, *places.followups]
    texts = free_texts(db, places, viewer, on)
    rows += [_row("文字", text.ref, None, text.excerpt) for text in texts.shown]
    if hidden := sum(row.id not in seen[type(row)] for row in bounded) + len(texts.hidden):
        content = f"另有 {hidden} 处在未公开的记录中，由知悉人员另行提供"
        rows.append(_row("未公开的记录", "", None, content))
    return rows


def _row(place: str, ref: str, on: date | None, *parts: str | None) -> Row:
    return {"place": place, "ref": ref, "on": on, "content": " ".join(filter(None, parts))}


def _of_records(
    db: Session, places: Places, seen: dict[type[Any], frozenset[int]]
) -> Iterator[Row]:
    company = places.company.name
    refs = dict(db.execute(select(Lead.id, Lead.ref).where(Lead.id.in_(seen[Lead]))).all())
    for contact in places.contacts:
        lead_ref = refs.get(contact.lead_id or 0, "")
        known = (contact.name, contact.position, contact.phone, contact.email, company)
        yield _row("企业联系人", lead_ref, civil_date(contact.created_at), *known)
    for visit in places.visits:
        if visit.id in seen[Visit]:
            yield _row("拜访", visit.ref, visit.first_on, visit.met, visit.position)
    for followup in places.followups:
        if followup.id in seen[type(followup)]:
            yield _row("跟进", followup.ref, None, followup.met)
    for proposal in places.proposals:
        texts = (proposal.value, proposal.position, proposal.phone, proposal.email)
        yield _row("修改建议", "", civil_date(proposal.proposed_at), *texts)


def _of_copies(places: Places) -> Iterator[Row]:
    for file in places.files:
        yield _row("佐证材料", "", civil_date(file.added_at), file.name)
    for merge in places.merges:
        yield _row("合并记录", "", civil_date(merge.merged_at), merge.merged_name)
    for message in places.messages:
        yield _row("邮件", "", civil_date(message.made_at), message.subject)
    if places.imported:
        yield _row("导入记录", "", None, f"{len(places.imported)} 条")
    for entry in places.entries:
        yield _row("操作记录", str(entry.id), civil_date(entry.at), entry.action)
