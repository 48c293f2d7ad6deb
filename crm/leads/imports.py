"""Leads from a file: all of it or nothing; a repeat changes nothing, and duplicates are named."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.cells import read_rows
from crm.base.clock import civil_date
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.mail import Site
from crm.base.refs import new_row_ref
from crm.base.sheet_problems import MOST_NAMED, Problem, named_lines
from crm.base.sheets import ImportResult, Sheet, Source, read_sheet
from crm.base.value_class import value_class
from crm.leads.batch_duplicates import (
    Alike,
    alike_before,
    duplicates_of_batch,
    hidden_duplicates_of_batch,
)
from crm.leads.batch_insert import NewLead, PreparedLeads, insert_prepared, prepare
from crm.leads.companies import LeadScope
from crm.leads.duplicates import Entered, Likeness
from crm.leads.import_cells import LeadCells
from crm.leads.import_companies import Companies, Known, spelled
from crm.leads.import_contacts import SeenContacts
from crm.leads.import_names import catalogs, people_named
from crm.leads.import_own import OwnCells, columns_to_read
from crm.leads.import_repeats import ExistingLeads, first_rows
from crm.leads.import_rows import RowLead, RowReader, contact_of
from crm.leads.models import Lead
from crm.leads.notifications import tell_officers_of
from crm.people.models import Person
from crm.people.permissions import require_records, viewer


@value_class
class AlikeRow:
    """A new row that may be of a company that somebody follows up already."""

    line: int
    title: str
    company: str
    likeness: Likeness
    lead_ids: tuple[int, ...]  # those that the importer may see
    first_line: int | None  # an earlier row of the file
    known: str | None = None  # a company without a lead that is named


@value_class
class CheckedLeads:
    """A file whose rows have passed: what is to be inserted, and what is reported."""

    rows: Sequence[RowLead]
    prepared: PreparedLeads
    hidden: Mapping[int, Sequence[int]]  # duplicates that the importer may not see, by number
    alike: Sequence[AlikeRow]
    result: ImportResult


def check_leads(
    db: Session, *, content: Source, by: Person | None, now: datetime, leaves_out: bool = False
) -> CheckedLeads:
    """Read and check a file without writing; `leaves_out`: likely duplicates are not wanted.

    Raises `SheetRefused`; refused as `not_yours`.
    """
    require_records(by)

    on = civil_date(now)
    scope = LeadScope(viewer(db, by, on) if by else None, on)
    sheet = read_sheet(content, columns_to_read(db))
    count = len(sheet.rows)
    sheet.rows = first_rows(sheet)
    own = OwnCells(db, sheet)
    reader = RowReader(db, sheet, people_named(db, on), catalogs(db), own, by, on)
    rows = [lead for line, row in read_rows(sheet, LeadCells) if (lead := reader.read(line, row))]

    companies = Companies(db, [row.company for row in rows], scope)
    found = [companies.find(row.company) for row in rows]
    contacts = SeenContacts(db, {company.id for company in found if company}, scope)
    existing = ExistingLeads(db, sheet, list(zip(rows, found, strict=True)), scope)
    new = [
        row
        for row, company in zip(rows, found, strict=True)
        if not existing.has(row, company, contacts)
    ]
    for row in new:
        reader.require_offered(row)

    sheet.raise_problems()
    sheet.notices += _notices(zip(rows, found, strict=True))
    sheet.notices += own.notices([row.line for row in new])
    kept, alike = _without_alike(db, new, scope, leaves_out=leaves_out)
    leads = _new_leads(sheet, kept, companies, contacts, existing)
    sheet.raise_problems()

    hidden = hidden_duplicates_of_batch(db, [_entered(row) for row in kept], scope)
    result = ImportResult(
        len(kept),
        unchanged=count - len(new),
        left_out=len(new) - len(kept),
        notices=sheet.notices,
        added_lines=[row.line for row in kept],
    )
    return CheckedLeads(
        kept,
        prepare(db, leads, by=by, now=now),
        {number: sorted(found) for number, found in enumerate(hidden) if found},
        alike,
        result,
    )


def keep_leads(
    db: Session, *, file: CheckedLeads, by: Person | None, now: datetime, site: Site | None = None
) -> ImportResult:
    """Insert the leads of a checked file; the coordinating office is told of hidden duplicates."""
    take_exclusive_lock(db)  # SQLite reads the ids of new rows under it
    ids = insert_prepared(db, file.prepared)
    if by and site:
        for number, hidden in file.hidden.items():
            lead = db.get_one(Lead, ids[number])
            tell_officers_of(db, lead=lead, hidden=hidden, by=by, now=now, site=site)
    return file.result


def _without_alike(
    db: Session, rows: Sequence[RowLead], scope: LeadScope, *, leaves_out: bool
) -> tuple[Sequence[RowLead], list[AlikeRow]]:
    """The rows to be kept, and the likely duplicates among the new ones."""
    entries = [_entered(row) for row in rows]
    known, within = duplicates_of_batch(db, entries, scope), alike_before(entries)
    alike = [
        _alike_row(row, leads, earlier, rows)
        for row, leads, earlier in zip(rows, known, within, strict=True)
        if leads or earlier
    ]
    if not leaves_out:
        return rows, alike
    lines = {row.line for row in alike}
    return [row for row in rows if row.line not in lines], alike


def _alike_row(row: RowLead, leads: Alike, earlier: Alike, rows: Sequence[RowLead]) -> AlikeRow:
    order = list(Likeness)
    return AlikeRow(
        row.line,
        row.columns["title"],
        row.company.name,
        min([*leads.values(), *earlier.values()], key=order.index),
        tuple(leads),
        rows[min(earlier)].line if earlier else None,
    )


def _entered(row: RowLead) -> Entered:
    return Entered(
        name=row.company.name,
        credit_code=row.company.credit_code,
        contact=row.row.contact,
        phone=row.row.contact_phone,
    )


def _new_leads(
    sheet: Sheet,
    rows: Sequence[RowLead],
    companies: Companies,
    contacts: SeenContacts,
    existing: ExistingLeads,
) -> list[NewLead]:
    today = existing.scope.on
    of_file = {row.columns["ref"] for row in rows if row.columns["ref"]}
    leads = []

    for row in rows:
        found = companies.of(row.company)
        company = found.id if isinstance(found, Known) else found
        contact = contact_of(row)
        if contact and contacts.has(company, contact):
            contact = None
        if contact:
            contacts.add(company, contact)

        earlier = row.row.earlier and existing.ids.get(row.row.earlier, row.row.earlier)
        if isinstance(earlier, str) and (earlier not in of_file or earlier == row.columns["ref"]):
            sheet.add_problem(row.line, Refused("unknown_lead_ref", field="earlier", ref=earlier))
        leads.append(
            NewLead(
                columns=row.columns | {"ref": row.columns["ref"] or new_row_ref("L", today)},
                company=company,
                earlier=earlier,
                contact=contact,
                steps=row.way.steps,
                roles=row.roles,
                amounts=row.amounts,
                own=row.own,
                stated_on=row.row.stated_on or today,
                plans=row.plans,
                site_ids=sorted({site.id for site in row.sites}),
                offered_on=today,
            )
        )
    return leads


def _notices(rows: Iterable[tuple[RowLead, Known | None]]) -> list[Problem]:
    """What is worth knowing of rows that pass, each with its lines."""
    frameworks, small, linked = [], [], []
    for row, known in rows:
        if row.way.is_framework:
            frameworks.append(row.line)
        if row.is_small:
            small.append(row.line)
        name = row.company.name.strip()
        if known and spelled(known.name).folded != spelled(name).folded:
            linked.append((row.line, f"{name}→{known.name}"))

    found = [("framework_is_no_signing", frameworks, ""), ("amounts_are_small", small, "")]
    found.append(("companies_linked", [line for line, _ in linked], linked[0][1] if linked else ""))
    return [
        Problem(Refused(code, None, lines=named_lines(lines), example=example))
        for code, lines, example in found
        if lines
    ]


def notices_of_alike(db: Session, rows: Sequence[AlikeRow]) -> list[Problem]:
    """The likely duplicates for who has no page: lines, with the references of leads."""
    ids = {lead_id for row in rows for lead_id in row.lead_ids[:1]}
    refs: dict[int, str] = {}
    for part in batches(sorted(ids)):
        refs |= dict(db.execute(select(Lead.id, Lead.ref).where(Lead.id.in_(part))).all())

    return [
        Problem(
            Refused(
                "alike_lead" if row.lead_ids else "alike_in_file",
                None,
                why=row.likeness,
                ref=refs.get(next(iter(row.lead_ids), 0)),
                first=row.first_line,
            ),
            row.line,
        )
        for row in rows[:MOST_NAMED]
    ]
