"""The kinds of files that an import's page reads."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from crm.base.audit_chain import Subject
from crm.base.masking import masked_email, masked_phone
from crm.base.money import format_amount
from crm.base.sheets import Column
from crm.base.value_class import value_class
from crm.followups.exports import followup_rows
from crm.followups.imports import CheckedFollowups
from crm.imports.record_kinds import RECORDS, RecordKind, TriedFile
from crm.imports.records import is_own_file as is_own_file_of_records
from crm.imports.rules import PEOPLE
from crm.leads.company_imports import CheckedCompanies, company_rows
from crm.leads.contact_imports import CheckedContacts, ContactRow, contact_rows
from crm.leads.exports import lead_rows
from crm.leads.imports import CheckedLeads
from crm.leads.rules import AmountKind
from crm.people.absence_imports import absence_rows
from crm.people.exports import people_rows
from crm.people.imports import is_own_file as is_own_file_of_people
from crm.people.permissions import Viewer
from crm.people.unit_imports import unit_rows
from crm.results.receipt_columns import receipt_rows
from crm.web.transaction import only_matters

MOST_SHOWN = 20  # new rows in a preview
# Changes of others that bear on what was checked.
READ = frozenset(
    {
        "company",
        "contact",
        "lead",
        "followup",
        "person",
        "posting",
        "unit",
        "catalog_entry",
        "site",
        "exchange_rate",
        "milestone_kind",
        "own_field",
    }
)
Texts = tuple[str, ...]


@value_class
class FileKind:
    """What a page tells of a kind of file, and how it shows and writes its rows."""

    label: str
    hint: str
    records: RecordKind
    rows: Callable[[Session, Viewer | None, date], list[dict[str, object]]]  # to export
    heads: Texts
    preview: Callable[[Any], list[Texts]]  # of new rows, the line first
    listing: str  # endpoint of the list
    page: str = "imports"  # the blueprint of its pages
    back: str = "admin.show"  # endpoint above its pages

    def columns_of(self, db: Session) -> Sequence[Column]:
        """All columns of the file."""
        return self.records.columns_of(db)


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


KINDS: Mapping[str, FileKind] = {
    "leads": FileKind(
        "线索",
        "每行一条线索。人员填账号或姓名，单位填编号或名称，金额如“12.5亿元”“8,000万美元”；"
        "投资方已有的自动对应，企业资料不变。",
        RECORDS["leads"],
        lead_rows,
        ("行", "项目", "投资方", "阶段", "总投资"),
        _lead_texts,
        "leads.listing",
    ),
    "companies": FileKind(
        "企业",
        "每行一家企业，别名用分号隔开。已有企业的资料不变，需修改的请在企业页面修改；"
        "境内企业的国家或地区填“中国”或留空。",
        RECORDS["companies"],
        company_rows,
        ("行", "企业", "信用代码", "所属集团", "别名"),
        _company_texts,
        "companies.listing",
    ),
    "contacts": FileKind(
        "联系人",
        "每行一位联系人，企业填全称或信用代码，须是系统中已有的企业。",
        RECORDS["contacts"],
        contact_rows,
        ("行", "企业", "姓名", "职务", "电话或邮箱"),
        _contact_texts,
        "companies.listing",
    ),
    "followups": FileKind(
        "跟进",
        "每行一项跟进，线索填编号或完整的项目名称，责任人填账号或姓名；"
        "已办结的填写办结时间和结果。",
        RECORDS["followups"],
        followup_rows,
        ("行", "线索", "事项", "责任人", "状态"),
        _followup_texts,
        "followups.listing",
    ),
    "units": FileKind(
        "单位",
        "每行一个单位，行的先后不限。上级单位填名称或编号，不填的列在开发区之下；类型按名称推定，"
        "编号不填的按拼音生成。已有的单位按编号或名称对应，留空的各项不变。",
        RECORDS["units"],
        unit_rows,
        ("行", "结果", "单位", "上级单位", "类型"),
        _tried_texts("name", "parent", "kind"),
        "units.listing",
        page="people_imports",
    ),
    "people": FileKind(
        "人员",
        "本单位的花名册可直接上传：标题、两行表头、合并单元格、合计行无需处理；账号按姓名拼音生成，"
        "没有的单位一并新建，职务类别按职务推定，都可先预览和修改。也可按模板填写：每行一人的一项任职，"
        "同一账号可有多行。密码不导入：新账号的初始密码在导入后生成。",
        RECORDS["people"],
        people_rows,
        ("行", "结果", "账号", "姓名", "单位", "权限角色"),
        _tried_texts("username", "name", "unit", "role"),
        "people.listing",
        page="people_imports",
    ),
    "absences": FileKind(
        "缺勤",
        "每行一次缺勤，人员填账号；类别不填的为请假。导入的缺勤视为已批准。",
        RECORDS["absences"],
        absence_rows,
        ("行", "结果", "账号", "开始日期", "结束日期", "事由"),
        _tried_texts("username", "from", "to", "reason"),
        "absences.listing",
        page="people_imports",
    ),
    "receipts": FileKind(
        "到资",
        "每行一笔到资，编号自定且不得重复，线索填编号；冲减的另起一行，填写冲减的编号和原因。"
        "只能导入您可以登记到资的项目；编号和内容都相同的行不重复登记。",
        RECORDS["receipts"],
        receipt_rows,
        ("行", "结果", "编号", "线索编号", "到账日期", "金额"),
        _tried_texts("ref", "lead", "arrived_on", "amount"),
        "receipts.listing",
        page="receipt_imports",
        back="receipts.listing",
    ),
}


def note_what_matters(kind: str) -> None:
    """Say which changes of others outdate the check of such a file: of what is tried, each."""
    if not KINDS[kind].records.is_tried:
        only_matters(_bears_on_file)


def _bears_on_file(_session: Session, changed: Collection[Subject]) -> bool:
    return any(subject in READ for subject, _ in changed)


def is_own_file(kind: str, content: bytes) -> bool:
    """Whether the file has our columns, and is no table of a bureau; one that is broken counts."""
    if kind == PEOPLE:
        return is_own_file_of_people(content)
    return is_own_file_of_records(kind, content)
