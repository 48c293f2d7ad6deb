"""Hand an order over when its person or officer leaves (REGIME 2)."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.locks import hold
from crm.people.models import Person
from crm.supervision.history import note
from crm.supervision.models import Order
from crm.supervision.rules import EntryKind


def replace_person(
    db: Session, *, order: Order, to: Person | None, by: Person | None, now: datetime
) -> None:
    """Change the responsible person; without one, the leading unit answers."""
    hold(db, order)  # a step taken since it was read may have changed it
    before, order.person_id = order.person_id, to.id if to else None
    text = f"责任人改为{to.name}（交接）" if to else "原责任人账号停用，由牵头单位办理"
    _record(db, order, "person_id", before, text, by=by, now=now)


def replace_officer(
    db: Session, *, order: Order, to: Person | None, by: Person | None, now: datetime
) -> None:
    """Change the officer; without one, the nearest person above decides."""
    hold(db, order)  # a step taken since it was read may have changed it
    before, order.officer_id = order.officer_id, to.id if to else None
    text = f"经办人改为{to.name}（交接）" if to else "原经办人账号停用，由上级督查办理"
    _record(db, order, "officer_id", before, text, by=by, now=now)


def _record(  # noqa: PLR0913 - an entry has that many parts
    db: Session,
    order: Order,
    name: str,
    before: int | None,
    text: str,
    *,
    by: Person | None,
    now: datetime,
) -> None:
    note(db, order, EntryKind.NOTED, by=by, now=now, text=text)

    after = {name: getattr(order, name)}
    record(db, "order.handed_over", order, by=by, at=now, before={name: before}, after=after)
    # what was loaded is from before the change
    db.expire(order, ["person", "officer", "entries"])
