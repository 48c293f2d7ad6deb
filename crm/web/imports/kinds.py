"""The kinds of files that an import's page reads."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.base.locks import take_exclusive_lock
from crm.base.mail import Site
from crm.base.masking import masked_email, masked_phone
from crm.base.money import format_amount
from crm.base.sheet_problems import refused
from crm.base.sheets import Column, ImportResult, Sheet, read_sheet
from crm.base.value_class import value_class
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
    ContactRow,
    check_contacts,
    contact_rows,
    keep_contacts,
)
from crm.leads.exports import lead_rows
from crm.leads.fields import LEAD_COLUMNS
from crm.leads.import_own import lead_columns
from crm.leads.imports import CheckedLeads, check_leads, keep_leads
from crm.leads.rules import AmountKind
from crm.people.absence_imports import ABSENCES, absence_rows, import_absences
from crm.people.exports import people_rows
from crm.people.fields import PEOPLE_COLUMNS
from crm.people.imports import import_people
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.unit_imports import UNIT_COLUMNS, import_units, unit_rows
from crm.results.receipt_columns import RECEIPT_COLUMNS, receipt_rows
from crm.results.receipt_imports import import_receipts

MOST_SHOWN = 20  # new rows in a preview
MOST_TRIED = 300  # rows that are imported one by one, some two seconds, while other writers wait
Texts = tuple[str, ...]


@value_class
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
    page: str = "imports"  # the blueprint of its pages
    back: str = "admin.show"  # endpoint above its pages
    is_tried: bool = False  # what `check` writes is taken back for a preview

    def columns_of(self, db: Session) -> Sequence[Column]:
        """All columns of the file."""
        return self.all_columns(db) if self.all_columns else self.columns


@value_class
class TriedFile:
    """A file that was imported in a transaction that may be taken back."""

    sheet: Sheet
    result: ImportResult


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
        (str(line), row.company, row.name, row.position or "—", _reach(row) or "—")
        for line, row in file.rows[:MOST_SHOWN]
    ]


def _reach(row: ContactRow) -> str:
    return masked_phone(row.phone) if row.phone else masked_email(row.email or "")


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


def _tried(importing: Callable[..., ImportResult], columns: Sequence[Column]) -> Callable[..., Any]:
    """A `check` that imports: such rows depend on one another, and a preview takes them back."""

    def check(
        db: Session, content: bytes, by: Person, now: datetime, **_choices: object
    ) -> TriedFile:
        sheet = read_sheet(content, columns)
        if len(sheet.rows) > MOST_TRIED:
            raise refused("too_many_rows", most=MOST_TRIED)
        take_exclusive_lock(db)
        return TriedFile(sheet, importing(db, content=sheet, by=by, now=now))

    return check


def _tried_texts(*codes: str) -> Callable[[TriedFile], list[Texts]]:
    """The cells of these columns, after what becomes of the row."""

    def texts(file: TriedFile) -> list[Texts]:
        added, updated = set(file.result.added_lines), set(file.result.updated_lines)
        rows = [row for row in file.sheet.rows if row.line in added | updated]
        return [
            (
                str(row.line),
                "新增" if row.line in added else "更新",
                *(row.cells.get(code, "").strip() or "—" for code in codes),
            )
            for row in rows[:MOST_SHOWN]
        ]

    return texts


def _keep_tried(
    _db: Session, file: TriedFile, _by: Person, _now: datetime, _site: Site
) -> ImportResult:
    return file.result


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
    "units": FileKind(
        "单位",
        "每行一个单位，行的先后不限。上级单位填名称或编号，不填的列在开发区之下；类型按名称推定，"
        "编号不填的按拼音生成。已有的单位按编号或名称对应，留空的各项不变。",
        UNIT_COLUMNS,
        _tried(import_units, UNIT_COLUMNS),
        _keep_tried,
        unit_rows,
        ("行", "结果", "单位", "上级单位", "类型"),
        _tried_texts("name", "parent", "kind"),
        "units.listing",
        page="people_imports",
        is_tried=True,
    ),
    "people": FileKind(
        "人员",
        "本单位的花名册可直接上传：标题、两行表头、合并单元格、合计行无需处理；账号按姓名拼音生成，"
        "没有的单位一并新建，职务类别按职务推定，都可先预览和修改。也可按模板填写：每行一人的一项任职，"
        "同一账号可有多行。密码不导入：新账号的初始密码在导入后生成。",
        PEOPLE_COLUMNS,
        _tried(import_people, PEOPLE_COLUMNS),
        _keep_tried,
        people_rows,
        ("行", "结果", "账号", "姓名", "单位", "权限角色"),
        _tried_texts("username", "name", "unit", "role"),
        "people.listing",
        page="people_imports",
        is_tried=True,
    ),
    "absences": FileKind(
        "缺勤",
        "每行一次缺勤，人员填账号；类别不填的为请假。导入的缺勤视为已批准。",
        ABSENCES,
        _tried(import_absences, ABSENCES),
        _keep_tried,
        absence_rows,
        ("行", "结果", "账号", "开始日期", "结束日期", "事由"),
        _tried_texts("username", "from", "to", "reason"),
        "absences.listing",
        page="people_imports",
        is_tried=True,
    ),
    "receipts": FileKind(
        "到资",
        "每行一笔到资，编号自定且不得重复，线索填编号；冲减的另起一行，填写冲减的编号和原因。"
        "只能导入您可以登记到资的项目；编号和内容都相同的行不重复登记。",
        RECEIPT_COLUMNS,
        _tried(import_receipts, RECEIPT_COLUMNS),
        _keep_tried,
        receipt_rows,
        ("行", "结果", "编号", "线索编号", "到账日期", "金额"),
        _tried_texts("ref", "lead", "arrived_on", "amount"),
        "receipts.listing",
        page="receipt_imports",
        back="receipts.listing",
        is_tried=True,
    ),
}
