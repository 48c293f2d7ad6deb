"""The mail that tells a person what was decided on their absence (REGIME 2)."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.mailing.service import Envelope, post
from crm.people.models import Absence, Person
from crm.people.rules import AbsenceStatus

WHAT = {
    AbsenceStatus.APPROVED: "已批准",
    AbsenceStatus.RETURNED: "未批准",
    AbsenceStatus.CANCELLED: "已取消",
}
CUT = "已缩短"


def tell_answer(  # noqa: PLR0913 - what was decided, by whom, when
    db: Session, *, absence: Absence, was_to: date, by: Person, now: datetime, site: Site
) -> bool:
    """Tell its person what another decided on an absence that ended on `was_to` before.

    Nobody reads the mails of a closed account.
    """
    person = absence.person
    if by.id == person.id or person.is_disabled(now):
        return False
    kind, status = MessageKind.ABSENCE_ANSWER, absence.status
    what = CUT if status is AbsenceStatus.APPROVED and absence.to_on < was_to else WHAT[status]
    key = f"{kind.value}:{absence.id}:{person.username}:{absence.to_on.isoformat()}:{status.value}"
    told = {"absence": absence, "what": what, "by": by}
    return post(db, Envelope(kind, key, now), person=person, site=site, **told)
