"""The one place that commits: what services collected takes effect in the same transaction.

    with transaction(sessions) as db:
        verdicts.confirm_visit(db, visit=visit, by=me, now=now)

Pages use `crm.web.transaction`, which does the same with the request's session.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session, sessionmaker

from crm.base.db import writing
from crm.base.pending import take
from crm.followups.last_contact import apply_contacts
from crm.leads.result_facts import ResultFactChanged
from crm.leads.succession import give_unseen_leads
from crm.people.accounts import RecordAccessEnded
from crm.quotas.corrections import apply_edits
from crm.reassignment.service import settle_ended
from crm.results.review import flag_changed
from crm.visits.contacts import ContactChanged


@contextmanager
def transaction(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session of its own that means to write: all of it is committed, or nothing is."""
    with writing(sessions) as db:
        yield db
        apply_pending(db)


def apply_pending(db: Session) -> int:
    """Apply what services collected in this transaction; how many corrections that made."""
    ended = take(db, RecordAccessEnded)
    settle_ended(db, ended)
    give_unseen_leads(db, ended)
    flag_changed(db, take(db, ResultFactChanged))
    # last: what somebody leaves changes visits, too
    apply_contacts(db, take(db, ContactChanged))
    return apply_edits(db)
