"""Which records are about a contact's company, and which of them a viewer may read (REGIME 2)."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from crm.base.value_class import value_class
from crm.bulk_changes.models import BulkChange
from crm.digests.models import MonthlyComment
from crm.followups.models import Followup
from crm.imports.models import ImportMade
from crm.leads.merged import Merge
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.permissions import Viewer
from crm.problems.models import Problem, ProblemLead
from crm.results.models import Claim
from crm.results.receipt_models import Receipt
from crm.supervision.models import Order
from crm.visits.models import Visit, VisitCompany, VisitLead
from crm.visits.permissions import readable

Column = InstrumentedAttribute[Any]
OF_ONE_LEAD: tuple[type[Any], ...] = (Followup, Order, Claim, Receipt)
# what is kept of changes, whose words no page shows
UNREAD: tuple[type[Any], ...] = (BulkChange, ImportMade, Merge)


@value_class
class AboutCompanies:
    """The companies that a contact is of, and their leads."""

    name: str  # of the first
    company_ids: Collection[int]
    lead_ids: Collection[int]

    def ids_of(self, record: type[Any]) -> Select[int]:
        """Ids of the records of that kind that are about them."""
        if record is Visit:
            met = select(VisitCompany.visit_id).where(VisitCompany.company_id.in_(self.company_ids))
            of_leads = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(self.lead_ids))
            return select(Visit.id).where(Visit.id.in_(met) | Visit.id.in_(of_leads))
        if record is Problem:
            return select(ProblemLead.problem_id).where(ProblemLead.lead_id.in_(self.lead_ids))
        if record is Lead:
            return select(Lead.id).where(Lead.id.in_(self.lead_ids))
        return select(record.id).where(record.lead_id.in_(self.lead_ids))

    def rows_of(
        self, record: type[Any], record_id: Column, columns: Sequence[Column]
    ) -> ColumnElement[bool]:
        """Rows of these records; where nothing says of which company, those that name it."""
        if record is MonthlyComment or record in UNREAD:
            names = (column.contains(self.name, autoescape=True) for column in columns)
            return or_(false(), *names)
        return record_id.in_(self.ids_of(record))


def sight(record: type[Any], viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Records that the viewer may read."""
    seen = visible_leads(viewer, on)
    if record is Lead:
        return seen
    if record is Visit:
        return readable(viewer, on)
    if record is MonthlyComment:
        return MonthlyComment.released_at.is_not(None)
    if record is Problem:
        hidden = exists().where(
            ProblemLead.problem_id == Problem.id, Lead.id == ProblemLead.lead_id, ~seen
        )
        return ~hidden.correlate(Problem)
    if record in OF_ONE_LEAD:
        lead_id: ColumnElement[int | None] = record.lead_id
        return lead_id.is_(None) | lead_id.in_(select(Lead.id).where(seen))
    return false()
