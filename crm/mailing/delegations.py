"""The mail that tells of rights handed on for a time, and of their early end."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.mailing.service import Envelope, post
from crm.people.models import Delegation, Person


def tell_of_delegation(
    db: Session, delegation: Delegation, *, by: Person, now: datetime, site: Site
) -> None:
    """Tell the two, but for whoever did it, that it was given or has ended."""
    kind = MessageKind.DELEGATION
    owner, agent = (db.get_one(Person, each) for each in (delegation.owner_id, delegation.agent_id))
    step = "ended" if delegation.ended_at else "given"
    for reader in (owner, agent):
        if reader.id == by.id or reader.is_disabled(now):
            continue
        key = f"{kind.value}:{delegation.id}:{step}:{reader.username}"
        about = {"delegation": delegation, "owner": owner, "agent": agent, "reader": reader}
        post(db, Envelope(kind, key, now), person=reader, site=site, **about)
