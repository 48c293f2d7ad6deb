"""The mail to whoever takes follow-ups over (ENTRY 5)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.value_class import value_class
from crm.followups.models import Followup
from crm.leads.redaction import lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.permissions import viewer


@value_class
class HandedLine:
    """A row of a mail about a hand-over: what it is, its leads, and who has it now."""

    kind: str
    text: str
    leads: str
    to: str


def tell_handed_over(  # noqa: PLR0913 - what was given, by whom, to whom, when
    db: Session,
    *,
    given: Mapping[Person, Sequence[Followup]],
    to: Person,
    key: str,
    by: Person,
    now: datetime,
    site: Site,
) -> int:
    """Mail the receiver what they have now, by former owner; the number of mails.

    `key` is of the form that was sent: sent twice, it makes no second mail. Who gives it to
    themself knows.
    """
    if to.id == by.id:
        return 0
    kind, on = MessageKind.HANDOVER, civil_date(now)
    lead_ids = {step.lead_id for steps in given.values() for step in steps}
    labels = lead_labels(db, viewer(db, to, on), lead_ids, on)
    return sum(
        post(
            db,
            Envelope(kind, f"{kind.value}:{key}:{former.username}:{to.username}", now),
            person=to,
            site=site,
            reader=to,
            leaver=former,
            lines=[
                HandedLine(
                    "跟进",
                    f"{step.what}（{formatting.day(step.due_on)}前）",
                    labels[step.lead_id].text,
                    to.name,
                )
                for step in steps
            ],
            is_closed=False,
        )
        for former, steps in given.items()
    )
