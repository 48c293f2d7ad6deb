"""Holding delivery: messages are made and can be read, but none leaves until a person says so."""

from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.errors import Refused
from crm.base.outbox import Message, State
from crm.jobs.models import DeliveryHold
from crm.people.models import Person
from crm.people.rules import SYSTEM

ONLY = 1  # the id of the one row
WAITING = (State.PENDING, State.AMBIGUOUS)
LEFT_IN_MAILBOX = "恢复发信时未发送，只存入站内信箱"


def hold_of(db: Session) -> DeliveryHold | None:
    """The hold on delivery, if there is one."""
    return db.get(DeliveryHold, ONLY)


def is_held(db: Session) -> bool:
    """Whether nothing may be delivered; every channel asks before it sends."""
    return bool(db.scalar(select(exists(select(DeliveryHold.id)))))


def waiting_count(db: Session) -> int:
    """How many messages would be sent if delivery went on."""
    return db.scalar(select(func.count()).where(Message.state.in_(WAITING))) or 0


def hold_delivery(db: Session, *, why: str, by: Person | None, now: datetime) -> DeliveryHold:
    """Deliver nothing from now on, but for the batch under way.

    Refused as `not_yours`, `required`, `delivery_held`.
    """
    _require_admin(by)
    if not (why := " ".join(why.split())):
        raise Refused("required", field="why")
    if found := hold_of(db):
        raise Refused("delivery_held", why=found.why)

    hold = DeliveryHold(id=ONLY, held_at=now, by_id=by.id if by else None, why=why)
    db.add(hold)
    record(db, "delivery.held", hold, by=by, at=now, after={"reason": why})

    return hold


def release_delivery(db: Session, *, mail_waiting: bool, by: Person | None, now: datetime) -> int:
    """Deliver again; without `mail_waiting` what waits stays in the mailbox only. Returns how much.

    Refused as `not_yours`, `delivery_not_held`.
    """
    _require_admin(by)
    if (hold := hold_of(db)) is None:
        raise Refused("delivery_not_held")

    count = waiting_count(db)
    if not mail_waiting:
        values = {"state": State.SKIPPED, "note": LEFT_IN_MAILBOX, "claimed_until": None}
        waiting = update(Message).where(Message.state.in_(WAITING))
        db.execute(waiting.values(values), execution_options={"synchronize_session": False})
    after = {"waiting": count, "mailed": mail_waiting}
    record(db, "delivery.released", hold, by=by, at=now, before={"reason": hold.why}, after=after)
    db.delete(hold)
    db.flush()

    return count


def _require_admin(by: Person | None) -> None:
    if by is not None and by.role not in SYSTEM:  # None: the operator of the server
        raise Refused("not_yours")
