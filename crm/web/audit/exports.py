"""The audit trail as a file."""

from collections.abc import Mapping

from crm.base.sheets import Column
from crm.web.audit.rows import AuditRow

COLUMNS = (
    Column("number", "序号"),
    Column("at", "时间"),
    Column("who", "操作人"),
    Column("action", "操作"),
    Column("subject", "对象"),
    Column("address", "来源"),
    Column("changes", "内容（改前 → 改后）"),
)
HIDDEN = "内容不在您的知悉范围内"


def cells_of(row: AuditRow) -> Mapping[str, object]:
    """The cells of an entry, in the words of the page."""
    changes = "；".join(f"{label}：{text}" for label, text in row.changes)
    return {
        "number": row.id,
        "at": f"{row.at:%Y-%m-%d %H:%M:%S}",
        "who": row.who,
        "action": row.action,
        "subject": row.subject,
        "address": row.address,
        "changes": HIDDEN if row.is_hidden else changes,
    }
