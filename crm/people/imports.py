"""People with their postings, from a file: all of it or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from crm.base.cells import (
    Day,
    DayOrNone,
    Line,
    Required,
    Username,
    YesUnlessNo,
    one_of,
    read_row,
)
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.names import folded
from crm.base.sheets import ImportResult, Sheet, SheetRefused, Source, read_sheet
from crm.base.usernames import ByUsername, fold_username, new_username
from crm.base.value_class import value_class
from crm.people import service
from crm.people.fields import PEOPLE_COLUMNS, PERSON_FIELDS, ContactCells
from crm.people.models import Person, Posting, Unit
from crm.people.rules import Duty, Role

OF_POSTING = ("unit", "duty", "from", "to")  # all empty where a row tells of none
# What all rows of one person agree on.
OF_PERSON = tuple(name for name, field in PERSON_FIELDS.items() if field.in_form)
Key = tuple[int, Duty, bool, date]  # what makes it the same posting, whenever that ends


class AccountRow(ContactCells):
    """The account that a row is about, with its contact data."""

    username: Username


class PersonRow(AccountRow):
    """A row without a posting."""

    model_config = ConfigDict(extra="ignore")

    role: Annotated[Role, one_of(Role), Required]


class PostingRow(AccountRow):
    """A row with a posting."""

    unit: Line
    duty: Annotated[Duty, one_of(Duty), Required]
    role: Annotated[Role, one_of(Role), Required]
    from_on: Day = Field(alias="from")
    to_on: DayOrNone = Field(alias="to")
    is_primary: YesUnlessNo = Field(default=True, alias="primary")


@value_class
class WantedPosting:
    """A row of the file as a posting that is to be there."""

    line: int
    row: PostingRow
    unit: Unit

    @property
    def key(self) -> Key:
        """The key that matches it to an existing posting."""
        return self.unit.id, self.row.duty, self.row.is_primary, self.row.from_on


@value_class
class WithoutPosting:
    """A row of the file without a posting."""

    line: int
    row: PersonRow


@dataclass(slots=True)
class Plan:
    """What is to be done for the rows of one person."""

    person: Person | None
    rows: Sequence[WantedPosting | WithoutPosting]
    new: list[WantedPosting] = field(default_factory=list)
    moved: list[tuple[WantedPosting, Posting]] = field(default_factory=list)


def is_own_file(content: bytes) -> bool:
    """Whether the file has our columns, and is no roster of a bureau; one that is broken counts."""
    from crm.base.open_files import open_file  # noqa: PLC0415 - see there

    own = {
        folded(text): column.code
        for column in PEOPLE_COLUMNS
        for text in (column.code, column.name)
    }
    try:
        rows = open_file(content).grid("").rows
    except SheetRefused:
        return True
    head = rows[0][1] if rows else []
    return not rows or {"username", "role"} <= {own.get(folded(cell), "") for cell in head}


def import_people(
    db: Session, *, content: Source, by: Person | None, now: datetime
) -> ImportResult:
    """Add the people and postings of a file and update known ones; raises `SheetRefused`."""
    sheet = read_sheet(content, PEOPLE_COLUMNS)
    take_exclusive_lock(db)  # before any row is held: admins, too, are changed here
    everybody = db.scalars(select(Person).options(selectinload(Person.postings)))
    known = ByUsername((person.username, person) for person in everybody)
    plans = [
        _plan(sheet, known.get(name), rows) for name, rows in _by_account(db, sheet, known).items()
    ]
    sheet.raise_problems()
    outcome = ImportResult(notices=sheet.notices)

    for plan in plans:
        try:
            _carry_out(db, plan, outcome, by=by, now=now)
        except Refused as why:
            sheet.add_problem(plan.rows[0].line, why)

    sheet.raise_problems()

    return outcome


def _by_account(
    db: Session, sheet: Sheet, known: ByUsername[Person]
) -> dict[str, list[WantedPosting | WithoutPosting]]:
    """The rows by the account that each means, or by the name of a new one."""
    taken = {fold_username(name): name for name in known}
    rows: dict[str, list[WantedPosting | WithoutPosting]] = {}
    for request in _requests(db, sheet):
        try:
            name = _account(known, taken, request.row.username)
        except Refused as why:
            sheet.add_problem(request.line, why)
        else:
            rows.setdefault(name, []).append(request)
    return rows


def _account(known: ByUsername[Person], taken: Mapping[str, str], typed: str) -> str:
    """The name of the account; a new one is refused where it would be taken for another."""
    if typed in known:
        return known[typed].username

    name = new_username(typed)
    if name in taken:
        raise Refused("duplicate_username", field="username", username=taken[name])
    return name


def unit_called(units: Sequence[Unit], name: str) -> Unit:
    """The unit of that code, or of that name where only one has it."""
    # codes first: they are unique, names need not be
    called = [unit for unit in units if unit.code == name] or [
        unit for unit in units if folded(unit.name) == folded(name)
    ]
    if not called:
        raise Refused("unknown_unit", field="unit", unit=name)
    if len(called) > 1:
        codes = "、".join(sorted(unit.code for unit in called))
        raise Refused("ambiguous_unit", field="unit", unit=name, codes=codes)
    return called[0]


def _requests(db: Session, sheet: Sheet) -> Iterator[WantedPosting | WithoutPosting]:
    """The rows that can be read, those with a posting if its unit is known."""
    units = db.scalars(select(Unit)).all()
    for row in sheet.rows:
        if not any(row.cells.get(name) for name in OF_POSTING):
            if alone := read_row(sheet, row, PersonRow):
                yield WithoutPosting(row.line, alone)
        elif posting := read_row(sheet, row, PostingRow):
            try:
                yield WantedPosting(row.line, posting, unit_called(units, posting.unit))
            except Refused as why:
                sheet.add_problem(row.line, why)


def _plan(
    sheet: Sheet, person: Person | None, rows: Sequence[WantedPosting | WithoutPosting]
) -> Plan:
    _blame_disagreement(sheet, rows)
    plan = Plan(person, rows)
    existing = {
        (posting.unit_id, posting.duty, posting.is_primary, posting.from_on): posting
        for posting in (person.postings if person else [])
    }
    seen: dict[Key, WantedPosting] = {}

    for wanted in rows:
        if isinstance(wanted, WithoutPosting):
            continue
        row, first = wanted.row, seen.setdefault(wanted.key, wanted)
        if row.to_on and row.to_on < row.from_on:
            sheet.add_problem(wanted.line, Refused("last_day_before_first", field="to"))
        elif first.row.to_on != row.to_on:
            sheet.add_problem(wanted.line, Refused("row_disagrees", field="to", line=first.line))
        elif first is not wanted:
            continue
        elif wanted.key not in existing:
            plan.new.append(wanted)
        elif existing[wanted.key].to_on != row.to_on:
            plan.moved.append((wanted, existing[wanted.key]))

    _blame_overlaps(sheet, plan)

    return plan


def _blame_disagreement(sheet: Sheet, rows: Sequence[WantedPosting | WithoutPosting]) -> None:
    first = rows[0]
    for other in rows[1:]:
        for name in OF_PERSON:
            if getattr(other.row, name) != getattr(first.row, name):
                sheet.add_problem(other.line, Refused("row_disagrees", field=name, line=first.line))


def _blame_overlaps(sheet: Sheet, plan: Plan) -> None:
    """Refuse overlapping primary postings with their lines, before the database does (REGIME 2)."""
    moved = {posting.id: wanted for wanted, posting in plan.moved}
    spans: list[tuple[date, date | None, int]] = [
        (wanted.row.from_on, wanted.row.to_on, wanted.line)
        for wanted in plan.new
        if wanted.row.is_primary
    ]

    # line 0: not of the file, so that no problem is reported there
    for posting in plan.person.postings if plan.person else []:
        if posting.is_primary:
            wanted = moved.get(posting.id)
            to_on, line = (wanted.row.to_on, wanted.line) if wanted else (posting.to_on, 0)
            spans.append((posting.from_on, to_on, line))

    spans.sort(key=lambda span: (span[0], span[2]))
    reach, of_line, since = date.min, 0, date.min

    for from_on, to_on, line in spans:
        if from_on <= reach and (line or of_line):
            other_from_on = since if line else from_on
            overlap = Refused("overlapping_posting", field="from", from_on=other_from_on)
            sheet.add_problem(line or of_line, overlap)
        if (to_on or date.max) > reach:
            reach, of_line, since = to_on or date.max, line, from_on


def _carry_out(
    db: Session, plan: Plan, outcome: ImportResult, *, by: Person | None, now: datetime
) -> None:
    first = plan.rows[0].row
    values = {name: getattr(first, name) for name in OF_PERSON}
    changed = False
    if plan.person:
        changed = service.change_person(db, person=plan.person, by=by, now=now, **values)

    person = plan.person or service.add_person(
        db, username=first.username, by=by, now=now, **values
    )
    # Shortened postings first: a new one may begin where an old one now ends.
    for wanted, posting in plan.moved:
        service.end_posting(db, posting=posting, to_on=wanted.row.to_on, by=by, now=now)

    for wanted in plan.new:
        service.add_posting(
            db,
            person=person,
            unit=wanted.unit,
            duty=wanted.row.duty,
            is_primary=wanted.row.is_primary,
            from_on=wanted.row.from_on,
            to_on=wanted.row.to_on,
            by=by,
            now=now,
        )

    _count(plan, outcome, changed=changed)


def _count(plan: Plan, outcome: ImportResult, *, changed: bool) -> None:
    new = {wanted.line for wanted in plan.new}
    if plan.person is None:
        new.add(plan.rows[0].line)
    updated = {wanted.line for wanted, _ in plan.moved}
    if changed:
        updated.add(plan.rows[0].line)
    # a row counts once: as added, else as updated
    updated -= new
    outcome.added += len(new)
    outcome.added_lines += new
    outcome.updated += len(updated)
    outcome.updated_lines += updated
    outcome.unchanged += len(plan.rows) - len(new) - len(updated)
