"""Digests are made: one mail a recipient, in the outbox under its key (REGIME 5, DESIGN 3)."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Rendered, Site, render
from crm.base.periods import Period, PeriodKind
from crm.digests.brief import make_briefs
from crm.digests.composing import compose
from crm.digests.content import Digest
from crm.digests.lapsed import tell_lapsed
from crm.digests.nudging import nudge
from crm.digests.permissions import OF_UNITS, sight_of, sights
from crm.digests.queries import Facts, active_people, gather
from crm.digests.rules import planned_span
from crm.digests.settlement_notice import keep_reported, tell_settled
from crm.digests.ten_day import make_ten_day
from crm.mailing.service import Envelope, post
from crm.people.models import Person

__all__ = [
    "make_briefs",
    "make_monthly",
    "make_ten_day",
    "make_weekly",
    "nudge",
    "preview",
    "put_into_words",
    "tell_lapsed",
    "tell_settled",
]

KEPT = "补发时已有新一期，仅在系统内留存，不再发送"


def make_weekly(  # noqa: PLR0913 - what a slot says, each by name
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
    """Make the weekly digests of the week as of that moment.

    `mail` false: kept unmailed, as what is not delivered until then (REGIME 5).
    """
    facts = gather(db, period=period, at=at, since=since)
    return _make(db, facts, until=until, late=late, mail=mail, site=site)


def make_monthly(  # noqa: PLR0913 - what a slot says, each by name
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
    """Make the monthly digests of the month as of that moment.

    `mail` false: kept unmailed, as what is not delivered until then (REGIME 5).
    """
    facts = gather(db, period=period, at=at, since=since)
    return _make(db, facts, until=until, late=late, mail=mail, site=site)


def preview(
    db: Session, *, period: Period, person: Person, at: datetime, since: date = date.min
) -> Digest:
    """The digest that the person would get, without making it; `since`: see `gather`."""
    facts = gather(db, period=period, at=at, since=since)
    return compose(facts, sight_of(db, person, facts), late=False)


def put_into_words(digest: Digest, site: Site) -> Rendered:
    """The mail of a digest."""
    return render(digest.kind.value, site=site, unsubscribe=None, **_words_of(digest))


def _words_of(digest: Digest) -> dict[str, object]:
    return {"digest": digest, "plan_until": planned_span(civil_date(digest.at))[1]}


def _make(  # noqa: PLR0913 - what a slot says, each by name
    db: Session,
    facts: Facts,
    *,
    until: datetime | None,
    late: bool,
    mail: bool,
    site: Site,
) -> Mapping[str, int]:
    made: Counter[str] = Counter()
    if facts.period.kind is PeriodKind.MONTH:
        keep_reported(db, facts)

    owing = {one.person_id for one in facts.figures}
    active = active_people(db, facts.at)
    readers = [one for one in active if one.id in owing or one.role in OF_UNITS]

    for sight in sights(db, readers, facts):
        person = sight.viewer.person
        digest = compose(facts, sight, late=late)
        if not digest.has_news:
            made["empty"] += 1
        elif _send(db, digest, person, until=until, mail=mail, site=site):
            made["made" if mail else "kept"] += 1

    return made


def _send(  # noqa: PLR0913 - what a slot says, each by name
    db: Session, digest: Digest, person: Person, *, until: datetime | None, mail: bool, site: Site
) -> bool:
    letter = Envelope(
        kind=digest.kind,
        dedupe_key=f"{digest.kind.value}:zone:{person.username}:{digest.period.name}:-",
        at=digest.at,
        expires_at=until,
        kept=None if mail else KEPT,
    )
    return post(db, letter, person=person, site=site, **_words_of(digest))
