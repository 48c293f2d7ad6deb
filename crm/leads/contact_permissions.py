"""Whose telephone numbers and addresses a viewer reads without asking for each (PIPL)."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, false, func, select
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.leads.models import Contact, Lead
from crm.leads.permissions import changeable
from crm.people.permissions import Viewer


def works_with(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Contacts of leads that the viewer may change.

    One that belongs to no lead: where its company has leads, and the viewer may change all of them.
    """
    may_change = changeable(viewer, on)
    own = select(Lead.id).where(Lead.id == Contact.lead_id, may_change).correlate(Contact).exists()
    of_company = exists().where(Lead.company_id == Contact.company_id)
    # of a lead that nobody entered it is unknown, and so would be its opposite
    others = of_company.where(~func.coalesce(may_change, false()))
    of_all = and_(of_company.correlate(Contact), ~others.correlate(Contact))
    return own | (Contact.lead_id.is_(None) & of_all)


def plain_ids(
    db: Session, contact_ids: Collection[int], viewer: Viewer | None, on: date
) -> frozenset[int]:
    """Those of the contacts whose numbers the viewer reads; without a viewer all."""
    if viewer is None:
        return frozenset(contact_ids)
    may_read = select(Contact.id).where(works_with(viewer, on))
    parts = batches(sorted(set(contact_ids)))
    return frozenset(
        row_id for part in parts for row_id in db.scalars(may_read.where(Contact.id.in_(part)))
    )
