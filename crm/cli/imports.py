"""`crm import`: records, the calendar and rates from files, whole or not at all."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.enums import LabeledEnum
from crm.base.garbage import no_garbage_collection
from crm.base.sheets import (
    LARGEST_BYTES,
    Column,
    ImportResult,
    Problem,
    SheetRefused,
    Source,
    write_template,
)
from crm.base.value_class import value_class
from crm.cli.base import changing, file_format, format_option, print_rows, reading, sessions
from crm.cli.errors import RefusedError
from crm.followups.fields import FOLLOWUP_COLUMNS
from crm.followups.imports import check_followups, keep_followups
from crm.imports.record_words import VOCABULARIES
from crm.imports.records import source_of
from crm.imports.rosters import import_roster
from crm.jobs.file_import import FileImport
from crm.leads.company_imports import COMPANY_COLUMNS, check_companies, keep_companies
from crm.leads.contact_imports import CONTACT_COLUMNS, check_contacts, keep_contacts
from crm.leads.fields import LEAD_COLUMNS
from crm.leads.import_own import lead_columns
from crm.leads.imports import CheckedLeads, check_leads, keep_leads, notices_of_alike
from crm.leads.rate_entry import RATE_COLUMNS, import_rates
from crm.people.absence_imports import ABSENCES, import_absences
from crm.people.fields import PEOPLE_COLUMNS
from crm.people.imports import import_people, is_own_file
from crm.people.unit_imports import UNIT_COLUMNS, import_units
from crm.quotas.calendar_imports import CALENDAR, import_calendar
from crm.results.receipt_columns import RECEIPT_COLUMNS
from crm.results.receipt_imports import import_receipts
from crm.results.receipts import keep_missing_rates
from crm.visits.fields import VISIT_COLUMNS
from crm.visits.imports import CheckedFile, check_visits
from crm.web.errors import refusal_text

KEYS = ("kind", "rows", "added", "updated", "unchanged", "dry_run", "notices")
PROBLEM_KEYS = ("line", "column", "code", "reason")
MOST_LISTED = 200  # problems; a file with more has one cause


class What(LabeledEnum):
    """What a file holds."""

    UNITS = "units", "单位"
    PEOPLE = "people", "人员"
    ABSENCES = "absences", "缺勤"
    VISITS = "visits", "拜访"
    CALENDAR = "calendar", "工作日历"
    RATES = "rates", "汇率"
    RECEIPTS = "receipts", "到资"
    LEADS = "leads", "线索"
    COMPANIES = "companies", "企业"
    CONTACTS = "contacts", "联系人"
    FOLLOWUPS = "followups", "跟进"


@value_class
class Import:
    """The columns of a kind of file, and the functions that import it.

    `check` reads the database without its write lock; what it returns is given to `keep`, or kept
    in parts.
    """

    columns: tuple[Column, ...]
    check: Callable[[Session, Any, datetime], Any]
    keep: Callable[[Session, Any, datetime], ImportResult] | None  # none: in parts
    all_columns: Callable[[Session], tuple[Column, ...]] | None = None  # with those of the zone


def _unchecked(_db: Session, content: Source, _now: datetime) -> Source:
    """The file as it is: units, people and days are few and are checked as they are kept."""
    return content


def _import_people(db: Session, content: bytes, now: datetime) -> ImportResult:
    """A file of ours, or a bureau's roster."""
    importing = import_people if is_own_file(content) else import_roster
    return importing(db, content=content, by=None, now=now)


def _import_rates(db: Session, content: bytes, now: datetime) -> ImportResult:
    outcome = import_rates(db, content=content, by=None, now=now)
    keep_missing_rates(db, by=None, now=now)
    return outcome


def _keep_leads(db: Session, file: CheckedLeads, now: datetime) -> ImportResult:
    outcome = keep_leads(db, file=file, by=None, now=now)
    outcome.notices += notices_of_alike(db, file.alike)
    return outcome


