"""What of a closed account nobody takes over: it is settled, so that nothing stays open."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.people.models import Person
from crm.reassignment.queries import OpenThing
from crm.reassignment.rules import Thing
from crm.supervision.handover import give_answering, give_deciding
from crm.supervision.models import Order
from crm.visits.handover import cut_stay, give_place, give_up
from crm.visits.models import Visit


def settle(
    db: Session,
    one: OpenThing,
    leaver: Person,
    *,
    by: Person | None,
    now: datetime,
) -> None:
    """End what nobody is to take; an order goes on without that person.

    A role or a step that nobody may take waits for the next day: `leads.succession` names
    somebody on a restricted lead, who takes it then.
    """
    match one.kind:
        case Thing.ORDER_PERSON:
            give_answering(db, order=db.get_one(Order, one.row_id), to=None, by=by, now=now)
        case Thing.ORDER_OFFICER:
            give_deciding(db, order=db.get_one(Order, one.row_id), to=None, by=by, now=now)
        case Thing.JOINED:
            visit = db.get_one(Visit, one.row_id)
            give_place(db, visit=visit, leaver=leaver, to=None, by=by, now=now)
        case Thing.STAY:
            cut_stay(db, visit=db.get_one(Visit, one.row_id), to=None, by=by, now=now)
        case Thing.VISIT | Thing.BEGUN:
            give_up(db, visit=db.get_one(Visit, one.row_id), by=by, now=now)
