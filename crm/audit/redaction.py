"""What of an audit entry a viewer may read: only who sees all its leads reads it (REGIME 2)."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Row, literal, select, union_all
from sqlalchemy.orm import Session

from crm.base.audit_entries import AuditEntry, WithheldEntry
from crm.base.audit_reading import values_of_entries
from crm.base.fields import FieldKind
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.followups.models import Followup
from crm.leads.company_queries import visible_company
from crm.leads.fields import LEAD_FIELDS
from crm.leads.merged import Merge, Mergeable, standing_merges
from crm.leads.models import Company, Contact, Lead
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS
from crm.problems.models import Problem, ProblemLead
from crm.quotas.permissions import figure_scope
from crm.results.models import Claim
from crm.results.receipt_models import Receipt
from crm.supervision.models import Order
from crm.supervision.permissions import figure_allows
from crm.visits.fields import VISIT_FIELDS
from crm.visits.models import Visit, VisitLead

# Fields that hold ids of leads.
LEADS = frozenset(
    declared.name
    for fields in (VISIT_FIELDS, LEAD_FIELDS, FOLLOWUP_FIELDS)
    for declared in fields.values()
    if declared.kind in (FieldKind.LEAD, FieldKind.LEADS)
)
# Subjects whose entries say nothing of a lead; what is neither here nor led back to leads in
# this module stays hidden, so that a new subject cannot show a restricted lead by oversight.
WITHOUT_LEADS = frozenset(
    {
        "absence",
        "audit_seal",
        "catalog_entry",
        "channel",
        "channel_host",
        "claim_exclusion",
        "claim_kind",
        "claim_kind_span",
        "delegation",
        "delivery_hold",
        "duty_separation",
        "mail_server",
        "entry_grant",
        "exchange_rate",
        "import_run",
        "job_pause",
        "job_run",
        "login_session",
        "message",
        "milestone_kind",
        "own_field",
        "person",
        "plan_template",
        "posting",
        "problem_category",
        "rate_count",
        "receipt_form",
        "result_month",
        "retention_period",
        "rule",
        "sign_in_profile",
        "site",
        "speed_span",
        "target",
        "tier_line",
        "trip",
        "unit",
        "workday_override",
    }
)
# Of these the values are read by whoever has records: journeys, and why somebody was away.
OF_RECORDS = frozenset({"absence", "trip"})
NO_LEAD = 0  # an id that no lead has
TRACED = frozenset(
    table.__tablename__
    for table in (Company, Contact, Lead, Visit, Followup, Order, Problem, Claim, Receipt)
)


@dataclass(frozen=True, slots=True)
class ReadableEntries:
    """Which entries a viewer may read, and the labels of their leads for that viewer."""

    has_records: bool  # an auditor reads who did what to a record, and none of its words
    leads: Mapping[int, frozenset[int]]  # by entry id
    labels: Mapping[int, LeadLabel]
    orders: frozenset[int] = frozenset()  # about figures hidden from the viewer
    withheld: frozenset[int] = frozenset()  # ids of entries that name somebody who was erased
    companies: Mapping[int, str] = field(default_factory=dict)  # names of those met that are seen

    def may_read(self, entry: AuditEntry) -> bool:
        """Whether the values before and after may be shown."""
        if entry.subject not in TRACED | WITHOUT_LEADS:
            return False
        if not self.has_records and entry.subject not in WITHOUT_LEADS - OF_RECORDS:
            return False
        if entry.id in self.withheld:
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
    linked = _leads_linked(db, entries)
    orders = _orders(db, viewer, _ids(entries, Order.__tablename__), on)
    removed = _of_removed_leads(db, entries)
    leads = {}

    for entry in entries:
        own = {*_lead_ids(entry.before), *_lead_ids(entry.after)}
        # PROJECTS 6: of a merged lead the survivor decides
        if entry.subject == Lead.__tablename__ and not linked[entry.subject, entry.subject_id]:
            own.add(entry.subject_id)
        order = orders.get(entry.subject_id) if entry.subject == Order.__tablename__ else None
        if order and order.lead_id is not None:
            own.add(order.lead_id)
        own |= linked[entry.subject, entry.subject_id]
        if entry.id in removed:
            own.add(NO_LEAD)
        leads[entry.id] = frozenset(own)

    labels = lead_labels(db, viewer, set().union(*leads.values()), on)
    hidden = frozenset(order_id for order_id, order in orders.items() if order.is_hidden)

    return ReadableEntries(
        viewer.role in WITH_RECORDS,
        leads,
        labels,
        hidden,
        _withheld(db, entries),
        _companies(db, viewer, entries, on),
    )


def _withheld(db: Session, entries: Sequence[AuditEntry]) -> frozenset[int]:
    ids = [entry.id for entry in entries]
    query = select(WithheldEntry.entry_id).where(WithheldEntry.entry_id.in_(ids))
    return frozenset(db.scalars(query))


def _of_removed_leads(db: Session, entries: Iterable[AuditEntry]) -> set[int]:
    """Ids of entries about leads that are no more: SQLite may have given their id anew."""
    if not (ids := _ids(entries, Lead.__tablename__)):
        return set()
    entered = dict(db.execute(select(Lead.id, Lead.entered_at).where(Lead.id.in_(ids))).all())
    return {
        entry.id
        for entry in entries
        if entry.subject == Lead.__tablename__
        and (since := entered.get(entry.subject_id))
        and entry.at < since
    }


def _companies(
    db: Session, viewer: Viewer, entries: Iterable[AuditEntry], on: date
) -> dict[int, str]:
    """Of the companies met at visits, the names of those that the viewer may see."""
    met = (
        row.get("company_id")
        for entry in entries
        if entry.subject == Visit.__tablename__
        for values in (entry.before, entry.after)
        for row in entry_values(values).get("companies") or ()
    )
    if not (ids := {company_id for company_id in met if company_id}):
        return {}
    query = select(Company.id, Company.name).where(Company.id.in_(ids), visible_company(viewer, on))
    return dict(db.execute(query).all())


def _orders(
    db: Session, viewer: Viewer, order_ids: set[int], on: date
) -> Mapping[int, Row[int, int | None, bool]]:
    """By id the lead of each order, and whether its figure is hidden from the viewer (REGIME 2)."""
    if not order_ids:
        return {}
    is_hidden = ~figure_allows(figure_scope(db, viewer, on))
    query = select(Order.id, Order.lead_id, is_hidden.label("is_hidden"))
    return {row.id: row for row in db.execute(query.where(Order.id.in_(order_ids)))}


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


def _leads_linked(
    db: Session, entries: Sequence[AuditEntry]
) -> defaultdict[tuple[str, int], set[int]]:
    """Leads by subject and row: of companies, follow-ups, visits and problems.

    What is known of a company came with one of its leads; the text of a visit may mention any lead
    that it has or had.
    """
    found: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    links = [
        select(literal(table.__tablename__), row_id, lead_id).where(row_id.in_(ids))
        for table, row_id, lead_id in (
            (Company, Lead.company_id, Lead.id),
            (Followup, Followup.id, Followup.lead_id),
            (Claim, Claim.id, Claim.lead_id),
            (Receipt, Receipt.id, Receipt.lead_id),
            (Visit, VisitLead.visit_id, VisitLead.lead_id),
            (Problem, ProblemLead.problem_id, ProblemLead.lead_id),
        )
        if (ids := _ids(entries, table.__tablename__))
    ]
    if ids := _ids(entries, Contact.__tablename__):
        of_company = select(literal(Contact.__tablename__), Contact.id, Lead.id)
        joined = of_company.join(Lead, Lead.company_id == Contact.company_id)
        links.append(joined.where(Contact.id.in_(ids)))
    links += [
        select(literal(kind.value), Merge.merged_id, Lead.id)
        .join(Lead, its_lead)
        .where(*standing_merges(kind), Merge.merged_id.in_(ids))
        for kind, its_lead in (
            (Mergeable.COMPANY, Lead.company_id == Merge.survivor_id),
            (Mergeable.LEAD, Lead.id == Merge.survivor_id),
        )
        if (ids := _ids(entries, kind.value))
    ]
    for subject, row_id, lead_id in db.execute(union_all(*links)) if links else ():
        found[subject, row_id].add(lead_id)

    # links that were removed are only known from the entries
    visit_ids = _ids(entries, Visit.__tablename__)
    former = values_of_entries(db, Visit.__tablename__, visit_ids) if visit_ids else ()
    for visit_id, *both in former:
        for values in both:
            found[Visit.__tablename__, visit_id].update(_lead_ids(values))

    return found
