"""The kinds of files that an import's page reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.base.mail import Site
from crm.base.money import format_amount
from crm.base.sheets import Column, ImportResult
from crm.leads.exports import lead_rows
from crm.leads.fields import LEAD_COLUMNS
from crm.leads.imports import CheckedLeads, check_leads, keep_leads
from crm.leads.rules import AmountKind
from crm.people.models import Person
from crm.people.permissions import Viewer

MOST_SHOWN = 20  # new rows in a preview
Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a kind of file holds, and the functions that read, keep and write it.

    `check` reads the database without its write lock; what it returns is given to the others.
    """

    label: str
    hint: str
    columns: Sequence[Column]
    check: Callable[..., Any]  # session, content, by, now, leaves_out
    keep: Callable[[Session, Any, Person, datetime, Site], ImportResult]
    rows: Callable[[Session, Viewer | None, date], list[dict[str, object]]]  # to export
    heads: Texts
    preview: Callable[[Any], list[Texts]]  # of new rows, the line first
    listing: str  # endpoint of the list


def _lead_texts(file: CheckedLeads) -> list[Texts]:
    return [
        (
            str(row.line),
            row.columns["title"],
            row.company.name,
            row.columns["stage"].label,
            format_amount(*total) if (total := row.amounts.get(AmountKind.TOTAL)) else "—",
        )
        for row in file.rows[:MOST_SHOWN]
    ]


def _keep_leads(
    db: Session, file: CheckedLeads, by: Person, now: datetime, site: Site
) -> ImportResult:
    return keep_leads(db, file=file, by=by, now=now, site=site)


KINDS = {
    "leads": FileKind(
        "线索",
        "每行一条线索。人员填账号或姓名，单位填编号或名称，金额如“12.5亿元”“8,000万美元”；"
        "投资方已有的自动对应，企业资料不变。",
        LEAD_COLUMNS,
        lambda db, content, by, now, *, leaves_out: check_leads(
            db, content=content, by=by, now=now, leaves_out=leaves_out
        ),
        _keep_leads,
        lead_rows,
        ("行", "项目", "投资方", "阶段", "总投资"),
        _lead_texts,
        "leads.listing",
    ),
}
