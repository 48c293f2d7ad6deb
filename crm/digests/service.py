"""Weekly and monthly digests: one mail a recipient, in the outbox under its key (REGIME 5)."""

import gc
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.batches import Batch, Reading
from crm.base.garbage import no_garbage_collection
from crm.base.mail import Rendered, Site, render
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.digests.composing import compose
from crm.digests.content import Digest
from crm.digests.facts import Facts, gather
from crm.digests.kept import KINDS, WrittenDigest, digest_key, keep
from crm.digests.permissions import OF_UNITS, visibilities, visibility_of
from crm.digests.reported_figures import reported_figures
from crm.digests.writing import document_of_digest
from crm.mailing.announcing import put_and_announce
from crm.mailing.queries import opted_out
from crm.mailing.service import Envelope, written
from crm.people.models import Person
from crm.people.queries import active_at
from crm.people.rules import IN_BUSINESS

TOO_LATE = "补发时已有新一期，仅在系统内留存，不再发送"
PEOPLE_IN_BATCH = 100  # some two megabytes of mails, written in a few hundredths of a second
YOUNGER = 1  # generation of the collector: what came after the facts


@value_class(kw_only=True)
class DigestRun:
    """What a slot says of its digests.

    With `mail` false they are only kept in the mailbox, as are those not delivered by `until`
    (REGIME 5). The clock's slots begin on `since`.
    """

    period: Period
    at: datetime
    until: datetime | None = None
    late: bool
    mail: bool
    site: Site
    since: date = date.min


def digest_batches(reading: Reading, run: DigestRun, *, after: str = "") -> Iterator[Batch]:
    """The digests of a week or month as of that moment, in the order of usernames.

    The position of a batch is the username of the last person looked at.
    """
    with reading() as db, no_garbage_collection():
        facts = gather(db, period=run.period, at=run.at, since=run.since)
        unwanted = opted_out(db, KINDS[run.period.kind])
    gc.collect()  # at once: later it would look through the facts under the write lock
    if not after:
        yield from reported_figures(facts)

    # the collector would look through all facts again and again, also under the write lock
    with no_garbage_collection():
        while (batch := _next_batch(reading, run, facts, unwanted, after)) is not None:
            after = batch.position
            yield batch
            gc.collect(YOUNGER)


def _next_batch(
    reading: Reading, run: DigestRun, facts: Facts, unwanted: Collection[int], after: str
) -> Batch | None:
    """The digests of the next people; None where there are no more."""
    with reading() as db:
        people = _people_after(db, after, run.at)
        recipients = [person for person in people if _gets_digest(facts, person)]
        seen = list(visibilities(db, recipients, facts))
    if not people:
        return None

    digests = [(compose(facts, seen_by, late=run.late), seen_by.viewer.person) for seen_by in seen]
    made = [
        _written(run, digest, person, by_mail=person.id not in unwanted)
        for digest, person in digests
        if digest.has_news
    ]
    empty = len(digests) - len(made)

    return Batch(partial(_put, made=made, empty=empty, mail=run.mail), people[-1].username)


def _people_after(db: Session, username: str, at: datetime) -> list[Person]:
    """The next people who may get mail at that moment."""
    query = select(Person).where(active_at(at), Person.username > username)
    return list(db.scalars(query.order_by(Person.username).limit(PEOPLE_IN_BATCH)))


def _gets_digest(facts: Facts, person: Person) -> bool:
    """REGIME 5: everyone who owes something reads their own figures, others only those of units."""
    owes = person.role in IN_BUSINESS and bool(facts.figures_by_person.of(person.id))
    return owes or person.role in OF_UNITS


def _put(
    db: Session, *, made: Sequence[WrittenDigest], empty: int, mail: bool
) -> Mapping[str, int]:
    new = put_and_announce(db, [digest.mail for digest in made])
    keep(db, made)
    return +Counter({"empty": empty, "made" if mail else "kept": new})


def preview(
    db: Session, *, period: Period, person: Person, at: datetime, since: date = date.min
) -> Digest:
    """The digest that the person would get; nothing is made. `since` as in `make_digests`."""
    facts = gather(db, period=period, at=at, since=since)
    return compose(facts, visibility_of(db, person, facts), late=False)


def render_digest(digest: Digest, site: Site) -> Rendered:
    """The mail of a digest, without a link to unsubscribe."""
    document = document_of_digest(digest)
    return render(digest.kind.value, site=site, unsubscribe=None, document=document)


def _written(run: DigestRun, digest: Digest, person: Person, *, by_mail: bool) -> WrittenDigest:
    document = document_of_digest(digest)
    envelope = Envelope(
        kind=digest.kind,
        dedupe_key=digest_key(digest.kind, person.username, digest.period),
        at=digest.at,
        expires_at=run.until,
        kept=None if run.mail else TOO_LATE,
    )
    mail = written(envelope, person, site=run.site, by_mail=by_mail, document=document)
    return WrittenDigest(mail, document)
