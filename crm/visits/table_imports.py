"""Visits of a bureau's table: which are new, known, known with other values, or refused (ENTRY 6).

A row without a reference is the visit of the same leader on the same dates that met one of its
companies. A known visit keeps its author; what the table says of it beside that is a change.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, selectinload

from crm.base.cells import LineOrEmpty, read_rows
from crm.base.clock import civil, civil_date, last_civil_date
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.fields import with_texts
from crm.base.locks import take_exclusive_lock
from crm.base.refs import new_row_ref
from crm.base.sheets import Row, Sheet
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.entry_grants import owners_of
from crm.people.models import Person
from crm.people.permissions import Viewer, people_in, viewer
from crm.people.queries import at_work
from crm.people.rules import WITH_RECORDS, Role
from crm.visits import batch_insert
from crm.visits.companies import stored_companies
from crm.visits.fields import VISIT_FIELDS, WORDS, CompanyMet, VisitData, data_of
from crm.visits.import_notices import Doubtful
from crm.visits.imports import (
    CellValues,
    Names,
    VisitCells,
    companies_by_line,
    data_of_row,
    names_of,
    values_of_row,
)
from crm.visits.models import Visit
from crm.visits.permissions import visible
from crm.visits.quick_times import WHOLE_DAY
from crm.visits.rules import Status
from crm.visits.service import change_visit
from crm.visits.taking_back import Unrecorded, unrecorded

Key = tuple[int, date, date]  # the leader, the first and the last date


class TableCells(VisitCells):
    """A row of a table; most bureaus have no references."""

    ref: LineOrEmpty


TableRow = with_texts(TableCells, VISIT_FIELDS)


@value_class
class Change:
    """A known visit as the table has it."""

    line: int
    visit_id: int
    data: VisitData
    columns: str  # what differs, as the table heads it


@dataclass(slots=True)
class CheckedTable:
    """The rows of a table by what an import would do with them."""

    new: list[int] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    visits: dict[int, batch_insert.CheckedVisit] = field(default_factory=dict)  # new ones, by line


@value_class
class TablePart:
    """Some rows of a checked table, ready to be kept in one transaction."""

    new: batch_insert.PreparedVisits
    changed: Sequence[Change]
    same: int


@value_class
class Right:
    """For whom somebody may enter visits: the predicate of the form, for a whole table."""

    by_id: int
    is_admin: bool
    people: frozenset[int]  # whose visits they enter without taking part

    def allows(self, people: Collection[int]) -> bool:
        """Whether a visit of these people may be entered."""
        return self.is_admin or self.by_id in people or not self.people.isdisjoint(people)


def right_to_enter(db: Session, me: Viewer, on: date) -> Right:
    """As `log_visit` checks it; refused as `not_yours`."""
    if me.role not in WITH_RECORDS:
        raise Refused("not_yours")
    people = set(db.scalars(owners_of(me.person_id, on)))
    if me.judges:
        people |= set(db.scalars(people_in(me.unit_ids, on)))
    return Right(me.person_id, me.role is Role.ADMIN, frozenset(people))


def seen_names(db: Session, me: Viewer, on: date) -> Names:
    """Everybody, and the leads that the viewer may see."""
    every = names_of(db)
    if me.role is Role.ADMIN:
        return every
    seen = set(db.scalars(select(Lead.id).where(visible_leads(me, on))))
    return Names(every.people, {ref: key for ref, key in every.leads.items() if key in seen})


def check_table(  # noqa: PLR0913 - a table and who imports it
    db: Session,
    *,
    sheet: Sheet,
    parts: Iterable[Sequence[Row]],
    by: Person,
    now: datetime,
    is_preview: bool,
) -> CheckedTable:
    """What an import would do with each row; problems go to the sheet; refused as `not_yours`.

    The rows come in parts, so that a long table is never held as values all at once. For a
    preview what is unlikely becomes a notice, as a form would ask about it; else the new visits
    are kept in what is returned.
    """
    checker = _Checker(db, sheet, viewer(db, by, civil_date(now)), now)
    doubtful = Doubtful(db, checker.on) if is_preview else None
    for part in parts:
        for line, visit in checker.check(part, by):
            if doubtful:
                doubtful.add(visit, line, f"第 {line} 行")
            else:
                checker.checked.visits[line] = visit

    if doubtful:
        sheet.notices += doubtful.notices()
    return checker.checked


def part_of(
    db: Session, checked: CheckedTable, lines: Collection[int], *, now: datetime
) -> TablePart:
    """Prepare these lines, which needs no lock and takes as long as a quarter of the check."""
    new = [checked.visits[line] for line in lines if line in checked.visits]
    changed = [change for change in checked.changed if change.line in lines]
    same = sum(line in lines for line in checked.same)
    return TablePart(batch_insert.prepare(db, new, now=now), changed, same)


def keep_part(
    db: Session, *, part: TablePart, by: Person, now: datetime
) -> Mapping[int, Unrecorded]:
    """Enter what is new and change what is known.

    Returns of each changed visit what must be known to undo that. Refused as `change_visit` is.
    """
    if part.new.count:
        take_exclusive_lock(db)  # SQLite reads the ids of new rows under it
        batch_insert.insert_prepared(db, part.new, now=now)
    was = {}
    for change in part.changed:
        visit = db.get_one(Visit, change.visit_id)
        was[visit.id] = unrecorded(db, visit)
        change_visit(db, visit=visit, data=change.data, by=by, now=now)
    return was


def _without_moments(row: Any, by: Person) -> Any:
    """ENTRY 6: moments and verdicts are read for admins alone; else the server's time stands."""
    if by.role is Role.ADMIN or not (row.logged_at or row.entered_at or row.verdict):
        return row
    return row.model_copy(update={"logged_at": None, "entered_at": None, "verdict": None})


