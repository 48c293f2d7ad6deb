"""Companies from a file: new ones are added, known ones stay as they are (PROJECTS 1, 6)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from crm.base.audit import Created, CreatedEntries, prepare_created, record_created
from crm.base.bulk import Converted, convert, insert_converted, new_ids
from crm.base.cells import Cells, Line, LineOrNone, Values, read_rows
from crm.base.clock import civil_date
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.sheet_problems import Problem, named_lines
from crm.base.sheets import Column, ImportResult, Sheet, Source, read_sheet
from crm.base.value_class import value_class
from crm.leads.batch_insert import PreparedCompanies, insert_companies, prepare_companies
from crm.leads.companies import CompanyData, LeadScope
from crm.leads.company_queries import visible_company
from crm.leads.credit_codes import credit_code_of, require_credit_code
from crm.leads.duplicates import Likeness
from crm.leads.import_companies import Companies, Known, NewCompany, spelled
from crm.leads.imports import AlikeRow
from crm.leads.models import Company, CompanyAlias
from crm.leads.redaction import companies_with_hidden_leads
from crm.leads.search_index import index_again
from crm.people.models import Person
from crm.people.permissions import Viewer, require_records, viewer

COMPANY_COLUMNS = (
    Column("name", "企业", "云海科技（江苏）有限公司"),
    Column("credit_code", "统一社会信用代码"),
    Column("group", "所属集团", "云海集团"),
    Column("country", "国家或地区", "中国"),
    Column("aliases", "别名", "云海科技；云海"),
)


class CompanyRow(Cells):
    """A row of a file."""

    name: Line
    credit_code: LineOrNone
    group: LineOrNone
    country: LineOrNone
    aliases: Values

    @property
    def data(self) -> CompanyData:
        """The company as it is entered."""
        return CompanyData(
            name=self.name,
            credit_code=self.credit_code,
            group_name=self.group,
            country=self.country,
        )


@value_class
class CheckedCompanies:
    """A file whose rows have passed: what is to be inserted, and what is reported."""

    rows: Sequence[tuple[int, CompanyRow]]
    prepared: PreparedCompanies
    aliases: Converted
    alias_of: Sequence[str]  # the name of the company of each alias
    entries: CreatedEntries
    alike: Sequence[AlikeRow]
    result: ImportResult


def check_companies(
    db: Session, *, content: Source, by: Person | None, now: datetime, leaves_out: bool = False
) -> CheckedCompanies:
    """Read and check a file without writing; raises `SheetRefused`, refused as `not_yours`."""
    require_records(by)
    on = civil_date(now)
    scope = LeadScope(viewer(db, by, on) if by else None, on)
    sheet = read_sheet(content, COMPANY_COLUMNS)
    rows = list(read_rows(sheet, CompanyRow))
    for line, row in rows:
        code = credit_code_of(row.credit_code)
        sheet.ask(line, lambda code=code: require_credit_code(code))  # type: ignore[misc]

    companies = Companies(db, [row.data for _, row in rows], scope)
    known = [companies.find(row.data) for _, row in rows]
    sure, alike = _told_apart(rows, known)
    new = _new(sheet, rows, sure, companies)
    sheet.raise_problems()
    sheet.notices += _kept_as_they_are(db, rows, sure, scope)

    left_out = {row.line for row in alike} if leaves_out else set()
    kept = [(line, row, company) for line, row, company in new if line not in left_out]
    result = ImportResult(
        len(kept),
        unchanged=len(rows) - len(new),
        left_out=len(new) - len(kept),
        notices=sheet.notices,
        added_lines=[line for line, *_ in kept],
    )
    aliases = [
        {"name": name, **spelled(name)._asdict(), "added_at": now}
        for _, row, company in kept
        for name in row.aliases
        if name != company.name
    ]
    alias_of = [
        company.name for _, row, company in kept for name in row.aliases if name != company.name
    ]
    by_id = by.id if by else None
    created = [Created(by_id, {"name": company.name}) for _, _, company in kept]
    return CheckedCompanies(
        [(line, row) for line, row, _ in kept],
        prepare_companies(db, [company for *_, company in kept], now),
        convert(db, CompanyAlias, aliases),
        alias_of,
        prepare_created(db, "company.imported", Company, created, at=now),
        alike,
        result,
    )


def keep_companies(db: Session, *, file: CheckedCompanies) -> ImportResult:
    """Insert the companies of a checked file."""
    take_exclusive_lock(db)  # SQLite reads the ids of new rows under it
    if not file.rows:
        return file.result

    ids = insert_companies(db, file.prepared)
    columns, converted = file.aliases
    alias_ids = new_ids(db, CompanyAlias, len(converted))
    rows = [
        (alias_id, ids[name], *row)
        for alias_id, name, row in zip(alias_ids, file.alias_of, converted, strict=True)
    ]
    insert_converted(db, CompanyAlias, ("id", "company_id", *columns), rows)
    for part in batches(alias_ids):
        index_again(db, CompanyAlias, part)
    record_created(db, file.entries, [ids[name] for name in file.prepared.names])
    return file.result


def company_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The companies that the viewer may see; of one with a hidden lead the name alone."""
    query = select(Company).options(selectinload(Company.aliases)).order_by(Company.id)
    bare: set[int] = set()
    if viewer:
        query = query.where(visible_company(viewer, on))
        bare = set(db.scalars(companies_with_hidden_leads(viewer, on)))
    return [
        {"name": row.name} | ({} if row.id in bare else _cells(row)) for row in db.scalars(query)
    ]


