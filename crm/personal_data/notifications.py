"""The mail that tells admins which contacts wait for their decision."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.queries import active_at
from crm.people.rules import Role
from crm.personal_data.expiring import expiring_count


def tell_of_expiring(db: Session, *, at: datetime, site: Site) -> Mapping[str, int]:
    """Tell each admin how many contacts are over their period; nothing where none is."""
    on = civil_date(at)
    count = expiring_count(db, on)
    if not count:
        return {}

    kind = MessageKind.RETENTION
    admins = db.scalars(select(Person).where(Person.role == Role.ADMIN, active_at(at)))
    mails = sum(
        post(
            db,
            Envelope(kind, f"{kind.value}:{on.isoformat()}:{admin.username}", at),
            person=admin,
            site=site,
            reader=admin,
            count=count,
        )
        for admin in admins.all()
    )
    return {"contacts": count, "mails": mails}