IMPORTS = {
    What.UNITS: Import(
        UNIT_COLUMNS,
        _unchecked,
        lambda db, content, now: import_units(db, content=content, by=None, now=now),
    ),
    What.PEOPLE: Import(
        PEOPLE_COLUMNS,
        _unchecked,
        _import_people,
    ),
    What.ABSENCES: Import(
        ABSENCES,
        _unchecked,
        lambda db, content, now: import_absences(db, content=content, by=None, now=now),
    ),
    What.VISITS: Import(
        VISIT_COLUMNS,
        lambda db, content, now: check_visits(db, content=content, now=now),
        None,
    ),
    What.RATES: Import(
        RATE_COLUMNS,
        _unchecked,
        _import_rates,
    ),
    What.RECEIPTS: Import(
        RECEIPT_COLUMNS,
        _unchecked,
        lambda db, content, now: import_receipts(db, content=content, by=None, now=now),
    ),
    What.LEADS: Import(
        LEAD_COLUMNS,
        lambda db, content, now: check_leads(db, content=content, by=None, now=now),
        _keep_leads,
        lead_columns,
    ),
    What.COMPANIES: Import(
        COMPANY_COLUMNS,
        lambda db, content, now: check_companies(db, content=content, by=None, now=now),
        lambda db, file, _now: keep_companies(db, file=file),
    ),
    What.CONTACTS: Import(
        CONTACT_COLUMNS,
        lambda db, content, now: check_contacts(db, content=content, by=None, now=now),
        lambda db, file, _now: keep_contacts(db, file=file),
    ),
    What.FOLLOWUPS: Import(
        FOLLOWUP_COLUMNS,
        lambda db, content, now: check_followups(db, content=content, by=None, now=now),
        lambda db, file, _now: keep_followups(db, file=file),
    ),
    What.CALENDAR: Import(
        CALENDAR,
        _unchecked,
        lambda db, content, now: import_calendar(db, content=content, by=None, now=now),
    ),
}


@click.command("import")
@click.argument("what", type=click.Choice([kind.value for kind in What]))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--dry-run", is_flag=True, help="Do everything, say what would happen, keep nothing.")
@click.option("--template", is_flag=True, help="Write an empty FILE to fill in (or to stdout).")
@click.option(
    "--leave-out-duplicates",
    "leaves_out",
    is_flag=True,
    help="Of leads: leave out rows whose company somebody may follow up already.",
)
@format_option
def import_(  # noqa: PLR0913 - options are named
    *,
    what: str,
    file: Path | None,
    dry_run: bool,
    template: bool,
    leaves_out: bool,
    form: str,
) -> None:
    """Import a FILE, CSV (UTF-8 or GB18030; - is stdin) or .xlsx, whole or not at all.

    Headers are Chinese or English; of a spreadsheet the first sheet that is not hidden is read.
    A bureau's own table of records is read by the words of its head.
    People may also be a bureau's own roster: user names, units and duties are proposed by it; what
    must be chosen refuses the file and is named.
    Every problem is reported with its line and column; a repeat of the same file changes nothing.
    With --format json or csv the problems are printed as rows, and the exit code is 1 all the same.
    """
    kind = What(what)
    if leaves_out and kind is not What.LEADS:
        raise click.UsageError("--leave-out-duplicates belongs to leads.")

    if template:
        _write_template(_columns(IMPORTS[kind]), file)
    elif file:
        try:
            with no_garbage_collection():  # a fifth of the time of 20,000 visits
                of_kind = _of(kind, leaves_out=leaves_out)
                outcome = _import(kind, of_kind, file, dry_run=dry_run)
        except SheetRefused as refused:
            raise _refusal(file, refused, form) from None
        _print(kind, outcome, dry_run=dry_run, form=form)
    else:
        raise click.UsageError("Missing argument 'FILE'.")


def _columns(of_kind: Import) -> tuple[Column, ...]:
    if of_kind.all_columns is None:
        return of_kind.columns
    with reading() as db:
        return of_kind.all_columns(db)


def _of(kind: What, *, leaves_out: bool) -> Import:
    of_kind = IMPORTS[kind]
    if not leaves_out:
        return of_kind
    return replace(
        of_kind,
        check=lambda db, content, now: check_leads(
            db, content=content, by=None, now=now, leaves_out=True
        ),
    )