def _cells(company: Company) -> dict[str, object]:
    return {
        "credit_code": company.credit_code,
        "group": company.group_name,
        "country": company.country,
        "aliases": [alias.name for alias in company.aliases],
    }


def _told_apart(
    rows: Sequence[tuple[int, CompanyRow]], known: Sequence[Known | None]
) -> tuple[list[Known | None], list[AlikeRow]]:
    """Companies that are surely known, and the rows that are only likely one that is known."""
    sure: list[Known | None] = []
    alike = []
    for (line, row), company in zip(rows, known, strict=True):
        code = row.data.own["credit_code"]
        is_sure = company is None or (
            spelled(company.name).folded == spelled(row.name).folded
            or (code is not None and code == company.credit_code)
        )
        sure.append(company if is_sure else None)
        if company and not is_sure:
            alike.append(AlikeRow(line, "", row.name, Likeness.NAME, (), None, known=company.name))
    return sure, alike


def _new(
    sheet: Sheet,
    rows: Sequence[tuple[int, CompanyRow]],
    known: Sequence[Known | None],
    companies: Companies,
) -> list[tuple[int, CompanyRow, NewCompany]]:
    found: list[tuple[int, CompanyRow, NewCompany]] = []
    lines: dict[str, int] = {}
    cells: dict[str, CompanyRow] = {}
    for (line, row), company in zip(rows, known, strict=True):
        if company:
            continue
        new = companies.brought(row.data)
        if new.name not in lines:
            lines[new.name], cells[new.name] = line, row
            found.append((line, row, new))
        elif row != cells[new.name]:
            why = Refused("row_disagrees", field="name", line=lines[new.name])
            sheet.add_problem(line, why)
    return found


def _kept_as_they_are(
    db: Session,
    rows: Sequence[tuple[int, CompanyRow]],
    known: Sequence[Known | None],
    scope: LeadScope,
) -> list[Problem]:
    """The rows of known companies that say something else of them than is known."""
    kept: Mapping[object, dict[str, object]] = {
        cells["name"]: cells for cells in company_rows(db, scope.viewer, scope.on)
    }
    lines = [
        line
        for (line, row), company in zip(rows, known, strict=True)
        if company and company.name in kept and _differs(row, kept[company.name])
    ]
    if not lines:
        return []
    return [Problem(Refused("companies_kept", None, lines=named_lines(lines)))]


def _differs(row: CompanyRow, kept: Mapping[str, object]) -> bool:
    own = row.data.own
    told = {"credit_code": own["credit_code"], "group": row.group, "country": row.country}
    aliases = kept.get("aliases")
    names = set(aliases) if isinstance(aliases, list) else set()
    return any(value and value != kept.get(name) for name, value in told.items()) or bool(
        set(row.aliases) - names - {kept["name"]}
    )
