"""The mail that tells a person what was decided on their absence (REGIME 2)."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.mailing.service import Envelope, post
from crm.people.models import Absence, Person
from crm.people.rules import AbsenceStatus

SHORTENED = "已缩短"
NOT_APPROVED = "未批准"  # to the asker; the status itself is called 已退回


def notify_absence_decision(  # noqa: PLR0913 - what was decided, by whom, when
    db: Session, *, absence: Absence, was_to: date, by: Person, now: datetime, site: Site
) -> bool:
    """Tell the absent person what another decided; `was_to` is the last day before the decision.

    False for a person's own decision, and for a closed account, whose mails nobody reads.
    """
    person = absence.person
    if by.id == person.id or person.is_disabled(now):
        return False

    kind, status = MessageKind.ABSENCE_ANSWER, absence.status
    # with date and status: each further decision is another mail
    key = f"{kind.value}:{absence.id}:{person.username}:{absence.to_on.isoformat()}:{status.value}"
    context = {"absence": absence, "what": _decision(absence, was_to), "by": by}
    return post(db, Envelope(kind, key, now), person=person, site=site, **context)


def _decision(absence: Absence, was_to: date) -> str:
    if absence.status is AbsenceStatus.RETURNED:
        return NOT_APPROVED
    if absence.status is AbsenceStatus.APPROVED and absence.to_on < was_to:
        return SHORTENED
    return absence.status.label
