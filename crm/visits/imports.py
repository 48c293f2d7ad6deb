"""Visits from a file: all of it or nothing; the reference makes a repeat harmless."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import zip_longest
from typing import Annotated, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.cells import (
    Cells,
    End,
    Line,
    LineOrEmpty,
    Moment,
    MomentOrNone,
    Required,
    Username,
    Usernames,
    Values,
    one_of,
    read_rows,
)
from crm.base.clock import civil_date
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.fields import with_texts
from crm.base.sheets import ImportResult, Sheet, Source, read_sheet
from crm.base.typed_text import unify_line_breaks
from crm.base.usernames import ByUsername
from crm.base.value_class import value_class
from crm.leads.merged import merged_refs
from crm.leads.models import Lead
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.visits import batch_insert
from crm.visits.companies import companies_of_batch, copies_of, stored_companies
from crm.visits.fields import VISIT_COLUMNS, VISIT_FIELDS, CompanyMet, VisitData
from crm.visits.import_notices import asked_about, read_as_remote
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.rules import Channel, Kind, Status, Verdict, kind_by

CellValues = dict[str, Any]  # a visit's values by column


class VisitCells(Cells):
    """What the import of a visit works with; its texts come from the declaration."""

    ref: Line
    kind: Annotated[Kind, one_of(Kind), Required]
    channel: Annotated[Channel, one_of(Channel), Required]
    status: Annotated[Status, one_of(Status), Required]
    starts_at: Moment
    ends_at: End
    city: LineOrEmpty
    leader: Username
    participants: Usernames
    leads: Values
    companies: Values = ()
    logged_at: MomentOrNone
    verdict: Annotated[Verdict | None, one_of(Verdict)]
    entered_at: MomentOrNone = None


VisitRow = with_texts(VisitCells, VISIT_FIELDS)
OF_DATA = frozenset(VisitRow.model_fields) & frozenset(VisitData.__dataclass_fields__) - {
    "ref",
    "companies",
}
MOMENTS = ("logged_at", "entered_at")  # left out, they are those of the import


@value_class
class Names:
    """The ids of the people and leads that a file may name."""

    people: Mapping[str, int]  # by username
    leads: Mapping[str, int]  # by ref


@value_class
class CheckedFile:
    """A file whose rows have passed: the visits to add, and what is reported."""

    new: batch_insert.PreparedVisits
    result: ImportResult


def keep_visits(db: Session, *, file: CheckedFile, now: datetime) -> ImportResult:
    """Add the visits of a short file in one transaction; refused as `visits_unpublished`."""
    batch_insert.require_none_hidden(db)
    batch_insert.insert_prepared(db, file.new, now=now)
    return file.result


def check_visits(db: Session, *, content: Source, now: datetime) -> CheckedFile:
    """Read and check a file without writing; a visit already there must be as the file says.

    Raises `SheetRefused`.
    """
    sheet = read_sheet(content, VISIT_COLUMNS)
    names = names_of(db)
    refs = Counter(row.cells["ref"] for row in sheet.rows)
    existing = existing_visits(db, list(refs))
    new: list[batch_insert.CheckedVisit] = []
    lines: dict[str, int] = {}
    as_in_file: list[tuple[int, Kind, Channel]] = []

    read = list(read_rows(sheet, VisitRow))
    values_by_line = {line: values_of_row(row, names, sheet, line) for line, row in read}
    companies = companies_by_line(db, values_by_line)

    for line, row in read:
        lines[row.ref] = line
        as_in_file.append((line, row.kind, row.channel))
        values = values_by_line[line]
        try:
            if values and row.ref in existing:
                _refuse_difference(sheet, row, existing[row.ref], values)
            elif values:
                new.append(checked_row(row, values, companies[line], now))
                # a repeat within the file must be as its first row says
                if refs[row.ref] > 1:
                    existing[row.ref] = values
        except Refused as why:
            sheet.add_problem(line, why)

    sheet.notices += read_as_remote(as_in_file)
    # all of it or nothing: no visit is inserted before every row has passed
    sheet.raise_problems()
    sheet.notices += asked_about(db, new, lines, civil_date(now))

    unchanged = len(as_in_file) - len(new)
    result = ImportResult(len(new), unchanged=unchanged, notices=sheet.notices)
    return CheckedFile(batch_insert.prepare(db, new, now=now), result)


def names_of(db: Session) -> Names:
    """Everybody, and all leads: a file without an importer may name any."""
    return Names(
        ByUsername(db.execute(select(Person.username, Person.id)).all()),
        # the reference of a merged lead leads to the one that it became
        dict(db.execute(merged_refs()).all()) | dict(db.execute(select(Lead.ref, Lead.id)).all()),
    )


def values_of_row(row: VisitCells, names: Names, sheet: Sheet, line: int) -> CellValues:
    """The row's values, with ids for names; empty where it names somebody unknown."""
    blamed = len(sheet.problems)

    for column, usernames in (("leader", [row.leader]), ("participants", row.participants)):
        for username in usernames:
            if username not in names.people:
                why = Refused("unknown_username", field=column, username=username)
                sheet.add_problem(line, why)

    for ref in row.leads:
        if ref not in names.leads:
            sheet.add_problem(line, Refused("unknown_lead_ref", field="leads", ref=ref))

    try:
        kind = kind_by(row.kind, row.channel)
    except Refused as why:
        sheet.add_problem(line, why)

    if len(sheet.problems) > blamed:
        return {}

    leader_id = names.people[row.leader]
    return vars(row) | {
        "kind": kind,
        "leader": leader_id,
        "participants": {names.people[username] for username in row.participants} - {leader_id},
        "leads": {names.leads[ref] for ref in row.leads},
    }


