"""A small zone whose digests are made."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from crm.base.outbox import Message
from crm.base.periods import Period
from crm.digests.document import document_of
from crm.digests.models import KeptDigest
from crm.people.rules import Duty, Role, UnitKind
from tests.counting import counted
from tests.digests.making import make_digests
from tests.digests.reading import words_of
from tests.factories import make_person, make_posting, make_regime, make_unit

__all__ = ["counted"]

WEEK, MONTH = Period.parse("2026-W28"), Period.parse("2026-07")  # 6 to 12 July
MONDAY = datetime(2026, 7, 12, 23, 30, tzinfo=UTC)  # 13 July, 07:30
AUGUST = datetime(2026, 8, 2, 23, 30, tzinfo=UTC)  # 3 August, 07:30


def make_zone(db):
    """A principal and an inspector over the zone, a bureau with its people, a park, a reader.

    The bureau's supervisor has no duty there, so a deputy's figure is theirs to see (REGIME 2).
    """
    make_regime(db)
    top = make_unit(db, "滨海开发区", kind=UnitKind.ZONE, inspects=True)
    bureau, park = make_unit(db, "投资促进局", parent=top), make_unit(db, "综合保税区", parent=top)
    reader = make_person(db, "reader", role=Role.READER, duty=None)
    make_posting(db, reader, unit=top, is_primary=False, duty=Duty.STAFF)
    supervisor = make_person(db, "supervisor", role=Role.SUPERVISOR, duty=None)
    make_posting(db, supervisor, unit=bureau, is_primary=False, duty=Duty.STAFF)
    return SimpleNamespace(
        top=top,
        bureau=bureau,
        park=park,
        boss=make_person(db, "boss", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top),
        deputy=make_person(db, "deputy", duty=Duty.DEPUTY, unit=bureau),
        recruiter=make_person(db, "recruiter", unit=bureau),
        supervisor=supervisor,
        overall=make_person(db, "overall", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=top),
        reader=reader,
    )


@pytest.fixture
def zone(db):
    """The small zone."""
    return make_zone(db)


@pytest.fixture
def weekly(db, site):
    """Make the weekly digests."""

    def make(*, at=MONDAY, late=False, mail=True):
        return make_digests(db, period=WEEK, at=at, late=late, mail=mail, site=site)

    return make


@pytest.fixture
def monthly(db, site):
    """Make the monthly digests."""

    def make(*, at=AUGUST, **more):
        values = {"period": MONTH, "at": at, "late": False, "mail": True, "site": site}
        return make_digests(db, **values | more)

    return make


@pytest.fixture
def mail_of(db):
    """The messages for a person, in the order in which they were made."""

    def found(person):
        query = select(Message).where(Message.person_id == person.id).order_by(Message.id)
        return db.scalars(query).all()

    return found


@pytest.fixture
def text_of(db, mail_of):
    """The words of the only message for a person: of a digest in full, as its page shows it."""

    def only(person):
        [message] = mail_of(person)
        kept = db.get(KeptDigest, message.dedupe_key)
        return words_of(document_of(kept.document)) if kept else message.body_text

    return only


@pytest.fixture
def kept_of(db, mail_of):
    """The only digest of a person, as it is kept."""

    def only(person):
        [message] = mail_of(person)
        return document_of(db.get(KeptDigest, message.dedupe_key).document)

    return only
