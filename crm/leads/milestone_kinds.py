"""The kinds of milestones: the stages of the line, and the zone's side milestones (PROJECTS 1)."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.names import folded, pinyin
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.leads.models import MilestoneKind
from crm.leads.rules import LINE, Stage
from crm.people.models import Person

STAGE_CODES = frozenset(stage.value for stage in Stage)
LONGEST_CODE = 24
Saved = TypeVar("Saved")


@value_class
class Kinds:
    """The kinds of a zone at one moment."""

    names: Mapping[str, str]  # of all kinds by code, those out of use, too
    side: tuple[str, ...]  # the side milestones in use, in the zone's order

    @property
    def ahead(self) -> tuple[str, ...]:
        """What may be planned: the stages after the first, then the side milestones."""
        return (*(stage.value for stage in LINE[1:]), *self.side)


@value_class
class KindData:
    """What an admin says of a side milestone."""

    name: str
    position: int
    is_used: bool = True


def milestone_kinds(db: Session) -> Kinds:
    """The kinds, remembered until one changes."""
    return remembered_long(db, "milestone_kinds", read=lambda: _read(db))


def _read(db: Session) -> Kinds:
    stages = {stage.value: stage.label for stage in Stage}
    rows = side_kinds(db)
    names = stages | {row.code: row.name for row in rows}
    return Kinds(names, tuple(row.code for row in rows if row.is_used))


def side_kinds(db: Session) -> Sequence[MilestoneKind]:
    """The side milestones in the zone's order, those out of use, too."""
    query = select(MilestoneKind).where(MilestoneKind.code.not_in(STAGE_CODES))
    return db.scalars(query.order_by(MilestoneKind.position, MilestoneKind.id)).all()


def require_used(db: Session, code: str, field: str = "kind") -> str:
    """The name of a kind that may be reached or planned; refused as `unknown_milestone`."""
    kinds = milestone_kinds(db)
    if code not in STAGE_CODES and code not in kinds.side:
        raise Refused("unknown_milestone", field=field)
    return kinds.names[code]


def add_kind(
    db: Session, *, data: KindData, by: Person | None, now: datetime, code: str = ""
) -> MilestoneKind:
    """Add a side milestone; without a code it gets one from the name's pinyin.

    Refused as `required`, `name_taken`.
    """
    values = _checked(db, data)
    kind = MilestoneKind(code=code or _free_code(db, data.name), **values)
    _save(db, lambda: db.add(kind))
    after = {"code": kind.code} | values
    record(db, "milestone_kind.added", kind, by=by, at=now, after=after)
    return kind


def change_kind(
    db: Session, *, kind: MilestoneKind, data: KindData, by: Person, now: datetime
) -> None:
    """Rename or move a side milestone, or take it out of use; its code stays.

    Refused as `required`, `name_taken`, `unknown_milestone`.
    """
    if kind.code in STAGE_CODES:  # the stages of the line are fixed
        raise Refused("unknown_milestone")

    values = _checked(db, data, but=kind)
    before, after = _save(db, lambda: changes(kind, values))
    if after:
        record(db, "milestone_kind.changed", kind, by=by, at=now, before=before, after=after)


def _save(db: Session, change: Callable[[], Saved]) -> Saved:
    try:
        with db.begin_nested():
            saved = change()
            db.flush()
    except IntegrityError as error:  # two admins chose one name at once
        raise Refused("name_taken", field="name") from error
    return saved


def _checked(db: Session, data: KindData, but: MilestoneKind | None = None) -> dict[str, Any]:
    """The columns, where no other kind has the name; stages count, too."""
    name = data.name.strip()
    if not name:
        raise Refused("required", field="name")

    rows = db.execute(select(MilestoneKind.code, MilestoneKind.name)).all()
    others = (row.name for row in rows if not but or row.code != but.code)
    if folded(name) in map(folded, others):
        raise Refused("name_taken", field="name")

    return {"name": name, "position": data.position, "is_used": data.is_used}


def _free_code(db: Session, name: str) -> str:
    taken = set(db.scalars(select(MilestoneKind.code)))
    # letters and digits alone: a code stands in addresses
    words = re.findall(r"[a-z0-9]+", pinyin(name))
    base = "_".join(words)[:LONGEST_CODE] or "side"
    numbered = (f"{base}_{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(code for code in numbered if code not in taken)
