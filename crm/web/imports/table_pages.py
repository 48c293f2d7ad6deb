"""What the pages of a table's import show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2

from crm.base.sheets import Format, write_records
from crm.base.value_class import value_class
from crm.imports.queries import LikelyPeople
from crm.imports.rules import PEOPLE, VISITS, RowState
from crm.imports.settings import KeptProblem, Report, ReportRow
from crm.imports.table_kinds import TABLE_KINDS
from crm.imports.tables import Upload
from crm.people.roster_words import ROSTER_COLUMNS
from crm.visits.fields import VISIT_COLUMNS
from crm.visits.table_words import MORE_COLUMNS
from crm.web.errors import refusal_text
from crm.web.forms import whole_number
from crm.web.imports.table_forms import NOT_CHOSEN, OUTSIDER

if TYPE_CHECKING:
    from crm.base.open_files import OpenFile

A_PAGE = 50  # rows of the preview
SAMPLES = 2  # cells of a column that are shown with it
REASON = "原因"
_OPTIONS = (
    *("date", "hours", "starts_at", "ends_at", "leader", "participants", "companies"),
    *("met", "position", "phone", "city", "kind", "channel", "status", "leads", "minutes"),
    *("next_step", "note", "trip", "ref", "number"),
)
_OF_ADMINS = ("logged_at", "entered_at", "verdict")
_NAMES = {column.code: column.name for column in (*VISIT_COLUMNS, *MORE_COLUMNS)} | {
    "hours": "时间（几点或上下午）",
    "leads": "项目线索",
    "number": "序号（不导入）",
}
_ROSTER_NAMES = {
    "number": "序号（不导入）",
    "unit": "单位（最上一级）",
    "department": "部门（单位之下）",
    "section": "科室（最下一级）",
    "post": "职务（据此推定职务类别）",
}
_RECORD_NAMES = {kind: {"number": "序号（不导入）"} for kind in TABLE_KINDS}
_RECORD_NAMES["absences"] |= {"username": "姓名或账号", "dates": "起止日期（在一格里）"}
_RECORD_NAMES["receipts"] |= {"lead": "项目（名称、编号或企业）"}
_RECORD_NAMES["followups"] |= {"lead": "线索（项目名称或编号）"}


@value_class
class ColumnRow:
    """A column of the table, what its first cells hold, and which of ours it is."""

    heading: str
    samples: str
    code: str
    options: Sequence[tuple[str, str]]


@value_class
class StateTab:
    """The rows of one state."""

    label: str
    url: str
    active: bool


@value_class
class PreviewCell:
    """A cell of the preview, and whether a merged one filled it."""

    heading: str
    text: str
    is_filled: bool


@value_class
class PreviewRow:
    """A row of the preview."""

    line: int
    state: RowState
    cells: Sequence[PreviewCell]
    why: str


@value_class
class Preview:
    """A page of the preview."""

    report: Report
    usable: int
    refused: int
    tabs: Sequence[StateTab]
    headings: Sequence[str]
    rows: Sequence[PreviewRow]
    notices: Sequence[str]
    before: str | None
    after: str | None


@value_class
class PersonField:
    """A name, and who may be meant by it."""

    field: str
    name: str
    choices: Sequence[tuple[str, str]]


def sheet_choices(file: "OpenFile") -> list[SelectChoice]:
    """The sheets of a file as one chooses them."""
    return [SelectChoice(name, name) for name in file.sheets]


def options_of(kind: str, *, is_admin: bool) -> list[tuple[str, str]]:
    """What a column of such a table may be imported as."""
    if kind == PEOPLE:
        codes = [
            (column.code, _ROSTER_NAMES.get(column.code, column.name)) for column in ROSTER_COLUMNS
        ]
        return [("", "不导入"), *codes]
    if kind != VISITS:
        columns = TABLE_KINDS[kind].vocabulary.columns | _RECORD_NAMES.get(kind, {})
        return [("", "不导入"), *columns.items()]
    offered = (*_OPTIONS, *_OF_ADMINS) if is_admin else _OPTIONS
    return [("", "不导入"), *((code, _NAMES[code]) for code in offered)]


def column_rows(
    upload: Upload, codes: Sequence[str], options: Sequence[tuple[str, str]]
) -> list[ColumnRow]:
    """The columns of the table as one corrects them."""
    rows = []
    for place, heading in enumerate(upload.table.headings):
        texts = (
            row.cells[place].strip() for row in upload.table.rows[:20] if place < len(row.cells)
        )
        samples = list(dict.fromkeys(filter(None, texts)))[:SAMPLES]
        rows.append(
            ColumnRow(
                heading or "（空）", "、".join(text[:20] for text in samples), codes[place], options
            )
        )
    return rows


def preview_of(report: Report, state: str, page: str) -> Preview:
    """The rows of the state on that page; refused ones first where nothing is asked for."""
    counts = {each: report.count(each) for each in RowState}
    asked = next((each for each in RowState if each.value == state), None)
    if asked is None:
        asked = next(
            (each for each in (RowState.REFUSED, RowState.NEW) if counts[each]), RowState.NEW
        )
    rows = report.of(asked)
    number = whole_number(page) or 1
    shown = rows[(number - 1) * A_PAGE : number * A_PAGE]
    more = len(rows) > number * A_PAGE

    def address(at: int) -> str:
        return f"?state={asked.value}&page={at}#rows"

    return Preview(
        report,
        usable=sum(counts[each] for each in (RowState.NEW, RowState.CHANGED)),
        refused=counts[RowState.REFUSED],
        tabs=[
            StateTab(f"{each.label} {counts[each]}", f"?state={each.value}#rows", each is asked)
            for each in RowState
            if counts[each]
        ],
        headings=report.headings,
        rows=[_preview_row(row, report.headings) for row in shown],
        notices=[*map(in_words, report.notices)],
        before=address(number - 1) if number > 1 else None,
        after=address(number + 1) if more else None,
    )


def in_words(problem: KeptProblem) -> str:
    """A problem or notice as a sentence."""
    text = refusal_text(problem.refusal)
    return f"{problem.column}：{text}" if problem.column else text


def _why(row: ReportRow) -> str:
    """Why the row is refused, in one sentence."""
    reasons = dict.fromkeys(in_words(problem).removesuffix("。") for problem in row.problems)
    return "；".join(reasons) + "。" if reasons else ""


def _preview_row(row: ReportRow, headings: Sequence[str]) -> PreviewRow:
    cells = [
        PreviewCell(heading, text, place in row.filled)
        for place, (heading, text) in enumerate(zip(headings, row.texts, strict=True))
    ]
    why = _why(row)
    if row.columns:
        why = f"与已有记录不同：{row.columns}"
    return PreviewRow(row.line, row.state, cells, why)


def people_fields(names: Sequence[LikelyPeople], *, takes_outsiders: bool) -> list[PersonField]:
    """A choice of people for each name."""
    outsider = [(OUTSIDER, "不是本系统人员，写入备注")] if takes_outsiders else []
    return [
        PersonField(
            f"person-{place}",
            likely.name,
            [
                (NOT_CHOSEN, "请选择"),
                *((username, f"{name}（{username}）") for username, name in likely.people),
                *outsider,
            ],
        )
        for place, likely in enumerate(names)
    ]


def refused_workbook(upload: Upload, report: Report) -> bytes:
    """The refused rows as a spreadsheet with the head of the table and a column of reasons."""
    why = {row.line: _why(row) for row in report.of(RowState.REFUSED)}
    head = [*upload.table.headings, REASON]
    rows = [
        [*row.cells, *[""] * (len(head) - 1 - len(row.cells)), why[row.line]]
        for row in upload.table.rows
        if row.line in why
    ]
    return write_records([head, *rows], Format.XLSX)
