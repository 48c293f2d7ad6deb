"""Entries of the trail for changes that were refused to somebody, as many as bear reading."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.rate_counts import count_up
from crm.people.login_attempts import DAY, NOTED
from crm.people.models import Person

MOST_NOTED = 20  # entries a day of one person


def note_refusal(db: Session, *, person_id: int, endpoint: str, path: str, now: datetime) -> None:
    """Count a refused change; the 1st, 10th, 100th a day of one kind get an entry."""
    count = count_up(db, f"refused:{person_id}:{endpoint}", seconds=DAY, now=now)
    if count not in NOTED:
        return
    if count_up(db, f"refused-noted:{person_id}", seconds=DAY, now=now) > MOST_NOTED:
        return
    person = db.get_one(Person, person_id)
    after = {"failures": count, "path": path}
    record(db, "person.refused", person, by=person, at=now, after=after)
