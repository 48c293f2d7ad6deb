"""`crm export`: people, leads, visits, follow-ups and figures as CSV or .xlsx files."""

import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import click
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.periods import Period
from crm.base.sheets import Column, write_sheet
from crm.base.value_class import value_class
from crm.cli.base import PeriodName, file_format, reading
from crm.cli.errors import RefusedError
from crm.followups.exports import followup_rows
from crm.followups.fields import FOLLOWUP_COLUMNS
from crm.jobs.ledger import began_on
from crm.leads.company_imports import COMPANY_COLUMNS, company_rows
from crm.leads.contact_imports import CONTACT_COLUMNS, contact_rows
from crm.leads.exports import lead_rows
from crm.leads.fields import LEAD_COLUMNS
from crm.leads.import_own import lead_columns
from crm.people.exports import people_rows
from crm.people.fields import PEOPLE_COLUMNS
from crm.people.permissions import Viewer, viewer
from crm.people.queries import by_username
from crm.quotas.exports import COMPLIANCE, compliance_rows
from crm.quotas.queries import rule_codes
from crm.results.receipt_columns import RECEIPT_COLUMNS, receipt_rows
from crm.visits.exports import visit_rows
from crm.visits.fields import VISIT_COLUMNS

Rows = list[dict[str, object]]


class What(LabeledEnum):
    """What a file holds."""

    PEOPLE = "people", "人员"
    LEADS = "leads", "线索"
    VISITS = "visits", "拜访"
    FOLLOWUPS = "followups", "跟进"
    COMPLIANCE = "compliance", "达标情况"
    RECEIPTS = "receipts", "到资"
    COMPANIES = "companies", "企业"
    CONTACTS = "contacts", "联系人"


@value_class
class Export:
    """The columns of a kind of file, and the function that reads its rows."""

    columns: Sequence[Column]
    rows: Callable[[Session, Viewer | None, date], Rows]
    all_columns: Callable[[Session], Sequence[Column]] | None = None  # with those of the zone


RECORDS = {
    What.PEOPLE: Export(PEOPLE_COLUMNS, people_rows),
    What.LEADS: Export(LEAD_COLUMNS, lead_rows, lead_columns),
    What.VISITS: Export(VISIT_COLUMNS, visit_rows),
    What.FOLLOWUPS: Export(FOLLOWUP_COLUMNS, followup_rows),
    What.RECEIPTS: Export(RECEIPT_COLUMNS, receipt_rows),
    What.COMPANIES: Export(COMPANY_COLUMNS, company_rows),
    What.CONTACTS: Export(CONTACT_COLUMNS, contact_rows),
}


@click.command()
@click.argument("what", type=click.Choice([kind.value for kind in What]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--for", "username", help="Only what this person may see.")
@click.option("--period", type=PeriodName(), help="Of compliance: 2026-W30, 2026-07 …")
@click.option("--rule", "code", help="Of compliance: only this rule.")
@click.option(
    "--chinese", is_flag=True, help="Headers and words in Chinese; the import reads both."
)
def export(  # noqa: PLR0913 - options are named
    *,
    what: str,
    file: Path,
    username: str | None,
    period: Period | None,
    code: str | None,
    chinese: bool,
) -> None:
    """Export to a FILE, .csv (UTF-8 with BOM; - is stdout) or .xlsx, headed as the import is.

    Without --for, everything is exported, also what is restricted: keep the file accordingly.
    No text becomes a formula: in .csv an apostrophe before it, which the import takes away again.
    """
    kind = What(what)
    form = file_format(file)
    _refuse_usage(kind, period, code)

    with reading() as db:
        reader = None if username is None else _reader_named(db, username)
        columns, rows = _rows(db, kind, reader, period, code)

    _write(file, write_sheet(columns, rows, in_chinese=chinese, form=form))
    # stdout may be the file itself
    click.echo(f"{kind.label}：已导出 {len(rows)} 行", err=True)


def _refuse_usage(kind: What, period: Period | None, code: str | None) -> None:
    if kind is What.COMPLIANCE and period is None:
        raise click.UsageError("Missing option '--period'.")
    if kind is not What.COMPLIANCE and (period or code):
        raise click.UsageError("--period and --rule belong to compliance.")


def _reader_named(db: Session, username: str) -> Viewer:
    person = by_username(db, username)
    if person is None:
        raise Refused("unknown_person", "for", person=username)
    return viewer(db, person, clock.civil_date(clock.now()))


def _rows(
    db: Session, kind: What, reader: Viewer | None, period: Period | None, code: str | None
) -> tuple[Sequence[Column], Rows]:
    now = clock.now()
    if period is None:
        # only compliance has a period
        found = RECORDS[kind]
        columns = found.all_columns(db) if found.all_columns else found.columns
        return columns, found.rows(db, reader, clock.civil_date(now))

    if code is not None and code not in rule_codes(db):
        raise Refused("unknown_rule", "rule", rule=code)
    # None: all rules
    codes = None if code is None else [code]
    return COMPLIANCE, compliance_rows(
        db, reader, period=period, codes=codes, now=now, since=began_on(db)
    )


def _write(file: Path, content: bytes) -> None:
    if str(file) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        raise RefusedError(f"无法写入文件 {file}，请检查路径和权限。") from error
