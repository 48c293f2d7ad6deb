"""Messages about companions: they lie in the mailbox, and no mail is sent (REGIME 3)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.visits.companions import named_at
from crm.visits.models import Visit


def tell_named(db: Session, *, visit: Visit, by: Person, now: datetime, site: Site) -> int:
    """Tell those whom `by` has just named as companions; how many."""
    return tell_people(db, named_at(db, visit, now), visit=visit, by=by, now=now, site=site)


def tell_people(  # noqa: PLR0913 - one message to several
    db: Session, people: Iterable[Person], *, visit: Visit, by: Person, now: datetime, site: Site
) -> int:
    """Tell these people that `by` named them as companions; how many."""
    able = [person for person in people if not person.is_disabled(now)]
    return sum(_post(db, visit, "named", to=to, by=by, now=now, site=site) for to in able)


def tell_left(db: Session, *, visit: Visit, by: Person, now: datetime, site: Site) -> bool:
    """Tell the leader that a companion took no part."""
    return _tell_leader(db, visit, "left", by=by, now=now, site=site)


def tell_joined(db: Session, *, visit: Visit, by: Person, now: datetime, site: Site) -> bool:
    """Tell the leader that somebody joined the visit by themself."""
    return _tell_leader(db, visit, "joined", by=by, now=now, site=site)


def _tell_leader(  # noqa: PLR0913 - one message, whole
    db: Session, visit: Visit, event: str, *, by: Person, now: datetime, site: Site
) -> bool:
    leader = db.get_one(Person, visit.leader_id)
    return not leader.is_disabled(now) and _post(
        db, visit, event, to=leader, by=by, now=now, site=site
    )


def _post(  # noqa: PLR0913 - one message, whole
    db: Session, visit: Visit, event: str, *, to: Person, by: Person, now: datetime, site: Site
) -> bool:
    kind = MessageKind.COMPANION
    # with the moment: whoever leaves and joins again causes a message each time
    key = f"{kind.value}:{visit.id}:{to.username}:{event}:{by.id}:{now.isoformat()}"
    context = {"visit": visit, "what": event, "by": by, "reader": to}
    return post(db, Envelope(kind, key, now), person=to, site=site, **context)
