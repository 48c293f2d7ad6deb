"""A contact's number and address shown to somebody who does not work on its lead (PIPL)."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.errors import Refused
from crm.base.rate_counts import count_up
from crm.leads.models import Contact
from crm.people.models import Person

HOUR, DAY = 3_600, 86_400  # seconds
MOST = {HOUR: 30, DAY: 100}  # contacts that one person has shown to them


def reveal_contact(db: Session, *, contact: Contact, by: Person, now: datetime) -> None:
    """Note that the contact was shown to this person; refused as `too_many_reveals`."""
    for seconds, most in MOST.items():
        # by the person and no address: a limit that a second device does not widen
        count = count_up(db, f"reveal:{seconds}:{by.id}", seconds=seconds, now=now)
        if count > most:
            raise Refused("too_many_reveals", most=most, hours=seconds // HOUR)

    # the entry names the row alone: it survives the erasure of what the row says
    record(db, "contact.revealed", contact, by=by, at=now)