class _Checker:
    """What is known of the zone, read once for the whole table."""

    def __init__(self, db: Session, sheet: Sheet, me: Viewer, now: datetime) -> None:
        self.db, self.sheet, self.me, self.now = db, sheet, me, now
        self.on = civil_date(now)
        self.names = seen_names(db, me, self.on)
        self.right = right_to_enter(db, me, self.on)
        self.offered = set(db.scalars(select(Person.id).where(at_work(self.on))))
        self.checked = CheckedTable()
        self.by_ref: dict[str, Visit | None] = {}  # of the part
        self.by_key: defaultdict[Key, list[Visit]] = defaultdict(list)  # of the part
        self.of_file: dict[tuple[Key, object], int] = {}  # lines by each company met
        self.refs: dict[str, int] = {}

    def check(
        self, part: Sequence[Row], by: Person
    ) -> Iterator[tuple[int, batch_insert.CheckedVisit]]:
        """Say what becomes of the rows of a part; yields what is new, with its line."""
        self.sheet.rows = part
        rows = [(line, _without_moments(row, by)) for line, row in read_rows(self.sheet, TableRow)]
        values = {line: values_of_row(row, self.names, self.sheet, line) for line, row in rows}
        companies = companies_by_line(self.db, values, self.me, self.on)
        self.find_known(row.ref for _, row in rows if row.ref)
        self.find_same({line: found for line, found in values.items() if found})

        for line, row in rows:
            if not values[line]:
                continue
            try:
                visit = self.place(line, row, values[line], companies[line])
            except Refused as why:
                self.sheet.add_problem(line, why)
                continue
            if visit:
                self.checked.new.append(line)
                yield line, visit

    def find_known(self, refs: Any) -> None:
        """Look up the references of the table; None stands for a visit that is not to be seen."""
        self.by_ref.clear()
        for part in batches(sorted(set(refs))):
            taken = set(self.db.scalars(select(Visit.ref).where(Visit.ref.in_(part))))
            self.by_ref |= dict.fromkeys(taken)
            for visit in self._visits(Visit.ref.in_(part)):
                self.by_ref[visit.ref] = visit

    def find_same(self, rows: Mapping[int, CellValues]) -> None:
        """Look up the visits of the same leaders in the time of the table."""
        self.by_key.clear()
        if not rows:
            return
        met: defaultdict[Key, set[object]] = defaultdict(set)  # None: a row names no company
        for row in rows.values():
            met[_key(row)].update(row["companies"] or (None,))
        for part in batches(self._ids_at(met)):
            companies = stored_companies(self.db, [visit_id for visit_id, _ in part])
            # most visits of a day met others than the table names
            likely = []
            for visit_id, key in part:
                stored = {one.key for one in companies.get(visit_id, ()) if one.is_company}
                if not met[key].isdisjoint(stored or (None,)):
                    likely.append(visit_id)
            for visit in self._visits(Visit.id.in_(likely)) if likely else ():
                self.by_key[visit.leader_id, visit.first_on, visit.last_on].append(visit)

    def _ids_at(self, keys: Collection[Key]) -> list[tuple[int, Key]]:
        """Visits of these leaders on these dates, whoever may see them."""
        days: defaultdict[int, set[date]] = defaultdict(set)
        for leader_id, first_on, _ in keys:
            days[leader_id].add(first_on)
        found: list[tuple[int, Key]] = []
        # each leader by themself: all of an unsorted table have all visits of the zone on its dates
        for leader_id, of_leader in days.items():
            for part in batches(sorted(of_leader)):
                rows = self.db.execute(_OF_LEADER, {"leader_id": leader_id, "days": part})
                of_part = ((visit_id, (leader_id, *dates)) for visit_id, *dates in rows)
                found += [(visit_id, key) for visit_id, key in of_part if key in keys]
        return found

    def _visits(self, condition: Any) -> Sequence[Visit]:
        query = select(Visit).where(condition, visible(self.me, self.on)).order_by(Visit.id)
        loaded = (selectinload(name) for name in (Visit.participants, Visit.leads, Visit.companies))
        return self.db.scalars(query.options(*loaded)).all()

    def place(
        self, line: int, row: Any, values: CellValues, companies: Sequence[CompanyMet]
    ) -> batch_insert.CheckedVisit | None:
        """The visit, where the row tells of a new one; refused as the form refuses it."""
        people = {values["leader"], *values["participants"]}
        if not self.right.allows(people):
            raise Refused("not_yours", field="leader")
        if known := self._known(row, values):
            self._compare(line, known, values)
            return None

        ref = row.ref or new_row_ref("V", self.on)
        self._refuse_repeat(line, ref, values)
        if not people <= self.offered and self.me.role is not Role.ADMIN:
            raise Refused("no_such_person", field="participants")
        data = data_of_row(ref, values)
        moments = {"logged_at": row.logged_at, "entered_at": row.entered_at}
        visit = batch_insert.ImportedVisit(
            data, verdict=row.verdict, entered_by=self.me.person, **moments
        )
        return batch_insert.checked(visit, companies, now=self.now)

    def _known(self, row: Any, values: CellValues) -> Visit | None:
        if row.ref in self.by_ref:
            visit = self.by_ref[row.ref]
            if visit is None:
                raise Refused("duplicate_ref", field="ref", ref=row.ref)
            return visit
        if row.ref:
            return None
        for visit in self.by_key[_key(values)]:
            met = {company.company_id or company.folded for company in visit.companies}
            if met & values["companies"] or (not met and not values["companies"]):
                return visit
        return None

    def _refuse_repeat(self, line: int, ref: str, values: CellValues) -> None:
        """Refuse a row that tells of the same visit as an earlier one."""
        if ref in self.refs:
            raise Refused("row_repeats", field="ref", line=self.refs[ref])
        self.refs[ref] = line
        keys = [(_key(values), company) for company in values["companies"] or (None,)]
        if earlier := [self.of_file[key] for key in keys if key in self.of_file]:
            raise Refused("row_repeats", field="companies", line=min(earlier))
        self.of_file |= dict.fromkeys(keys, line)

    def _compare(self, line: int, visit: Visit, values: CellValues) -> None:
        """Compare what the table tells with the visit on record; what it leaves out stays."""
        was = data_of(visit)
        given = {
            name: values[name]
            for name in ("kind", "channel", "status", "city")
            if name in self.sheet.headings and values[name] not in (None, "")
        }
        if not _is_usual_day(values) or _key(values)[1:] != (visit.first_on, visit.last_on):
            given |= {name: values[name] for name in ("starts_at", "ends_at")}
        given |= {name: values[name] for name in WORDS if values[name]}
        now = replace(was, **given)
        added = set(values["participants"]) - {visit.leader_id} - was.joined_by
        if added:
            now = replace(now, participant_ids=was.joined_by | added)
        if leads := set(values["leads"]) - set(was.lead_ids):
            now = replace(now, lead_ids={*was.lead_ids, *leads})
        now = self._with_companies(now, was, values)

        columns = [name for name in VisitData.__dataclass_fields__ if _differs(now, was, name)]
        if not columns:
            self.checked.same.append(line)
            return
        named = "、".join(
            self.sheet.headings.get(_HEADED.get(name, name), name) for name in columns
        )
        self.checked.changed.append(Change(line, visit.id, now, named))

    def _with_companies(self, now: VisitData, was: VisitData, values: CellValues) -> VisitData:
        known = {company.key for company in was.companies}
        missing = values["companies"] - known
        if not missing:
            return now
        added = [
            CompanyMet(company_id=key) if isinstance(key, int) else CompanyMet(name=str(key))
            for key in missing
        ]
        return replace(now, companies=(*was.companies, *added))


_VISIT = Visit.__table__.c
_OF_LEADER = select(_VISIT.id, _VISIT.first_on, _VISIT.last_on).where(
    _VISIT.leader_id == bindparam("leader_id"),
    _VISIT.first_on.in_(bindparam("days", expanding=True)),
    _VISIT.status != Status.CANCELLED,
)
_HEADED = {"participant_ids": "participants", "lead_ids": "leads"}


def _key(values: CellValues) -> Key:
    first, end = civil_date(values["starts_at"]), values["ends_at"]
    return values["leader"], first, last_civil_date(end)


def _is_usual_day(values: CellValues) -> bool:
    """Whether its hours are those of a row that names none."""
    begin, end = civil(values["starts_at"]).time(), civil(values["ends_at"]).time()
    return (begin, end) == WHOLE_DAY


def _differs(now: VisitData, was: VisitData, name: str) -> bool:
    new, old = getattr(now, name), getattr(was, name)
    if isinstance(new, str) or isinstance(old, str):
        return (new or "") != (old or "")
    return bool(new != old)
