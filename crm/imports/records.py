"""A bureau's table of records: its rows read, checked one by one, and kept (ENTRY 6).

Its cells are put as a file of ours has them, so that the same checks hold for both. A row that
they refuse is left out, and the others are checked again without it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.names import folded
from crm.base.pending import taken_back
from crm.base.sheet_problems import Problem, SheetRefused
from crm.base.sheets import ImportResult, Sheet, Source, codes_of
from crm.base.table_people import People
from crm.base.value_class import value_class
from crm.imports.models import ImportRun
from crm.imports.record_cells import RecordReader
from crm.imports.record_kinds import RECORDS, RecordKind
from crm.imports.record_words import VOCABULARIES
from crm.imports.rules import RowState
from crm.imports.settings import KeptProblem, Report, ReportRow, Settings
from crm.imports.tables import Upload, upload_of
from crm.leads.import_names import people_named
from crm.leads.imports import AlikeRow
from crm.leads.models import Company, Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.visits.table_dates import TitlePeriod

MOST_SHOWN = 8  # columns of a preview
MOST_PASSES = 10  # checks of what is left once the refused rows are taken out


@value_class
class Checked:
    """The rows of a table as the records stand now; `file` is what its kind keeps."""

    file: Any  # none where no row can be kept
    result: ImportResult
    problems: Mapping[int, Sequence[Problem]]  # by line
    open: Mapping[str, str]  # names that are asked for
    notices: Sequence[Problem]


def preview(db: Session, run: ImportRun, upload: Upload, by: Person, now: datetime) -> Report:
    """What an import of the table would do; what is tried for that is taken back."""
    with taken_back(db) if RECORDS[run.kind].is_tried else nullcontext():
        checked = check(db, run=run, upload=upload, by=by, now=now)
    return report_of(checked, upload)


def keep(  # noqa: PLR0913 - what was checked, and who keeps it
    db: Session, *, run: ImportRun, checked: Checked, by: Person, now: datetime, site: Site | None
) -> None:
    """Keep the rows that can be."""
    if checked.file is not None:
        RECORDS[run.kind].keep(db, file=checked.file, by=by, now=now, site=site)


def check(db: Session, *, run: ImportRun, upload: Upload, by: Person, now: datetime) -> Checked:
    """The rows as they stand now; of what is tried, they are records by now."""
    kind, settings = RECORDS[run.kind], Settings.read(run.settings)
    people = People(people_named(db, civil_date(now)), settings.people)
    sheet = _read(db, kind, upload, people, by=by, on=civil_date(run.made_at))
    rows, problems = sheet.rows, _by_line(sheet.problems)

    file, passes = None, 0
    while rows and file is None:
        passes += 1
        sheet = Sheet(sheet.headings, rows, upload.notices)
        try:
            file = kind.check(
                db, content=sheet, by=by, now=now, leaves_out=not settings.takes_alike
            )
        except SheetRefused as refused:
            lines = {row.line for row in rows}
            by_line = _by_line(refused.problems)
            found = {line: by_line[line] for line in lines & by_line.keys()}
            # what is wrong with the table as a whole is so with each of its rows
            problems |= found or dict.fromkeys(lines, refused.problems)
            if passes == MOST_PASSES:  # each refers to one that is refused, which may take hours
                left = [Problem(Refused("rests_on_refused_row"))]
                problems |= dict.fromkeys(lines - problems.keys(), left)
            rows = [row for row in rows if row.line not in problems]
    if file is None:
        return Checked(None, ImportResult(), problems, dict(people.open), upload.notices)

    alike = () if settings.takes_alike else getattr(file, "alike", ())
    problems |= _alike(db, alike)
    return Checked(file, file.result, problems, dict(people.open), file.result.notices)


def _codes(db: Session, kind: RecordKind, upload: Upload) -> Sequence[str]:
    """The columns that are read; those that the zone has added are known by their names alone."""
    columns = [column for column in kind.columns_of(db) if not column.shown_only]
    read = {column.code for column in columns} | {"dates"}
    ours = {folded(text): column.code for column in columns for text in (column.code, column.name)}
    codes = [code if code in read else "" for code in upload.codes]
    for place, heading in enumerate(upload.table.headings):
        code = ours.get(folded(heading), "")
        if not codes[place] and code not in codes and code not in {c.code for c in kind.columns}:
            codes[place] = code
    return codes


def _headings(kind: RecordKind, upload: Upload) -> dict[str, str]:
    """The headings by the code of our columns; our names of those that a table may leave out."""
    names = {
        column.code: column.name
        for column in kind.columns
        if not (column.optional or column.shown_only)
    }
    pairs = zip(upload.codes, upload.table.headings, strict=True)
    found = {code: heading for code, heading in pairs if code}
    dates = {code: found["dates"] for code in ("from", "to") if "dates" in found}
    return names | dates | found


def _read(  # noqa: PLR0913 - a table and who reads it
    db: Session, kind: RecordKind, upload: Upload, people: People, *, by: Person | None, on: date
) -> Sheet:
    """The rows that can be read, with the problems of the others."""
    upload = replace(upload, codes=_codes(db, kind, upload))
    title = TitlePeriod(on, upload.table.year, upload.table.month)
    leads = _leads(db, by, on) if kind.leads else {}
    reader = RecordReader(kind, upload.codes, upload.table, title, people, leads)
    sheet = Sheet(_headings(kind, upload), [], upload.notices)
    sheet.rows = [row for each in upload.table.rows if (row := reader.row(sheet, each))]
    return sheet


def is_own_file(kind: str, content: bytes) -> bool:
    """Whether the file has our columns, and is no table of a bureau; one that is broken counts."""
    from crm.base.open_files import open_file  # noqa: PLC0415 - see there

    columns = RECORDS[kind].columns
    needed = {column.code for column in columns if not (column.optional or column.shown_only)}
    try:
        rows = open_file(content).grid("").rows
    except SheetRefused:
        return True
    return not rows or needed <= codes_of(rows[0][1], columns)


def source_of(db: Session, *, kind: str, content: bytes, now: datetime) -> Source:
    """For an import that asks nothing: a file of ours as it is, a bureau's table as one of ours.

    Raises `SheetRefused`.
    """
    from crm.base.open_files import open_file  # noqa: PLC0415 - see there

    if is_own_file(kind, content):
        return content
    file, on = open_file(content), civil_date(now)
    try:
        upload = upload_of(file.grid(file.likely), VOCABULARIES[kind], None)
    except Refused as why:
        raise SheetRefused([Problem(why)]) from why
    people = People(people_named(db, on))
    sheet = _read(db, RECORDS[kind], upload, people, by=None, on=on)
    sheet.raise_problems()
    return sheet


def _leads(db: Session, by: Person | None, on: date) -> dict[str, str]:
    """References by folded reference, title and company, where only one lead is called so."""
    seen = select(Lead.ref, Lead.title, Company.name).join(Lead.company)
    if by:
        seen = seen.where(visible_leads(viewer(db, by, on), on))
    rows = db.execute(seen).all()
    known: dict[str, str] = {}
    for column in ("name", "title", "ref"):  # what is surer comes last
        names = Counter(folded(getattr(row, column)) for row in rows)
        known |= {name: row.ref for row in rows if names[name := folded(getattr(row, column))] == 1}
    return known


def _by_line(problems: Iterable[Problem]) -> dict[int, Sequence[Problem]]:
    found: dict[int, list[Problem]] = {}
    for problem in problems:
        found.setdefault(problem.line or 0, []).append(problem)
    return dict(found)


def _alike(db: Session, rows: Iterable[AlikeRow]) -> dict[int, Sequence[Problem]]:
    """Why likely duplicates are left out, by line."""
    rows = list(rows)
    ids = {lead_id for row in rows for lead_id in row.lead_ids[:1]}
    refs = dict(db.execute(select(Lead.id, Lead.ref).where(Lead.id.in_(ids))).all())

    def why(row: AlikeRow) -> Refused:
        words = row.likeness.label
        if row.lead_ids:
            return Refused("alike_lead", why=words, ref=refs[row.lead_ids[0]])
        if row.known:
            return Refused("alike_company", why=words, company=row.known)
        return Refused("alike_in_file", why=words, first=row.first_line)

    return {row.line: [Problem(why(row), row.line)] for row in rows}


def report_of(checked: Checked, upload: Upload) -> Report:
    """The preview of the checked rows, in the order of the table."""
    states = dict.fromkeys(checked.result.added_lines, RowState.NEW)
    states |= dict.fromkeys(checked.result.updated_lines, RowState.CHANGED)
    states |= dict.fromkeys(checked.problems, RowState.REFUSED)
    read = [place for place, code in enumerate(upload.codes) if code and code != "number"]
    places = read[:MOST_SHOWN]
    rows = [
        ReportRow(
            row.line,
            states.get(row.line, RowState.SAME),
            [row.cells[place] if place < len(row.cells) else "" for place in places],
            [KeptProblem.of(why) for why in checked.problems.get(row.line, ())],
            filled=[number for number, place in enumerate(places) if place in row.filled],
        )
        for row in upload.table.rows
    ]
    counts = Counter(row.state.value for row in rows)
    headings = [upload.table.headings[place] for place in places]
    notices = [KeptProblem.of(notice) for notice in checked.notices]
    return Report(dict(counts), rows, headings, checked.open, notices)
