"""The leads and companies that a device may keep for work without network: none restricted."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from crm.base.choices import Choice
from crm.leads.company_queries import visible_company
from crm.leads.models import Company, Lead
from crm.leads.permissions import visible
from crm.leads.queries import offerable
from crm.leads.rules import Secrecy
from crm.people.permissions import Viewer

MOST_KEPT = 2_000  # of each kind, the latest


def device_leads(db: Session, viewer: Viewer, on: date) -> list[Choice]:
    """The leads that a form may offer without network, the latest first."""
    query = offerable(db, viewer, on).where(Lead.secrecy != Secrecy.RESTRICTED)
    latest = query.order_by(Lead.entered_on.desc(), Lead.id.desc()).limit(MOST_KEPT)
    return [Choice(*row) for row in db.execute(latest)]


def may_be_kept(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Companies of which the viewer sees no restricted lead.

    Those of others leave no gap by which one could tell that they are there.
    """
    of_it = exists().where(Lead.company_id == Company.id)
    return ~of_it.where(Lead.secrecy == Secrecy.RESTRICTED, visible(viewer, on))


def device_companies(db: Session, viewer: Viewer, on: date) -> list[Choice]:
    """The companies that a form may offer without network, the latest first."""
    query = select(Company.id, Company.name, Company.search).where(
        visible_company(viewer, on), may_be_kept(viewer, on)
    )
    latest = query.order_by(Company.created_at.desc(), Company.id.desc()).limit(MOST_KEPT)
    return [Choice(row.id, row.name, None, row.search) for row in db.execute(latest)]


def names_not_kept(db: Session, viewer: Viewer, names: Collection[str], on: date) -> frozenset[str]:
    """Of these names those of companies that the device may not keep."""
    query = select(Company.name).where(Company.name.in_(names), ~may_be_kept(viewer, on))
    return frozenset(db.scalars(query)) if names else frozenset()
