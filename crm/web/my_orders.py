"""What of supervision orders and reminders concerns the signed-in person today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.people.queries import Viewer
from crm.supervision.queries import waiting_for
from crm.supervision.reminded import Reminded, unread_reminders
from crm.web.supervision_lines import OrderLine, waiting_line

MOST = 5  # lines on my day; the register has all


@dataclass(frozen=True, slots=True)
class MyOrders:
    """What waits for me, the most pressing first, and what I was reminded of."""

    lines: tuple[OrderLine, ...]
    count: int
    reminders: Sequence[Reminded]


def my_orders(db: Session, me: Viewer, on: date, now: datetime) -> MyOrders:
    """What my day shows of orders and reminders."""
    waiting = waiting_for(db, me, now)
    return MyOrders(
        tuple(waiting_line(one, on) for one in waiting[:MOST]),
        len(waiting),
        unread_reminders(db, me.person_id, on),
    )
