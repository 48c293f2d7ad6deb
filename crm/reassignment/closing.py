"""Accounts that close at once: what is open in their name falls in the same transaction."""

from sqlalchemy import event
from sqlalchemy.orm import Session

from crm.base import mail
from crm.people.closing import ENDED, SightEnded
from crm.people.rules import WITH_RECORDS
from crm.reassignment.service import let_fall


@event.listens_for(Session, "before_commit", insert=True)  # before roles and the trail are settled
def _settle(db: Session) -> None:
    if ENDED in db.info and not db.in_nested_transaction():
        settle_ended(db)


def settle_ended(db: Session) -> int:
    """Let fall what is open in the name of those who see no records any more; how many things.

    Who is to leave on a later date keeps theirs until then; the clock looks each day.
    """
    db.flush()
    ended: list[SightEnded] = db.info[ENDED]
    fallen = 0
    for each in ended:
        if each.person.is_disabled(each.at) or each.person.role not in WITH_RECORDS:
            site = mail.current_site()
            fallen += let_fall(db, person=each.person, by=each.by, now=each.at, site=site)
    return fallen
