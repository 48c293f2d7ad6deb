"""Follow-ups from a file: all of it or nothing; a repeat changes nothing."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import Created, CreatedEntries, prepare_created, record_created
from crm.base.bulk import Converted, convert, insert_converted, new_ids
from crm.base.cells import (
    Cells,
    Day,
    Line,
    LineOrEmpty,
    LineOrNone,
    ProseOrNone,
    Required,
    moment_or_day,
    read_rows,
)
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.pending import collect
from crm.base.refs import new_row_ref
from crm.base.sheets import ImportResult, Sheet, Source, read_sheet
from crm.base.typed_text import unify_line_breaks
from crm.base.value_class import value_class
from crm.followups.fields import FOLLOWUP_COLUMNS
from crm.followups.models import Followup
from crm.followups.permissions import visible_to
from crm.followups.rules import typed_repetition
from crm.leads.import_names import People, people_named
from crm.leads.merged import merged_refs
from crm.leads.models import Lead
from crm.leads.permissions import visible
from crm.people.models import Person
from crm.people.permissions import Viewer, require_records, viewer
from crm.visits.contacts import ContactChanged

REPEAT = ("repeat", "repeat_number")
SAME = ("lead_id", "person_id", "due_on", "what", "done_at", "result")


class FollowupRow(Cells):
    """A row of a file; a finish without a time of day is at its beginning."""

    ref: LineOrEmpty
    lead: LineOrNone  # left out in an export where it is hidden from the reader
    person: Line
    due_at: Day
    what: Annotated[ProseOrNone, Required]
    done_at: Annotated[datetime | None, BeforeValidator(moment_or_day)]
    result: ProseOrNone
    repeat: LineOrNone = None  # 每14天, 每周三, 每月31日


@value_class
class CheckedFollowups:
    """A file whose rows have passed: what is to be inserted, and what is reported."""

    rows: Sequence[tuple[int, FollowupRow]]
    followups: Converted
    lead_ids: frozenset[int]
    entries: CreatedEntries
    result: ImportResult


def check_followups(
    db: Session, *, content: Source, by: Person | None, now: datetime
) -> CheckedFollowups:
    """Read and check a file without writing; raises `SheetRefused`, refused as `not_yours`."""
    require_records(by)
    on = civil_date(now)
    eyes = viewer(db, by, on) if by else None
    sheet = read_sheet(content, FOLLOWUP_COLUMNS)
    rows = list(read_rows(sheet, FollowupRow))
    reader = _Reader(_Leads(db, eyes, now), people_named(db, on), _Existing(db, eyes, now), now)

    by_id = by.id if by else None
    entry = {"entered_at": now, "entered_by_id": by_id}
    new: list[tuple[int, FollowupRow, dict[str, Any]]] = []
    for line, row in rows:
        values = sheet.ask(line, lambda row=row: reader.new(sheet, row))  # type: ignore[misc]
        if values:
            new.append((line, row, values | entry))
    sheet.raise_problems()

    kept = ("ref", "lead_id", "person_id", "due_on", "what", "done_at")
    created = [Created(by_id, {name: values[name] for name in kept}) for *_, values in new]
    return CheckedFollowups(
        [(line, row) for line, row, _ in new],
        convert(db, Followup, [values for *_, values in new]),
        frozenset(values["lead_id"] for *_, values in new),
        prepare_created(db, "followup.imported", Followup, created, at=now),
        ImportResult(
            len(new),
            unchanged=len(rows) - len(new),
            notices=sheet.notices,
            added_lines=[line for line, *_ in new],
        ),
    )


def keep_followups(db: Session, *, file: CheckedFollowups) -> ImportResult:
    """Insert the follow-ups of a checked file."""
    take_exclusive_lock(db)  # SQLite reads the ids of new rows under it
    columns, converted = file.followups
    ids = new_ids(db, Followup, len(converted))
    rows = [(key, *row) for key, row in zip(ids, converted, strict=True)]
    insert_converted(db, Followup, ("id", *columns), rows)
    if rows:
        record_created(db, file.entries, ids)
        collect(db, ContactChanged(file.lead_ids))
    return file.result


class _Leads:
    """The leads that the importer may see, by reference and by title."""

    def __init__(self, db: Session, eyes: Viewer | None, now: datetime) -> None:
        query = select(Lead.id, Lead.ref, Lead.title)
        if eyes:
            query = query.where(visible(eyes, civil_date(now)))
        rows = db.execute(query).all()
        seen = {row.id for row in rows}
        merged = dict(db.execute(merged_refs()).all())
        self._by_ref = {ref: lead_id for ref, lead_id in merged.items() if lead_id in seen}
        self._by_ref |= {row.ref: row.id for row in rows}
        self._by_title: defaultdict[str, list[int]] = defaultdict(list)
        for row in rows:
            self._by_title[row.title].append(row.id)

    def find(self, text: str) -> int:
        """The lead; refused as `unknown_lead`, `ambiguous_lead`."""
        if text in self._by_ref:
            return self._by_ref[text]
        found = self._by_title.get(text, [])
        if len(found) == 1:
            return found[0]
        code = "ambiguous_lead" if found else "unknown_lead"
        raise Refused(code, field="lead", lead=text)


class _Existing:
    """The follow-ups that are there; those that the importer may not see by reference alone."""

    def __init__(self, db: Session, eyes: Viewer | None, now: datetime) -> None:
        query = visible_to(eyes, civil_date(now)) if eyes else select(Followup)
        columns = [getattr(Followup, name) for name in ("ref", *REPEAT, *SAME)]
        rows = db.execute(query.with_only_columns(*columns)).all()
        self.by_ref = {ref: _comparable(values) for ref, _, _, *values in rows}
        self.repeats = {ref: (kind, number) for ref, kind, number, *_ in rows}
        self.all = {_comparable(values) for _, _, _, *values in rows}
        self.taken = set(db.scalars(select(Followup.ref)))


@value_class
class _Reader:
    leads: _Leads
    people: People
    existing: _Existing
    now: datetime

    def new(self, sheet: Sheet, row: FollowupRow) -> dict[str, Any] | None:
        """The columns of a new follow-up; none where it is there already."""
        person = self.people.find(row.person, "person")
        known = self.existing.by_ref.get(row.ref)
        lead_id = known[0] if known and not row.lead else self._lead(row)
        values = {
            "lead_id": lead_id,
            "person_id": person.id,
            "due_on": row.due_at,
            "what": row.what,
            "done_at": row.done_at,
            "result": row.result,
        }
        same = _comparable(values.values())
        repeats = typed_repetition(row.repeat or "", row.due_at)
        repeat = (repeats.kind, repeats.number) if repeats else (None, None)
        if known:
            columns = _headings(sheet, known, same)
            # of what a file may leave out, only what the row fills is compared
            if repeats and repeat != self.existing.repeats[row.ref]:
                columns = "、".join(filter(None, (columns, sheet.headings["repeat"])))
            if columns:
                raise Refused("followup_ref_taken", field="ref", ref=row.ref, columns=columns)
            return None
        if not row.ref and same in self.existing.all:
            return None
        if row.ref in self.existing.taken:
            raise Refused("duplicate_ref", field="ref", ref=row.ref)

        self._check(row, is_offered=person.is_offered)
        ref = row.ref or new_row_ref("F", civil_date(self.now))
        self.existing.by_ref[ref] = same  # a row repeated within the file must be the same
        self.existing.repeats[ref] = repeat
        self.existing.all.add(same)
        return {"ref": ref, **values, **dict(zip(REPEAT, repeat, strict=True))}

    def _lead(self, row: FollowupRow) -> int:
        if not row.lead:
            raise Refused("required", field="lead")
        return self.leads.find(row.lead)

    def _check(self, row: FollowupRow, *, is_offered: bool) -> None:
        if row.done_at and row.done_at > self.now:
            raise Refused("in_future", field="done_at")
        if row.done_at and not row.result:
            raise Refused("required", field="result")
        if row.result and not row.done_at:
            raise Refused("required", field="done_at")
        # what is open needs somebody who is there; what is finished may be of somebody who left
        if not row.done_at and not is_offered:
            raise Refused("unknown_person_in_file", field="person", person=row.person)


def _comparable(values: Any) -> tuple[Any, ...]:
    return tuple(unify_line_breaks(value) if isinstance(value, str) else value for value in values)


def _headings(sheet: Sheet, known: tuple[Any, ...], same: tuple[Any, ...]) -> str:
    columns = ("lead", "person", "due_at", "what", "done_at", "result")
    return "、".join(
        sheet.headings[name]
        for name, old, new in zip(columns, known, same, strict=True)
        if old != new
    )