def _import(kind: What, of_kind: Import, file: Path, *, dry_run: bool) -> ImportResult:
    content, now = _read(file), clock.now()

    with reading() as db:
        checked = of_kind.check(db, _source(db, kind, content, now), now)

    if of_kind.keep is None:
        return _keep_in_parts(checked, file.name, dry_run=dry_run)
    with changing() as db:
        outcome = of_kind.keep(db, checked, now)
        if dry_run:
            # only now: a trial finds the problems that the import itself would
            db.rollback()
    return outcome


def _keep_in_parts(checked: CheckedFile, name: str, *, dry_run: bool) -> ImportResult:
    with sessions() as maker:
        importing = FileImport(maker, checked, clock.now)
        if dry_run:
            importing.rehearse()
        else:
            importing.keep(name)
    return checked.result


def _source(db: Session, kind: What, content: bytes, now: datetime) -> Source:
    """The file as it is, or a bureau's table of records as a file of ours."""
    is_record = kind.value in VOCABULARIES
    return source_of(db, kind=kind.value, content=content, now=now) if is_record else content


def _read(file: Path) -> bytes:
    """The file, or a byte more than is allowed of it."""
    if str(file) == "-":
        return sys.stdin.buffer.read(LARGEST_BYTES + 1)
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise RefusedError(f"无法打开文件 {file}，请检查路径和权限。") from error


def _write_template(columns: tuple[Column, ...], file: Path | None) -> None:
    content = write_template(columns, file_format(file))
    if file is None or str(file) == "-":
        sys.stdout.buffer.write(content)
        return

    try:
        with file.open("xb") as stream:  # never over a file that somebody has filled in
            stream.write(content)
    except FileExistsError:
        raise RefusedError(f"文件 {file} 已存在，没有覆盖。") from None
    except OSError as error:
        raise RefusedError(f"无法写入文件 {file}，请检查路径和权限。") from error

    click.echo(f"模板已写入 {file}")


def _print(kind: What, outcome: ImportResult, *, dry_run: bool, form: str) -> None:
    notices = [_sentence(notice) for notice in outcome.notices]

    if form != "json":  # there they stand in the row
        for notice in notices:
            click.echo(f"注意：{notice}", err=True)

    if form == "table":
        left_out = f"，疑似重复未导入 {outcome.left_out}" if outcome.left_out else ""
        ending = "（试运行，未保存）" if dry_run else ""
        click.echo(
            f"{kind.label}：共 {outcome.rows} 行，新增 {outcome.added}，"
            f"更新 {outcome.updated}，不变 {outcome.unchanged}{left_out}{ending}"
        )
        return

    counts = (outcome.rows, outcome.added, outcome.updated, outcome.unchanged)
    values = (kind, *counts, dry_run, notices if form == "json" else "；".join(notices))
    print_rows([dict(zip(KEYS, values, strict=True))], KEYS, form)


def _refusal(file: Path, refused: SheetRefused, form: str) -> RefusedError:
    """The refusal of a file: each problem on a line of stderr, or as a row on stdout."""
    count = len(refused.problems)
    head = f"{file} 有 {count} 处问题，未导入任何内容"
    if form != "table":
        print_rows([_problem_row(problem) for problem in refused.problems], PROBLEM_KEYS, form)
        return RefusedError(f"{head}。")

    lines = [
        f"{head}：",
        *(f"  {_sentence(problem)}" for problem in refused.problems[:MOST_LISTED]),
    ]
    if count > MOST_LISTED:
        lines.append(f"  …… 另有 {count - MOST_LISTED} 处")
    lines += [f"注意：{_sentence(notice)}" for notice in refused.notices]
    return RefusedError("\n".join(lines))


def _problem_row(problem: Problem) -> dict[str, object]:
    values = (problem.line, problem.column, problem.why.code, refusal_text(problem.why))
    return dict(zip(PROBLEM_KEYS, values, strict=True))


def _sentence(problem: Problem) -> str:
    """A problem or notice, after its place in the file."""
    line = f"第 {problem.line} 行" if problem.line else ""
    column = f"“{problem.column}”列" if problem.column else ""
    place = "，".join(filter(None, (line, column)))
    return f"{place}：{refusal_text(problem.why)}" if place else refusal_text(problem.why)
