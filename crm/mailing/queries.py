"""What people chose of their mails, and whose quiet hours it is."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil
from crm.base.outbox import MessageKind
from crm.mailing.models import MailChoice, QuietTime
from crm.mailing.rules import OPTIONAL, QuietHours


def wanted(db: Session, person_id: int) -> frozenset[MessageKind]:
    """The optional kinds that the person gets by mail."""
    query = select(MailChoice.kind).where(
        MailChoice.person_id == person_id, MailChoice.by_mail.is_(False)
    )
    return frozenset(OPTIONAL) - frozenset(db.scalars(query))


def wants(db: Session, person_id: int, kind: MessageKind) -> bool:
    """Whether a mail of that kind goes out to the person; what is not optional does."""
    return kind not in OPTIONAL or kind in wanted(db, person_id)


def quiet_hours(db: Session, person_id: int) -> QuietHours | None:
    """The person's quiet hours."""
    row = db.get(QuietTime, person_id)
    return QuietHours(row.begins, row.ends) if row else None


def resting(at: datetime) -> Select[int]:
    """Ids of the people whose quiet hours hold at that moment."""
    return select(QuietTime.person_id).where(_holds(at))


def _holds(at: datetime) -> ColumnElement[bool]:
    here = civil(at).time().replace(tzinfo=None)
    begun, going = QuietTime.begins <= here, QuietTime.ends > here
    over_midnight = QuietTime.begins > QuietTime.ends
    return or_(and_(~over_midnight, begun, going), and_(over_midnight, or_(begun, going)))
