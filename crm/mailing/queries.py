"""Reads of notification settings, and of whose quiet hours it is."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil
from crm.base.outbox import MessageKind
from crm.mailing.models import MailChoice, QuietTime
from crm.mailing.rules import OPTIONAL, QuietHours


def mailed_kinds(db: Session, person_id: int) -> frozenset[MessageKind]:
    """The optional kinds that are mailed to the person."""
    query = select(MailChoice.kind).where(
        MailChoice.person_id == person_id, MailChoice.by_mail.is_(False)
    )
    return frozenset(OPTIONAL) - frozenset(db.scalars(query))


def is_mailed(db: Session, person_id: int, kind: MessageKind) -> bool:
    """Whether messages of that kind are mailed to the person; those not optional always are."""
    return kind not in OPTIONAL or kind in mailed_kinds(db, person_id)


def opted_out(db: Session, kind: MessageKind) -> frozenset[int]:
    """The ids of everyone to whom messages of that optional kind are not mailed."""
    query = select(MailChoice.person_id).where(
        MailChoice.kind == kind, MailChoice.by_mail.is_(False)
    )
    return frozenset(db.scalars(query)) if kind in OPTIONAL else frozenset()


def quiet_hours(db: Session, person_id: int) -> QuietHours | None:
    row = db.get(QuietTime, person_id)
    return QuietHours(row.begins, row.ends) if row else None


def people_in_quiet_hours(at: datetime) -> Select[int]:
    """The ids of the people whose quiet hours cover that moment."""
    return select(QuietTime.person_id).where(_cover(at))


def _cover(at: datetime) -> ColumnElement[bool]:
    # The same rule in Python: QuietHours.cover.
    time_of_day = civil(at).time().replace(tzinfo=None)
    has_begun, has_not_ended = QuietTime.begins <= time_of_day, QuietTime.ends > time_of_day
    over_midnight = QuietTime.begins > QuietTime.ends
    return or_(
        and_(~over_midnight, has_begun, has_not_ended),
        and_(over_midnight, or_(has_begun, has_not_ended)),
    )
