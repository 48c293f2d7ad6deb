"""Org units from a file, in whatever order its rows stand: all of it or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.cells import Cells, Line, LineOrNone, YesNoOrNone, one_of, read_rows
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.names import folded
from crm.base.sheets import Column, ImportResult, Sheet, Source, read_sheet
from crm.people.directory import last_position
from crm.people.imports import unit_called
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer
from crm.people.queries import unit_tree
from crm.people.roster_units import LONGEST_CODE, code_for
from crm.people.roster_words import kind_of
from crm.people.rules import UnitKind
from crm.people.units import UnitData, add_unit, change_unit

UNIT_COLUMNS = (
    Column("name", "单位名称", "招商一科"),
    Column("parent", "上级单位", "招商局"),
    Column("kind", "类型", UnitKind.TEAM.label, optional=True),
    Column("code", "编号", "zsj-yike", optional=True),
    Column("inspects", "负责督查考核", "否", optional=True),
    Column("coordinates", "统筹单位", "否", optional=True),
)


class UnitRow(Cells):
    """One unit; of a known one an empty cell changes nothing."""

    name: Line
    parent: LineOrNone
    kind: Annotated[UnitKind | None, one_of(UnitKind)] = None
    code: LineOrNone = None
    inspects: YesNoOrNone = None
    coordinates: YesNoOrNone = None


@dataclass(slots=True)
class _Import:
    """The units as they stand while the rows are taken one after the other."""

    db: Session
    units: list[Unit]
    by: Person | None
    now: datetime
    lines: dict[int, int]  # of the row that spoke of a unit, by its id

    def take(self, line: int, row: UnitRow, outcome: ImportResult) -> None:
        """Add the unit, or change the known one."""
        parent = self._parent(row)
        unit = self._known(row, parent)
        if unit is None:
            unit = self._add(row, parent)
            outcome.note(line, is_new=True)
        elif unit.id in self.lines:
            raise Refused("row_repeats_unit", field="name", line=self.lines[unit.id])
        elif self._change(unit, row, parent):
            outcome.updated += 1
            outcome.updated_lines.append(line)
        else:
            outcome.note(line, is_new=False)
        self.lines[unit.id] = line

    def _parent(self, row: UnitRow) -> Unit | None:
        if row.parent is None:
            return None
        try:
            return unit_called(self.units, row.parent)
        except Refused as why:
            raise Refused(why.code, "parent", **why.facts) from None

    def _known(self, row: UnitRow, parent: Unit | None) -> Unit | None:
        """The unit that the row means; refused as `ambiguous_unit`, `unit_of_other_code`."""
        if row.code and (known := [unit for unit in self.units if unit.code == row.code]):
            return known[0]
        alike = [unit for unit in self.units if folded(unit.name) == folded(row.name)]
        if row.code or parent:
            above = parent or self._zone
            alike = [unit for unit in alike if above and unit.parent_id == above.id]
        if row.code and alike:
            raise Refused("unit_of_other_code", field="code", unit=row.name, taken=alike[0].code)
        if len(alike) > 1:
            codes = "、".join(sorted(unit.code for unit in alike))
            raise Refused("ambiguous_unit", field="name", unit=row.name, codes=codes)
        return alike[0] if alike else None

    @property
    def _zone(self) -> Unit | None:
        tops = [unit for unit in self.units if unit.parent_id is None]
        zones = [unit for unit in tops if unit.kind is UnitKind.ZONE]
        return next(iter(zones or (tops if len(tops) == 1 else ())), None)

    def _add(self, row: UnitRow, parent: Unit | None) -> Unit:
        zone = self._zone
        # a bureau's table leaves the zone out, below which all of it stands
        above = parent or (None if row.kind is UnitKind.ZONE else zone)
        code = row.code or code_for(
            row.name,
            above.code if above and above is not zone else "",
            {unit.code for unit in self.units},
        )
        if len(code) > LONGEST_CODE:
            raise Refused("text_too_long", field="code", longest=LONGEST_CODE)
        usual = kind_of(row.name, is_below_zone=above is zone) if self.units else UnitKind.ZONE
        data = UnitData(
            name=row.name,
            kind=row.kind or usual,
            parent_id=above.id if above else None,
            position=last_position(self.db, above.id if above else None) + 1,
            inspects=bool(row.inspects),
            coordinates=bool(row.coordinates),
        )
        unit = add_unit(self.db, code=code, data=data, by=self.by, now=self.now)
        self.db.flush()
        self.units.append(unit)
        return unit

    def _change(self, unit: Unit, row: UnitRow, parent: Unit | None) -> bool:
        moves = parent is not None and parent.id != unit.parent_id
        data = UnitData(
            name=row.name,
            kind=row.kind or unit.kind,
            parent_id=parent.id if parent else unit.parent_id,
            position=last_position(self.db, parent.id) + 1 if moves and parent else unit.position,
            inspects=unit.inspects if row.inspects is None else row.inspects,
            coordinates=unit.coordinates if row.coordinates is None else row.coordinates,
        )
        try:
            is_changed = change_unit(self.db, unit=unit, data=data, by=self.by, now=self.now)
        except Refused as why:
            raise Refused(why.code, "parent", **why.facts) from None
        self.db.flush()
        return is_changed


def import_units(db: Session, *, content: Source, by: Person | None, now: datetime) -> ImportResult:
    """Add the units of a file and update known ones; raises `SheetRefused`."""
    sheet = read_sheet(content, UNIT_COLUMNS)
    take_exclusive_lock(db)
    rows = list(read_rows(sheet, UnitRow))
    outcome = ImportResult(notices=sheet.notices)
    units = list(db.scalars(select(Unit).order_by(Unit.position, Unit.code)))
    taking = _Import(db, units, by, now, {})

    left = len(rows) + 1
    while rows and len(rows) < left:
        left = len(rows)
        rows = _take_those_below_known(taking, sheet, rows, outcome)
    for line, row in rows:  # nothing above them is known, or they stand below one another
        sheet.add_problem(line, Refused("unknown_unit", field="parent", unit=row.parent))

    sheet.raise_problems()
    return outcome


def _take_those_below_known(
    taking: _Import, sheet: Sheet, rows: Sequence[tuple[int, UnitRow]], outcome: ImportResult
) -> list[tuple[int, UnitRow]]:
    """Take the rows whose parent is known by now; returns those that wait for another row."""
    waiting = []
    for place, (line, row) in enumerate(rows):
        others = [other for at, (_, other) in enumerate(rows) if at != place]
        try:
            taking.take(line, row, outcome)
        except Refused as why:
            if why.code == "unknown_unit" and _is_among(row.parent or "", others):
                waiting.append((line, row))
            else:
                sheet.add_problem(line, why)
    return waiting


def _is_among(name: str, rows: Sequence[UnitRow]) -> bool:
    return any(row.code == name or folded(row.name) == folded(name) for row in rows)


def unit_rows(db: Session, _viewer: Viewer | None, _on: date) -> list[dict[str, object]]:
    """All units, each after the one above it, as the import reads them again."""
    units = [node.unit for node in unit_tree(db)]
    codes = {unit.id: unit.code for unit in units}
    return [
        {
            "name": unit.name,
            "parent": codes[unit.parent_id] if unit.parent_id else None,
            "kind": unit.kind,
            "code": unit.code,
            "inspects": unit.inspects,
            "coordinates": unit.coordinates,
        }
        for unit in units
    ]
