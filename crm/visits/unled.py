"""Companies met twice without a lead, of which a lead is offered (REGIME 3)."""

from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.leads.models import Company, Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.permissions import Viewer
from crm.visits.fields import SeenCompany
from crm.visits.models import Visit, VisitCompany
from crm.visits.permissions import ids_since, readable, visible
from crm.visits.rules import Counterpart, Status

OFTEN = 2  # visits after which a lead is offered
LATELY = timedelta(days=365)
INVESTORS = (Counterpart.ENTERPRISE, Counterpart.FUND)  # others bring projects of third parties
MOST = 3  # on my day


@value_class
class UnledCompany:
    """A company without a lead, and how often it was met."""

    company_id: int | None
    name: str
    visits: int


def my_unled_companies(db: Session, viewer: Viewer, on: date) -> list[UnledCompany]:
    """Those that the viewer met at least twice of late, the most often met first."""
    mine = ids_since(viewer.person_id, on - LATELY).subquery()
    query = _unled(viewer, on).where(Visit.id.in_(select(mine.c.id)))
    return _read(db, query, MOST)


def unled_among(
    db: Session, viewer: Viewer, companies: Collection[SeenCompany], on: date
) -> list[UnledCompany]:
    """Those of a visit's companies that were met at least twice, as far as the viewer may read."""
    ids = {row.company_id for row in companies if row.company_id and not row.has_lead}
    names = {row.name for row in companies if row.name and not row.company_id}
    if not (ids or names):
        return []

    asked = VisitCompany.company_id.in_(ids) | VisitCompany.name.in_(names)
    query = _unled(viewer, on).where(asked, visible(viewer, on), readable(viewer, on))
    return _read(db, query, len(companies))


def _read(db: Session, query: Select[int | None, str | None, int], most: int) -> list[UnledCompany]:
    often = query.having(func.count() >= OFTEN).order_by(func.count().desc()).limit(most)
    rows = db.execute(often).all()
    ids = [company_id for company_id, *_ in rows if company_id]
    named = select(Company.id, Company.name).where(Company.id.in_(ids))
    names: dict[int | None, str] = dict(db.execute(named).all()) if ids else {}
    return [
        UnledCompany(company_id, name or names[company_id], count)
        for company_id, name, count in rows
    ]


def _unled(viewer: Viewer, on: date) -> Select[int | None, str | None, int]:
    """Companies met at done visits, with how many these are."""
    row = VisitCompany
    by_company = (row.company_id, row.folded)
    query = select(row.company_id, func.max(row.name), func.count())
    return (
        query.join(Visit, Visit.id == row.visit_id)
        .where(Visit.status == Status.DONE, row.company_id.is_not(None) | row.name.is_not(None))
        .where(row.counterpart.in_(INVESTORS), ~_has_lead(viewer, on))
        .group_by(*by_company)
    )


def _has_lead(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Whether it has a lead; of a name typed, one that the viewer may see (REGIME 2)."""
    known = exists().where(Lead.company_id == VisitCompany.company_id)
    called = exists().where(
        Company.folded == VisitCompany.folded,
        Lead.company_id == Company.id,
        visible_leads(viewer, on),
    )
    return known | called
