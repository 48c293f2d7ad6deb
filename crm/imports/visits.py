"""A table of visits: its rows read by the zone's names, checked and kept (ENTRY 6)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.cities import cities
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.names import folded, folded_part
from crm.base.sheet_problems import Problem
from crm.base.sheets import Row, Sheet
from crm.base.table_heads import TableRow
from crm.base.table_people import People
from crm.base.value_class import value_class
from crm.imports.models import ImportRun
from crm.imports.rules import RowState
from crm.imports.settings import MOST_SHOWN, KeptProblem, Report, ReportRow, Settings
from crm.imports.tables import Upload
from crm.leads.import_names import people_named
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.visits.fields import VISIT_COLUMNS
from crm.visits.rules import Kind
from crm.visits.table_imports import CheckedTable, TablePart, check_table, part_of
from crm.visits.table_rows import Defaults, Reading, visit_row

SHOWN = ("date", "starts_at", "ends_at", "hours", "leader", "participants", "city", "companies")
_DATES = ("date", "hours", "starts_at")
A_PART = 5_000  # rows of a long table that are held as values at once


@value_class
class Part:
    """Some of the rows, ready to be kept in one transaction."""

    table: TablePart
    rows: int
    refused: int
    changed: Sequence[int]  # places among the rows of those that change a known visit


@value_class
class Checked:
    """Rows that were read and checked: what may be kept, and why the others may not."""

    rows: CheckedTable
    problems: Mapping[int, Sequence[Problem]]  # by line
    notices: Sequence[Problem]
    open: Mapping[str, str]  # names that are asked for

    def part(self, db: Session, rows: Sequence[TableRow], *, now: datetime) -> Part:
        """Prepare these rows; this needs no lock."""
        lines = {row.line: None for row in rows}  # in their order
        refused = sum(line in lines for line in self.problems)
        table = part_of(db, self.rows, lines, now=now)
        changing = {change.line for change in table.changed}
        changed = [place for place, line in enumerate(lines) if line in changing]
        return Part(table, len(rows), refused, changed)


def check_rows(  # noqa: PLR0913 - rows of a run, whole
    db: Session,
    *,
    run: ImportRun,
    upload: Upload,
    rows: Sequence[TableRow],
    by: Person,
    now: datetime,
    is_preview: bool = False,
) -> Checked:
    """Check rows of the table as they stand now; refused as `not_yours`.

    A preview is only looked at: what is unlikely becomes a notice, and nothing can be kept.
    """
    reading = _reading(db, Settings.read(run.settings), upload, run, by, now)
    sheet = Sheet(_headings(upload), [])
    parts = _parts(rows, upload, reading, sheet)
    checked = check_table(db, sheet=sheet, parts=parts, by=by, now=now, is_preview=is_preview)
    refused: dict[int, list[Problem]] = {}
    for problem in sheet.problems:
        refused.setdefault(problem.line or 0, []).append(problem)
    return Checked(checked, refused, sheet.notices, dict(reading.people.open))


def preview(db: Session, run: ImportRun, upload: Upload, by: Person, now: datetime) -> Report:
    """What an import of the table would do."""
    rows = upload.table.rows
    checked = check_rows(db, run=run, upload=upload, rows=rows, by=by, now=now, is_preview=True)
    return report_of(checked, upload)


def _parts(
    rows: Sequence[TableRow], upload: Upload, reading: Reading, sheet: Sheet
) -> Iterator[list[Row]]:
    """The rows that can be read, so many at a time; the problems of the others go to the sheet."""
    for start in range(0, len(rows), A_PART):
        part = []
        for row in rows[start : start + A_PART]:
            problems = [
                Refused(
                    "cell_without_value", cell=f"{upload.table.headings[place]}（第 {row.line} 行）"
                )
                for place in sorted(row.valueless)
                if upload.codes[place]
            ]
            read = visit_row(upload.cells(row), reading)
            for why in (*problems, *read.problems):
                sheet.add_problem(row.line, why)
            if not problems and not read.problems:
                part.append(Row(row.line, read.cells))
        yield part


def report_of(checked: Checked, upload: Upload) -> Report:
    """The preview of the checked rows."""
    states = dict.fromkeys(checked.rows.new, RowState.NEW)
    states |= dict.fromkeys(checked.rows.same, RowState.SAME)
    states |= {change.line: RowState.CHANGED for change in checked.rows.changed}
    states |= dict.fromkeys(checked.problems, RowState.REFUSED)
    changes = {change.line: change.columns for change in checked.rows.changed}
    places = [place for place, code in enumerate(upload.codes) if code in SHOWN]

    kept: Counter[RowState] = Counter()
    rows = []
    for row in upload.table.rows:
        state = states.get(row.line, RowState.REFUSED)
        kept[state] += 1
        if kept[state] > MOST_SHOWN and state is not RowState.REFUSED:
            continue
        problems = [KeptProblem.of(why) for why in checked.problems.get(row.line, ())]
        texts = [row.cells[place] if place < len(row.cells) else "" for place in places]
        filled = [number for number, place in enumerate(places) if place in row.filled]
        columns = changes.get(row.line, "")
        rows.append(ReportRow(row.line, state, texts, problems, columns, filled))

    counts = {state.value: count for state, count in kept.items()}
    headings = [upload.table.headings[place] for place in places]
    notices = [KeptProblem.of(notice) for notice in (*upload.notices, *checked.notices)]
    return Report(counts, rows, headings, checked.open, notices)


def _reading(  # noqa: PLR0913, PLR0917 - what a table is read by
    db: Session,
    settings: Settings,
    upload: Upload,
    run: ImportRun,
    by: Person,
    now: datetime,
) -> Reading:
    on = civil_date(now)
    leads: dict[str, str] = {}
    twice = set()
    seen = select(Lead.ref, Lead.search).where(visible_leads(viewer(db, by, on), on))
    if "leads" in upload.codes:
        for ref, search in db.execute(seen):
            # each batch reads thousands: the folded title is kept, and not made anew
            title = folded_part(search)
            if title in leads:
                twice.add(title)
            leads |= {folded(ref): ref, title: ref}
    # a title of two leads names neither
    known = {name: ref for name, ref in leads.items() if name not in twice}
    # whoever imports a table without a column of leaders led its visits
    leader = "" if "leader" in upload.codes else by.username
    return Reading(
        People(people_named(db, on), settings.people),
        known,
        cities(),
        upload.title(run),
        now,
        Defaults(Kind(settings.kind), settings.city, leader),
    )


def _headings(upload: Upload) -> dict[str, str]:
    """The headings of the table by the code of our columns."""
    headings = {
        code: heading
        for code, heading in zip(upload.codes, upload.table.headings, strict=True)
        if code
    }
    of_dates = next((headings[code] for code in _DATES if code in headings), "")
    names = {column.code: column.name for column in VISIT_COLUMNS}
    return {"starts_at": of_dates or names["starts_at"], "ends_at": of_dates} | headings
