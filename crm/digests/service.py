"""Weekly and monthly digests: one mail a recipient, in the outbox under its key (REGIME 5)."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Rendered, Site, render
from crm.base.periods import Period, PeriodKind
from crm.digests.composing import compose
from crm.digests.content import Digest
from crm.digests.facts import gather
from crm.digests.permissions import OF_UNITS, visibilities, visibility_of
from crm.digests.queries import active_people
from crm.digests.reported_figures import store_reported_figures
from crm.digests.rules import planned_span
from crm.mailing.service import Envelope, post
from crm.people.models import Person

TOO_LATE = "补发时已有新一期，仅在系统内留存，不再发送"


def make_digests(  # noqa: PLR0913 - what a slot says, each by name
    db: Session,
    *,
    period: Period,
    at: datetime,
    until: datetime | None = None,
    late: bool,
    mail: bool,
    site: Site,
    since: date = date.min,
) -> Mapping[str, int]:
    """Make the digests of a week or month as of that moment; how many were made.

    With `mail` false they are only kept in the mailbox, as are those not delivered by `until`
    (REGIME 5). The clock's slots begin on `since`.
    """
    counts: Counter[str] = Counter()
    facts = gather(db, period=period, at=at, since=since)
    if period.kind is PeriodKind.MONTH:
        store_reported_figures(db, facts)

    # REGIME 5: everyone who owes something reads their own figures, others only those of units.
    owing = {found.person_id for found in facts.figures}
    people = active_people(db, at)
    recipients = [person for person in people if person.id in owing or person.role in OF_UNITS]

    for visibility in visibilities(db, recipients, facts):
        digest = compose(facts, visibility, late=late)
        envelope = _envelope(digest, visibility.viewer.person, until=until, mail=mail)
        if not digest.has_news:
            counts["empty"] += 1
        elif post(db, envelope, person=visibility.viewer.person, site=site, **_context(digest)):
            counts["made" if mail else "kept"] += 1

    return counts


def preview(
    db: Session, *, period: Period, person: Person, at: datetime, since: date = date.min
) -> Digest:
    """The digest that the person would get; nothing is made. `since` as in `make_digests`."""
    facts = gather(db, period=period, at=at, since=since)
    return compose(facts, visibility_of(db, person, facts), late=False)


def render_digest(digest: Digest, site: Site) -> Rendered:
    """The mail of a digest, without a link to unsubscribe."""
    return render(digest.kind.value, site=site, unsubscribe=None, **_context(digest))


def _context(digest: Digest) -> dict[str, object]:
    return {"digest": digest, "plan_until": planned_span(civil_date(digest.at))[1]}


def _envelope(digest: Digest, person: Person, *, until: datetime | None, mail: bool) -> Envelope:
    return Envelope(
        kind=digest.kind,
        # One digest a person and period, however often the slot is repeated.
        dedupe_key=f"{digest.kind.value}:zone:{person.username}:{digest.period.name}:-",
        at=digest.at,
        expires_at=until,
        kept=None if mail else TOO_LATE,
    )
