"""The kinds of files that an import's page reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.base.mail import Site
from crm.base.money import format_amount
from crm.base.sheets import Column, ImportResult
from crm.followups.exports import followup_rows
from crm.followups.fields import FOLLOWUP_COLUMNS
from crm.followups.imports import CheckedFollowups, check_followups, keep_followups
from crm.leads.company_imports import (
    COMPANY_COLUMNS,
    CheckedCompanies,
    check_companies,
    company_rows,
    keep_companies,
)
from crm.leads.contact_imports import (
    CONTACT_COLUMNS,
    CheckedContacts,
    check_contacts,
    contact_rows,
    keep_contacts,
)
from crm.leads.exports import lead_rows
from crm.leads.fields import LEAD_COLUMNS
from crm.leads.import_own import lead_columns
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
    all_columns: Callable[[Session], Sequence[Column]] | None = None  # with those of the zone

    def columns_of(self, db: Session) -> Sequence[Column]:
        """All columns of the file."""
        return self.all_columns(db) if self.all_columns else self.columns


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


def _company_texts(file: CheckedCompanies) -> list[Texts]:
    return [
        (
            str(line),
            row.name,
            row.credit_code or "—",
            row.group or "—",
            "、".join(row.aliases) or "—",
        )
        for line, row in file.rows[:MOST_SHOWN]
    ]


def _contact_texts(file: CheckedContacts) -> list[Texts]:
    return [
        (str(line), row.company, row.name, row.position or "—", row.phone or row.email or "—")
        for line, row in file.rows[:MOST_SHOWN]
    ]


def _followup_texts(file: CheckedFollowups) -> list[Texts]:
    return [
        (
            str(line),
            row.lead or "",
            row.what or "",
            row.person,
            "已办结" if row.done_at else f"{row.due_at} 到期",
        )
        for line, row in file.rows[:MOST_SHOWN]
    ]


KINDS: Mapping[str, FileKind] = {
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
        lead_columns,
    ),
    "companies": FileKind(
        "企业",
        "每行一家企业，别名用分号隔开。已有企业的资料不变，需修改的请在企业页面修改；"
        "境内企业的国家或地区填“中国”或留空。",
        COMPANY_COLUMNS,
        lambda db, content, by, now, *, leaves_out: check_companies(
            db, content=content, by=by, now=now, leaves_out=leaves_out
        ),
        lambda db, file, _by, _now, _site: keep_companies(db, file=file),
        company_rows,
        ("行", "企业", "信用代码", "所属集团", "别名"),
        _company_texts,
        "companies.listing",
    ),
    "contacts": FileKind(
        "联系人",
        "每行一位联系人，企业填全称或信用代码，须是系统中已有的企业。",
        CONTACT_COLUMNS,
        lambda db, content, by, now, **_choices: check_contacts(
            db, content=content, by=by, now=now
        ),
        lambda db, file, _by, _now, _site: keep_contacts(db, file=file),
        contact_rows,
        ("行", "企业", "姓名", "职务", "电话或邮箱"),
        _contact_texts,
        "companies.listing",
    ),
    "followups": FileKind(
        "跟进",
        "每行一项跟进，线索填编号或完整的项目名称，责任人填账号或姓名；"
        "已办结的填写办结时间和结果。",
        FOLLOWUP_COLUMNS,
        lambda db, content, by, now, **_choices: check_followups(
            db, content=content, by=by, now=now
        ),
        lambda db, file, _by, _now, _site: keep_followups(db, file=file),
        followup_rows,
        ("行", "线索", "事项", "责任人", "状态"),
        _followup_texts,
        "followups.listing",
    ),
}
