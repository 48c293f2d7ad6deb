"""Messages about leads: to the coordinating office alone, of a duplicate nobody else may see."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.leads.companies import LeadScope
from crm.leads.duplicates import Entered, hidden_duplicates
from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.officers import officers
from crm.people.permissions import viewer


def tell_officers(  # noqa: PLR0913 - one message, whole
    db: Session, *, lead: Lead, entered: Entered, by: Person, now: datetime, site: Site
) -> int:
    """Tell the officers that a new lead may duplicate hidden ones, by references; how many."""
    on = civil_date(now)
    hidden = hidden_duplicates(db, entered, LeadScope(viewer(db, by, on), on), without=lead.id)
    return tell_officers_of(db, lead=lead, hidden=hidden, by=by, now=now, site=site)


def tell_officers_of(  # noqa: PLR0913 - one message, whole
    db: Session, *, lead: Lead, hidden: Sequence[int], by: Person, now: datetime, site: Site
) -> int:
    """The same where the hidden leads are known."""
    if not hidden:
        return 0

    return sum(
        _post(db, lead, secrecy, refs, to=officer, by=by, now=now, site=site)
        for officer in officers(db, now)
        if officer.id != by.id  # who entered it may not know
        for secrecy, refs in _by_secrecy(db, hidden)
    )


def _by_secrecy(db: Session, lead_ids: Sequence[int]) -> Iterator[tuple[Secrecy, list[str]]]:
    rows = db.execute(select(Lead.secrecy, Lead.ref).where(Lead.id.in_(lead_ids)).order_by(Lead.id))
    refs: dict[Secrecy, list[str]] = {}
    for secrecy, ref in rows:
        refs.setdefault(secrecy, []).append(ref)
    yield from refs.items()


def _post(  # noqa: PLR0913 - one message, whole
    db: Session,
    lead: Lead,
    secrecy: Secrecy,
    refs: list[str],
    *,
    to: Person,
    by: Person,
    now: datetime,
    site: Site,
) -> bool:
    kind = MessageKind.DUPLICATE
    key = f"{kind.value}:{lead.ref}:{to.username}:{secrecy.value}"
    # references alone: an officer, too, may not read a restricted lead
    content = {"ref": lead.ref, "lead_id": lead.id, "secrecy": secrecy, "others": refs}
    return post(db, Envelope(kind, key, now), person=to, site=site, reader=to, by=by, **content)
