"""Digests as they were made: kept in full beside their mails, and read again as they are."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.db import insert_into
from crm.base.mail_kinds import MessageKind
from crm.base.outbox import Message, Row
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.digests.document import Document, document_of
from crm.digests.models import KeptDigest
from crm.people.models import Person

KINDS = {PeriodKind.WEEK: MessageKind.WEEKLY, PeriodKind.MONTH: MessageKind.MONTHLY}


@value_class
class WrittenDigest:
    """A digest ready to be stored: its mail, and the whole of it."""

    mail: Row
    document: Document


@value_class
class StoredDigest:
    """A digest that a person received; of one made before digests were kept, its mail alone."""

    message: Message
    document: Document | None


def digest_key(kind: MessageKind, username: str, period: Period) -> str:
    """The key of the one digest of a person and period, however often the slot is repeated."""
    return f"{kind.value}:zone:{username}:{period.name}:-"


def keep(db: Session, made: Sequence[WrittenDigest]) -> None:
    """Store the digests in full; one that is there already stays as it was mailed."""
    if not made:
        return
    rows = [
        {"dedupe_key": digest.mail["dedupe_key"], "document": digest.document.as_json()}
        for digest in made
    ]
    db.execute(insert_into(db, KeptDigest).on_conflict_do_nothing(), rows)


def stored_digest(db: Session, person: Person, period: Period) -> StoredDigest | None:
    """The person's digest of a week or month."""
    if period.kind not in KINDS:
        return None
    key = digest_key(KINDS[period.kind], person.username, period)
    row = db.execute(
        select(Message, KeptDigest.document)
        .outerjoin(KeptDigest, KeptDigest.dedupe_key == Message.dedupe_key)
        .where(Message.dedupe_key == key, Message.person_id == person.id)
    ).one_or_none()
    if row is None:
        return None
    message, document = row
    return StoredDigest(message, document_of(document) if document else None)


def is_kept(db: Session, message: Message) -> bool:
    """Whether the message is the mail of a digest that is kept in full."""
    if message.kind not in KINDS.values():
        return False
    return db.get(KeptDigest, message.dedupe_key) is not None
