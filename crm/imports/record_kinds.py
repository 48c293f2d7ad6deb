"""What an import of records reads, checks and keeps, by the kind of its file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.base.locks import take_exclusive_lock
from crm.base.pending import savepoint
from crm.base.sheet_problems import refused
from crm.base.sheets import Column, ImportResult, Sheet, read_sheet
from crm.base.value_class import value_class
from crm.followups.fields import FOLLOWUP_COLUMNS
from crm.followups.imports import check_followups, keep_followups
from crm.imports.record_words import ABSENCE_WORDS
from crm.leads.company_imports import COMPANY_COLUMNS, check_companies, keep_companies
from crm.leads.contact_imports import CONTACT_COLUMNS, check_contacts, keep_contacts
from crm.leads.fields import LEAD_COLUMNS, STAGE_DATES
from crm.leads.import_own import lead_columns
from crm.leads.imports import check_leads, keep_leads
from crm.people.absence_imports import ABSENCES, import_absences
from crm.people.fields import PEOPLE_COLUMNS
from crm.people.imports import import_people
from crm.people.models import Person
from crm.people.unit_imports import UNIT_COLUMNS, import_units
from crm.results.receipt_columns import RECEIPT_COLUMNS
from crm.results.receipt_imports import import_receipts

MOST_TRIED = 300  # rows that are imported one by one, some two seconds, while other writers wait


@value_class
class TriedFile:
    """A file that was imported in a transaction that may be taken back."""

    sheet: Sheet
    result: ImportResult


@value_class
class RecordKind:
    """What a kind of file holds, and the functions that check and keep it.

    `check` reads the database without its write lock; what it returns is given to `keep`.
    """

    columns: Sequence[Column]
    check: Callable[..., Any]  # session; by name: content, by, now, leaves_out
    keep: Callable[..., ImportResult]  # session; by name: file, by, now, site
    all_columns: Callable[[Session], Sequence[Column]] | None = None  # with those of the zone
    is_tried: bool = False  # what `check` writes is taken back for a preview
    people: Sequence[str] = ()  # columns that name people
    leads: Sequence[str] = ()  # columns that name leads by reference
    dates: Sequence[str] = ()
    moments: Sequence[str] = ()
    # of money, each with the column of its currency; empty: its cell may name unit and currency
    amounts: Mapping[str, str] = field(default_factory=dict)
    lists: Sequence[str] = ()  # columns of several values
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # ours, by column
    makes_refs: bool = False  # a reference that is left out follows from the row

    def columns_of(self, db: Session) -> Sequence[Column]:
        """All columns of the file."""
        return self.all_columns(db) if self.all_columns else self.columns


def _without_choice(check: Callable[..., Any]) -> Callable[..., Any]:
    """A `check` that finds no likely duplicates."""

    def unchosen(db: Session, *, leaves_out: bool, **given: object) -> Any:  # noqa: ARG001
        return check(db, **given)

    return unchosen


def _quietly(keep: Callable[..., ImportResult]) -> Callable[..., ImportResult]:
    """A `keep` that mails nobody."""
    return lambda db, *, file, **_who: keep(db, file=file)


def _tried(importing: Callable[..., ImportResult], columns: Sequence[Column]) -> Callable[..., Any]:
    """A `check` that imports: such rows depend on one another, and a preview takes them back."""

    def check(
        db: Session, *, content: bytes | Sheet, by: Person, now: datetime, **_choices: object
    ) -> TriedFile:
        sheet = read_sheet(content, columns)
        if len(sheet.rows) > MOST_TRIED:
            raise refused("too_many_rows", most=MOST_TRIED)
        take_exclusive_lock(db)
        with savepoint(db):
            return TriedFile(sheet, importing(db, content=sheet, by=by, now=now))

    return check


def _keep_tried(_db: Session, *, file: TriedFile, **_who: object) -> ImportResult:
    return file.result


RECORDS: Mapping[str, RecordKind] = {
    "leads": RecordKind(
        LEAD_COLUMNS,
        check_leads,
        keep_leads,
        lead_columns,
        people=("tracker", "leader", "task_force_head", "task_force"),
        dates=("entered_on", "stated_on", "stopped_on", "look_again_on", *STAGE_DATES),
        amounts={"amount": "", "fixed_assets": "", "registered_capital": "", "foreign_capital": ""},
        lists=("assisting_units", "sites", "task_force"),
    ),
    "companies": RecordKind(
        COMPANY_COLUMNS,
        check_companies,
        _quietly(keep_companies),
        lists=("aliases",),
    ),
    "contacts": RecordKind(
        CONTACT_COLUMNS,
        _without_choice(check_contacts),
        _quietly(keep_contacts),
    ),
    "followups": RecordKind(
        FOLLOWUP_COLUMNS,
        _without_choice(check_followups),
        _quietly(keep_followups),
        people=("person",),
        dates=("due_at",),
        moments=("done_at",),
    ),
    "people": RecordKind(
        PEOPLE_COLUMNS, _tried(import_people, PEOPLE_COLUMNS), _keep_tried, is_tried=True
    ),
    "units": RecordKind(
        UNIT_COLUMNS, _tried(import_units, UNIT_COLUMNS), _keep_tried, is_tried=True
    ),
    "absences": RecordKind(
        ABSENCES,
        _tried(import_absences, ABSENCES),
        _keep_tried,
        is_tried=True,
        people=("username",),
        dates=("from", "to"),
        words={"kind": ABSENCE_WORDS},
    ),
    "receipts": RecordKind(
        RECEIPT_COLUMNS,
        _tried(import_receipts, RECEIPT_COLUMNS),
        _keep_tried,
        is_tried=True,
        leads=("lead",),
        dates=("arrived_on",),
        amounts={"amount": "currency"},
        makes_refs=True,
    ),
}