def companies_by_line(
    db: Session, rows: Mapping[int, CellValues], viewer: Viewer | None = None, on: date = date.min
) -> dict[int, tuple[CompanyMet, ...]]:
    """By line, the companies met; their values are set as those of a visit on record are read."""
    lines = [line for line, values in rows.items() if values]
    typed = [
        (values["leads"], _companies_in(values["companies"], values["met"], values["position"]))
        for values in map(rows.__getitem__, lines)
    ]
    found = dict(zip(lines, companies_of_batch(db, typed, viewer, on), strict=True))

    for line, companies in found.items():
        rows[line].update({"companies": _keys(companies), **copies_of(companies)})
    return found


def _companies_in(names: Sequence[str], met: str | None, position: str | None) -> list[CompanyMet]:
    """The companies of a row; of several, who was met at each stands at the same place."""
    if len(names) <= 1:
        return [CompanyMet(name=names[0] if names else None, met=met, position=position)]

    people, positions = (re.split("[;\uff1b]", text or "") for text in (met, position))
    return [CompanyMet(None, *row) for row in zip_longest(names, people, positions)]


def _keys(companies: Iterable[CompanyMet]) -> set[object]:
    return {row.key for row in companies if row.is_company}


def _refuse_difference(
    sheet: Sheet, row: VisitCells, existing: CellValues, values: CellValues
) -> None:
    """Refuse a repeat that differs in a column of the file; a moment left out does not count."""
    skipped = {name for name in MOMENTS if values[name] is None}
    if row.entered_at and row.status is not Status.DONE:
        skipped.add("logged_at")  # only a done visit has one: else it is when it was entered
    differing = [
        heading
        for column, heading in sheet.headings.items()
        if column in values and column not in skipped and values[column] != existing[column]
    ]
    if differing:
        raise Refused("ref_taken", field="ref", ref=row.ref, columns="、".join(differing))


def checked_row(
    row: VisitCells, values: CellValues, companies: Sequence[CompanyMet], now: datetime
) -> batch_insert.CheckedVisit:
    """The visit that is to be kept; refused as `batch_insert.checked` says."""
    data = data_of_row(row.ref, values)
    visit = batch_insert.ImportedVisit(data, row.logged_at, row.verdict, entered_at=row.entered_at)
    return batch_insert.checked(visit, companies, now=now)


def data_of_row(ref: str, values: CellValues) -> VisitData:
    """The visit that a row tells of."""
    return VisitData(
        ref=ref,
        leader_id=values["leader"],
        participant_ids=values["participants"],
        lead_ids=values["leads"],
        **{name: values[name] for name in OF_DATA},
    )


def existing_visits(db: Session, refs: Sequence[str]) -> dict[str, CellValues]:
    """The existing visits of these references, by their values in a file."""
    existing: dict[str, CellValues] = {}

    for part in batches(refs):
        of_refs = Visit.ref.in_(part)
        by_id: dict[int, CellValues] = {}
        for visit in db.execute(select(*Visit.__table__.columns).where(of_refs)).mappings():
            values = {  # kept before line breaks were of one kind
                name: unify_line_breaks(value) if isinstance(value, str) else value
                for name, value in visit.items()
            }
            values |= {"leader": visit["leader_id"], "participants": set(), "leads": set()}
            values["companies"] = set()
            values["logged_at"] = visit["logged_at"] or visit["entered_at"]
            existing[visit["ref"]] = by_id[visit["id"]] = values
        for table, column, of in (
            (VisitParticipant, VisitParticipant.person_id, "participants"),
            (VisitLead, VisitLead.lead_id, "leads"),
        ):
            pairs = select(table.visit_id, column).where(table.visit_id.in_(by_id))
            for visit_id, other_id in db.execute(pairs):
                by_id[visit_id][of].add(other_id)
        for visit_id, rows in stored_companies(db, by_id).items():
            by_id[visit_id]["companies"] = _keys(rows)

    return existing
