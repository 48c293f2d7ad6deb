"""What came to the survivor of a merge since, and may go to the other when it is taken back."""

import json
from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.enums import LabeledEnum
from crm.base.references import references_to
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.leads.merged import Merge
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Lead
from crm.leads.permissions import visible
from crm.people.permissions import Viewer
from crm.reassignment.merge_journal import Journal, Row, key_of, rows_of
from crm.reassignment.merges import TABLES
from crm.visits.models import Visit

# by table, what a row of it is; what stands in a frozen table stays there
WHAT = {
    "assistance_offer": "申请协办",
    "claim": "认定申报",
    "company_alias": "别名",
    "company_proposal": "修改建议",
    "contact": "联系人",
    "followup": "跟进",
    "kept_contact": "继续保存的联系人",
    "lead": "线索",
    "lead_amount": "金额",
    "lead_file": "佐证材料",
    "lead_own_value": "补充信息",
    "lead_role": "分工",
    "lead_site": "推荐载体",
    "milestone": "节点",
    "milestone_plan": "计划节点",
    "problem_lead": "困难问题",
    "receipt": "到资",
    "supervision_order": "督办单",
    "visit_company": "拜访对象",
    "visit_lead": "拜访",
}
NAMED_BY = ("what", "title", "name", "matter", "ref")


@value_class
class CameSince:
    """A row that came to the survivor after the merge, and may move to the other record."""

    key: str  # names it in a form
    table: str
    text: str


def came_since(db: Session, kept: Merge, viewer: Viewer, on: date) -> Sequence[CameSince]:
    """What came to the survivor after the merge, as far as the viewer may see it."""
    # a query for each table that refers to the survivor
    return remembered(
        *(db, "came since", kept.id, viewer.person_id, on),
        read=lambda: _came_since(db, kept, viewer, on),
    )


def _came_since(db: Session, kept: Merge, viewer: Viewer, on: date) -> list[CameSince]:
    journal, found = Journal.read(kept.journal), []
    moved = journal.moved_keys()
    for table, column in references_to(TABLES[kept.subject]):
        if table.name not in WHAT:
            continue
        before = journal.own.get(f"{column.name} of {table.name}", [])
        known = [*before, *moved.get(table.name, [])]
        for row in rows_of(db, table, column, kept.survivor_id):
            key = key_of(table, row)
            if key not in known and _is_seen(db, table.name, row, viewer, on):
                text = f"{WHAT[table.name]} {_described(db, table.name, row, on)}".strip()
                found.append(CameSince(_named(table.name, column.name, key), table.name, text))
    return found


def chosen(
    db: Session, kept: Merge, viewer: Viewer, names: Sequence[str], on: date
) -> Iterator[Row]:
    """Of what came since, the rows of those names: table, column and key."""
    for row in came_since(db, kept, viewer, on):
        if row.key in names:
            table, column, key = row.key.split(":", 2)
            yield {"table": table, "column": column, "key": json.loads(key)}


def _named(table: str, column: str, key: Row) -> str:
    return f"{table}:{column}:{json.dumps(key, sort_keys=True)}"


def _is_seen(db: Session, table: str, row: Row, viewer: Viewer, on: date) -> bool:
    """Whether the viewer may see the lead of the row, where it is of one."""
    visit_id = row.get("visit_id")
    if visit_id is not None and db.get(Visit, visit_id) is None:
        return False  # an import has stored the visit and not published it
    lead_id = row["id"] if table == "lead" else row.get("lead_id")
    if lead_id is None:
        return True
    seen = select(Lead.id).where(Lead.id == lead_id, visible(viewer, on))
    return db.scalar(seen) is not None


def _described(db: Session, table: str, row: Row, on: date) -> str:
    """What tells the row from others, in a few words."""
    if table == "visit_lead":
        visit = db.get_one(Visit, row["visit_id"])
        place = f"{visit.city or ''}{visit.kind.label}"
        return f"{formatting.dated(visit.first_on, on)} {place}"
    if table in {"milestone", "milestone_plan"}:
        day = row.get("reached_on") or row.get("planned_on")
        when = f" {formatting.dated(day, on)}" if day else ""
        return f"{milestone_kinds(db).names[row['kind']]}{when}"
    if name := next((row[name] for name in NAMED_BY if row.get(name)), None):
        return str(name)
    word = row.get("role") or row.get("kind")
    return word.label if isinstance(word, LabeledEnum) else ""
