"""Org units added, renamed, moved in the tree and ordered."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.people.models import Person, Unit
from crm.people.queries import read_units, units_below
from crm.people.rules import UnitKind


@value_class(kw_only=True)
class UnitData:
    """A unit's values; the lower position comes first among the units of one parent."""

    name: str
    kind: UnitKind
    parent_id: int | None
    position: int
    inspects: bool = False
    coordinates: bool = False


def add_unit(db: Session, *, code: str, data: UnitData, by: Person | None, now: datetime) -> Unit:
    """Add a unit to the tree; refused as `duplicate_unit`, `no_such_unit`."""
    _hold_tree(db)
    if db.scalar(select(Unit.id).where(Unit.code == code)) is not None:
        raise Refused("duplicate_unit", field="code", taken=code)
    _check_parent(db, data.parent_id)

    unit = Unit(code=code, **_columns(data))
    db.add(unit)
    record(db, "unit.added", unit, by=by, at=now, after={"code": code, **_columns(data)})
    return unit


def change_unit(
    db: Session, *, unit: Unit, data: UnitData, by: Person | None, now: datetime
) -> bool:
    """Rename, move or reorder a unit; refused as `unit_under_itself`, `no_such_unit`."""
    _hold_tree(db)
    _check_parent(db, data.parent_id)
    # the unit itself is among those below it
    if data.parent_id in units_below(read_units(db), {unit.id}):
        raise Refused("unit_under_itself", field="parent_id", unit=unit.name)

    before, after = changes(unit, _columns(data))
    if after:
        record(db, "unit.changed", unit, by=by, at=now, before=before, after=after)
    return bool(after)


def remove_unit(db: Session, *, unit: Unit, by: Person | None, now: datetime) -> None:
    """Remove a unit that nothing refers to; the trail keeps its values."""
    before = {"code": unit.code, "name": unit.name, "parent_id": unit.parent_id}
    record(db, "unit.removed", unit, by=by, at=now, before=before)
    db.delete(unit)
    db.flush()


def _columns(data: UnitData) -> dict[str, object]:
    return {
        "name": data.name,
        "kind": data.kind,
        "parent_id": data.parent_id,
        "position": data.position,
        "inspects": data.inspects,
        "coordinates": data.coordinates,
    }


def _check_parent(db: Session, parent_id: int | None) -> None:
    if parent_id is not None and db.get(Unit, parent_id) is None:
        raise Refused("no_such_unit", field="parent_id")


def _hold_tree(db: Session) -> None:
    """Lock the tree: two concurrent moves could make a ring."""
    db.execute(select(Unit.id).order_by(Unit.id).with_for_update(key_share=True))
