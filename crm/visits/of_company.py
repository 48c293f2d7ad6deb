"""The visits at which a company was met, and those of its leads, as a viewer may see them."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from crm.leads.models import Company
from crm.people.permissions import Viewer
from crm.visits.lists import shown_with_words
from crm.visits.models import Visit, VisitCompany, VisitLead
from crm.visits.permissions import readable, visible
from crm.visits.redaction import SeenVisit

MOST_VISITS = 8  # the list of visits has them all


def visits_of_company(
    db: Session, viewer: Viewer, company: Company, lead_ids: Collection[int], on: date
) -> list[SeenVisit]:
    """The latest visits of these leads, all of which the viewer may see, or to the company."""
    linked = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(lead_ids))
    met = select(VisitCompany.visit_id).where(
        or_(VisitCompany.company_id == company.id, VisitCompany.folded == company.folded)
    )
    # REGIME 2: that it was met hides with the words of the visit
    seen = and_(Visit.id.in_(met), visible(viewer, on), readable(viewer, on))
    query = select(Visit).where(Visit.id.in_(linked) | seen)
    latest = query.order_by(Visit.first_on.desc(), Visit.id.desc()).limit(2 * MOST_VISITS)

    visits = shown_with_words(db, viewer, latest, on)
    known = [visit for visit in visits if _names(visit, company, lead_ids)]
    return known[:MOST_VISITS]


def _names(visit: SeenVisit, company: Company, lead_ids: Collection[int]) -> bool:
    """Whether the viewer reads of the company there: not where a hidden lead is of it."""
    is_met = any(
        row.company_id == company.id or (row.name and row.folded == company.folded)
        for row in visit.companies
    )
    return is_met or any(lead.id in lead_ids for lead in visit.leads)
