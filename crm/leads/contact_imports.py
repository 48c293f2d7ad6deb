"""Contacts of companies from a file, by whoever may change all leads of theirs (PROJECTS 6)."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import Created, CreatedEntries, prepare_created, record_created
from crm.base.bulk import Converted, convert, insert_converted
from crm.base.cells import Cells, Email, Line, LineOrNone, Phone, read_rows
from crm.base.clock import civil_date
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.masking import masked_email, masked_phone
from crm.base.sheet_problems import Problem, named_lines
from crm.base.sheets import Column, ImportResult, Source, read_sheet
from crm.base.value_class import value_class
from crm.leads.companies import CompanyData, LeadScope
from crm.leads.company_queries import visible_company
from crm.leads.contact_permissions import plain_ids
from crm.leads.contacts import ContactData
from crm.leads.credit_codes import credit_code_of, is_credit_code
from crm.leads.duplicates import is_seen
from crm.leads.import_companies import Companies, Known
from crm.leads.import_contacts import SeenContacts
from crm.leads.models import Company, Contact, Lead
from crm.leads.permissions import changeable
from crm.people.models import Person
from crm.people.permissions import Viewer, require_records, viewer

CONTACT_COLUMNS = (
    Column("company", "企业", "云海科技（江苏）有限公司"),
    Column("name", "姓名", "王先生"),
    Column("position", "职务", "总经理"),
    Column("phone", "电话", "13800000000"),
    Column("email", "邮箱", "wang@yunhai.example"),
)


class ContactRow(Cells):
    """A row of a file; the company by its name or credit code."""

    company: Line
    name: Line
    position: LineOrNone
    phone: Phone
    email: Email

    @property
    def data(self) -> ContactData:
        """The contact as it is entered."""
        return ContactData(
            name=self.name, position=self.position, phone=self.phone, email=self.email
        )


@value_class
class CheckedContacts:
    """A file whose rows have passed: what is to be inserted, and what is reported."""

    rows: Sequence[tuple[int, ContactRow]]
    contacts: Converted
    company_ids: Sequence[int]
    entries: CreatedEntries
    result: ImportResult


def check_contacts(
    db: Session, *, content: Source, by: Person | None, now: datetime
) -> CheckedContacts:
    """Read and check a file without writing; raises `SheetRefused`, refused as `not_yours`."""
    require_records(by)
    on = civil_date(now)
    scope = LeadScope(viewer(db, by, on) if by else None, on)
    sheet = read_sheet(content, CONTACT_COLUMNS)
    rows = list(read_rows(sheet, ContactRow))
    companies = Companies(db, [_company(row) for _, row in rows], scope)
    found = [companies.find(_company(row)) for _, row in rows]
    ids = {company.id for company in found if company}
    barred, seen = _not_changeable(db, ids, scope), SeenContacts(db, ids, scope)

    new: list[tuple[int, ContactRow, Known]] = []
    same_name = []
    for (line, row), company in zip(rows, found, strict=True):
        # one sentence for both: nothing tells that there is a hidden lead
        if company is None or company.id in barred:
            why = Refused("unknown_company", field="company", company=row.company)
            sheet.add_problem(line, why)
        elif not seen.has(company.id, row.data):
            if seen.has_name(company.id, row.name):
                same_name.append(line)
            seen.add(company.id, row.data)
            new.append((line, row, company))
    sheet.raise_problems()

    if same_name:
        why = Refused("contacts_of_same_name", None, lines=named_lines(same_name))
        sheet.notices.append(Problem(why))
    by_id = by.id if by else None
    created = [Created(by_id, {"contact": _values(row)}) for _, row, _ in new]
    return CheckedContacts(
        [(line, row) for line, row, _ in new],
        convert(db, Contact, [{**_values(row), "created_at": now} for _, row, _ in new]),
        [company.id for *_, company in new],
        prepare_created(db, "company.contact_imported", Company, created, at=now),
        ImportResult(
            len(new),
            unchanged=len(rows) - len(new),
            notices=sheet.notices,
            added_lines=[line for line, *_ in new],
        ),
    )


def keep_contacts(db: Session, *, file: CheckedContacts) -> ImportResult:
    """Insert the contacts of a checked file; they belong to no lead."""
    take_exclusive_lock(db)  # SQLite reads the ids of new rows under it
    columns, converted = file.contacts
    rows = [(key, *row) for key, row in zip(file.company_ids, converted, strict=True)]
    insert_converted(db, Contact, ("company_id", *columns), rows)
    if rows:
        record_created(db, file.entries, file.company_ids)
    return file.result


def contact_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The contacts that the viewer may see, by company."""
    query = select(Contact).join(Contact.company).options(joinedload(Contact.company))
    if viewer:
        scope = LeadScope(viewer, on)
        query = query.where(visible_company(viewer, on), is_seen(scope))
    contacts = db.scalars(query.order_by(Company.id, Contact.id)).all()
    plain = plain_ids(db, [row.id for row in contacts], viewer, on)
    return [
        {"company": row.company.name, **(_values(row) if row.id in plain else _masked(row))}
        for row in contacts
    ]


def _company(row: ContactRow) -> CompanyData:
    code = credit_code_of(row.company) or ""
    return CompanyData(name=row.company, credit_code=code if is_credit_code(code) else None)


def _values(row: ContactRow | Contact) -> dict[str, object]:
    return {name: getattr(row, name) for name in ("name", "position", "phone", "email")}


def _masked(row: Contact) -> dict[str, object]:
    """The values as pages show them to whoever does not work with the contact (PIPL)."""
    phone, email = row.phone and masked_phone(row.phone), row.email and masked_email(row.email)
    return {**_values(row), "phone": phone, "email": email}


def _not_changeable(db: Session, company_ids: Collection[int], scope: LeadScope) -> set[int]:
    """The companies of which the importer may not change every lead."""
    if scope.viewer is None:
        return set()
    mine = select(Lead.id).where(changeable(scope.viewer, scope.on)).correlate(None)
    others = select(Lead.company_id).where(Lead.id.not_in(mine))
    return {
        company_id
        for part in batches(sorted(company_ids))
        for company_id in db.scalars(others.where(Lead.company_id.in_(part)))
    }
