"""Which follow-ups the list shows, and the list as a file (PROJECTS 2)."""

from flask import request
from flask.typing import ResponseReturnValue

from crm.base.db import batches
from crm.base.sheets import Column, Format
from crm.extensions import db
from crm.files.queries import counts_of
from crm.followups.models import FollowupFile
from crm.followups.queries import FollowupFilter, all_followups
from crm.followups.redaction import SeenFollowup, shown
from crm.web.auth import my_view, signed_in
from crm.web.downloads import FILE_COUNT, Export, exported
from crm.web.transaction import today

COLUMNS = (
    Column("what", "事项"),
    Column("lead", "线索"),
    Column("person", "责任人"),
    Column("due", "期限"),
    Column("state", "状态"),
    Column("files", FILE_COUNT),
)


def asked_list() -> tuple[str, str]:
    """The view and whose follow-ups the address asks for."""
    who = "all" if request.args.get("who") == "all" else "mine"
    return request.args.get("view", "due"), who


def list_filter(view: str, who: str) -> FollowupFilter:
    """The follow-ups of that view."""
    return FollowupFilter(
        person_id=None if who == "all" else signed_in().id,
        is_open=view != "done",
        due_until=None if view in ("open", "done") else today(),
    )


def export(suffix: str) -> ResponseReturnValue:
    """All rows of the list that the address asks for."""
    found = all_followups(db.session, my_view(), today(), by=list_filter(*asked_list()))
    seen = [row for part in batches(found) for row in shown(db.session, my_view(), part, today())]
    files = counts_of(db.session, FollowupFile, [row.followup.id for row in seen])
    rows = [_row(row) | {"files": files.get(row.followup.id)} for row in seen]
    file = Export("跟进", f"followups-{today():%Y%m%d}", COLUMNS, Format(suffix))
    return exported(file, rows)


def _row(seen: SeenFollowup) -> dict[str, object]:
    step = seen.followup
    overdue = f"已逾期 {seen.days_overdue} 天" if seen.is_overdue else "待办"
    return {
        "what": step.what,
        "lead": seen.lead.text,
        "person": seen.person.name,
        "due": step.due_on,
        "state": "已办结" if step.done_at else overdue,
    }
