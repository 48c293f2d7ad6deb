"""What of an audit entry a viewer may read: only who sees all its leads reads it (REGIME 2)."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import AuditEntry
from crm.base.audit_reading import values_of_entries
from crm.base.fields import FieldKind
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.followups.models import Followup
from crm.leads.fields import LEAD_FIELDS
from crm.leads.models import Company, Lead
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.permissions import Viewer
from crm.quotas.permissions import figure_scope
from crm.supervision.models import Order
from crm.supervision.permissions import figure_allows
from crm.visits.fields import VISIT_FIELDS
from crm.visits.models import Visit, VisitLead

# Fields that hold ids of leads.
LEADS = frozenset(
    field.name
    for fields in (VISIT_FIELDS, LEAD_FIELDS, FOLLOWUP_FIELDS)
    for field in fields.values()
    if field.kind in (FieldKind.LEAD, FieldKind.LEADS)
)
# Subjects whose entries say nothing of a lead; what is neither here nor led back to leads in
# this module stays hidden, so that a new subject cannot show a restricted lead by oversight.
WITHOUT_LEADS = frozenset(
    {
        "absence",
        "audit_seal",
        "entry_grant",
        "job_pause",
        "job_run",
        "login_session",
        "message",
        "person",
        "posting",
        "rate_count",
        "rule",
        "target",
        "trip",
        "unit",
        "workday_override",
    }
)
TRACED = frozenset(table.__tablename__ for table in (Company, Lead, Visit, Followup, Order))


@dataclass(frozen=True, slots=True)
class ReadableEntries:
    """Which entries a viewer may read, and the labels of their leads for that viewer."""

    leads: Mapping[int, frozenset[int]]  # by entry id
    labels: Mapping[int, LeadLabel]
    orders: frozenset[int] = frozenset()  # about figures hidden from the viewer

    def may_read(self, entry: AuditEntry) -> bool:
        """Whether the values before and after may be shown."""
        if entry.subject not in TRACED | WITHOUT_LEADS:
            return False
        if entry.subject == Order.__tablename__ and entry.subject_id in self.orders:
            return False
        # a deleted lead has no label, and the label of a hidden one has no id
        labels = [self.labels.get(lead_id) for lead_id in self.leads[entry.id]]
        return all(label is not None and label.id is not None for label in labels)


def readable_entries(
    db: Session, viewer: Viewer, entries: Sequence[AuditEntry], on: date
) -> ReadableEntries:
    """What the viewer may read of these entries, in a fixed number of queries."""
    of_companies = _leads_of_companies(db, _ids(entries, Company.__tablename__))
    of_visits = _leads_of_visits(db, _ids(entries, Visit.__tablename__))
    of_followups = _leads_of_followups(db, _ids(entries, Followup.__tablename__))
    of_orders = _leads_of_orders(db, _ids(entries, Order.__tablename__))
    leads = {}

    for entry in entries:
        own = {*_lead_ids(entry.before), *_lead_ids(entry.after)}
        match entry.subject:
            case Lead.__tablename__:
                own.add(entry.subject_id)
            case Company.__tablename__:
                own |= of_companies[entry.subject_id]
            case Visit.__tablename__:
                own |= of_visits[entry.subject_id]
            case Followup.__tablename__:
                own |= of_followups[entry.subject_id]
            case Order.__tablename__:
                own |= of_orders[entry.subject_id]
        leads[entry.id] = frozenset(own)

    labels = lead_labels(db, viewer, set().union(*leads.values()), on)
    orders = _ids(entries, Order.__tablename__)

    return ReadableEntries(leads, labels, _orders_of_hidden(db, viewer, orders, on))


def _orders_of_hidden(db: Session, viewer: Viewer, order_ids: set[int], on: date) -> frozenset[int]:
    """Orders among these about a figure that is hidden from the viewer (REGIME 2)."""
    if not order_ids:
        return frozenset()
    allowed = figure_allows(figure_scope(db, viewer, on))
    query = select(Order.id).where(Order.id.in_(order_ids), ~allowed)
    return frozenset(db.scalars(query))


def entry_values(values: str | None) -> dict[str, Any]:
    """The values of an entry, read from its JSON."""
    read = json.loads(values) if values else {}
    return read if isinstance(read, dict) else {}


def _ids(entries: Iterable[AuditEntry], subject: str) -> set[int]:
    return {entry.subject_id for entry in entries if entry.subject == subject}


def _lead_ids(values: str | None) -> Iterable[int]:
    for name, value in entry_values(values).items():
        if name in LEADS:
            yield from value if isinstance(value, list) else [value] * (value is not None)


def _leads_of_companies(db: Session, company_ids: set[int]) -> defaultdict[int, set[int]]:
    """Leads by company: what is known of a company came with one of them."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    if company_ids:
        rows = select(Lead.company_id, Lead.id).where(Lead.company_id.in_(company_ids))
        for company_id, lead_id in db.execute(rows):
            found[company_id].add(lead_id)
    return found


def _leads_of_visits(db: Session, visit_ids: set[int]) -> defaultdict[int, set[int]]:
    """Present and former leads by visit: its text may mention any of them."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    if not visit_ids:
        return found

    linked = select(VisitLead.visit_id, VisitLead.lead_id).where(VisitLead.visit_id.in_(visit_ids))
    for visit_id, lead_id in db.execute(linked):
        found[visit_id].add(lead_id)

    # links that were removed are only known from the entries
    for visit_id, *both in values_of_entries(db, Visit.__tablename__, visit_ids):
        for values in both:
            found[visit_id].update(_lead_ids(values))
    return found


def _leads_of_followups(db: Session, followup_ids: set[int]) -> defaultdict[int, set[int]]:
    found: defaultdict[int, set[int]] = defaultdict(set)
    if followup_ids:
        rows = select(Followup.id, Followup.lead_id).where(Followup.id.in_(followup_ids))
        for followup_id, lead_id in db.execute(rows):
            found[followup_id].add(lead_id)
    return found


def _leads_of_orders(db: Session, order_ids: set[int]) -> defaultdict[int, set[int]]:
    found: defaultdict[int, set[int]] = defaultdict(set)
    if order_ids:
        rows = select(Order.id, Order.lead_id).where(Order.id.in_(order_ids))
        for order_id, lead_id in db.execute(rows):
            if lead_id is not None:
                found[order_id].add(lead_id)
    return found
