"""Imported leads inserted in few statements, each as the form would have entered it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from crm.base.audit import Created, CreatedEntries, prepare_created, record_created
from crm.base.bulk import Converted, convert, insert_converted, new_ids
from crm.base.db import Base
from crm.base.money import Currency, Stated
from crm.base.value_class import value_class
from crm.leads.amount_models import LeadAmount
from crm.leads.catalog_models import LeadSite
from crm.leads.contacts import ContactData
from crm.leads.import_companies import NewCompany, spelled
from crm.leads.import_own import OwnValues
from crm.leads.import_steps import Step
from crm.leads.models import Company, Contact, Lead, LeadRole, Milestone, MilestonePlan, lead_search
from crm.leads.own_field_models import LeadOwnValue
from crm.leads.own_values import value_columns
from crm.leads.rates import rate_of
from crm.leads.rules import UNIT_ROLES, AmountKind, LeadRoleKind, Stage
from crm.leads.search_index import index_new, tokens_of_new
from crm.people.models import Person


@value_class(kw_only=True)
class NewLead:
    """A lead that may be inserted."""

    columns: Mapping[str, Any]  # but for those of its company, its earlier project and its entry
    company: int | NewCompany  # the id of a known one
    earlier: int | str | None = None  # an id, or the reference of another lead of the file
    contact: ContactData | None = None
    steps: Sequence[Step] = ()
    roles: Sequence[tuple[LeadRoleKind, int]] = ()  # with the id of a person or a unit
    amounts: Mapping[AmountKind, Stated]
    own: OwnValues = ()
    stated_on: date | None = None
    plans: Sequence[tuple[str, date]] = ()  # of milestones, by code
    site_ids: Sequence[int] = ()
    offered_on: date | None = None  # the sites


@value_class
class Part:
    """Rows of a table that belong to leads; the number of its lead goes with each."""

    table: type[Base]
    numbers: Sequence[int]
    rows: Converted


@value_class
class PreparedCompanies:
    """Companies as they are inserted, but for their ids."""

    names: Sequence[str]
    rows: Converted
    tokens: Sequence[str]  # of the search


@value_class
class PreparedLeads:
    """Leads as they are inserted, but for their ids."""

    leads: Sequence[NewLead]
    rows: Converted
    tokens: Sequence[str]  # of the search
    companies: PreparedCompanies
    parts: Sequence[Part]
    entries: CreatedEntries


def prepare_companies(
    db: Session, companies: Sequence[NewCompany], now: datetime
) -> PreparedCompanies:
    """Do for companies what needs no lock; of one name the first is kept."""
    by_name: dict[str, NewCompany] = {}
    for company in companies:
        by_name.setdefault(company.name, company)

    rows = [
        {
            "name": row.name,
            **spelled(row.name)._asdict(),
            "credit_code": row.credit_code,
            "group_name": row.group_name,
            "country": row.country,
            "created_at": now,
        }
        for row in by_name.values()
    ]
    tokens = tokens_of_new(Company, rows)
    return PreparedCompanies(list(by_name), convert(db, Company, rows), tokens)


def insert_companies(db: Session, companies: PreparedCompanies) -> dict[str, int]:
    """Insert companies; returns their ids by name."""
    columns, converted = companies.rows
    ids = new_ids(db, Company, len(converted))
    rows = [(company_id, *row) for company_id, row in zip(ids, converted, strict=True)]
    insert_converted(db, Company, ("id", *columns), rows)
    index_new(db, Company, ids, companies.tokens)
    return dict(zip(companies.names, ids, strict=True))


def prepare(
    db: Session, leads: Sequence[NewLead], *, by: Person | None, now: datetime
) -> PreparedLeads:
    """Do for leads what needs no lock, so that `insert_prepared` holds one but briefly."""
    by_id = by.id if by else None
    entry = {"entered_at": now, "entered_by_id": by_id}
    new = [lead.company for lead in leads if isinstance(lead.company, NewCompany)]
    created = [Created(by_id, _audited(lead)) for lead in leads]
    rows = [{**lead.columns, **entry, **_search(lead)} for lead in leads]

    return PreparedLeads(
        leads,
        convert(db, Lead, rows),
        tokens_of_new(Lead, rows),
        prepare_companies(db, new, now),
        [
            _part(db, Contact, [_contacts(lead, now) for lead in leads]),
            _part(db, Milestone, [_milestones(lead, entry) for lead in leads]),
            _part(db, MilestonePlan, [_plans(lead, entry) for lead in leads]),
            _part(db, LeadSite, [_sites(lead, entry) for lead in leads]),
            _part(db, LeadRole, [_roles(lead) for lead in leads]),
            _part(db, LeadAmount, _amounts(db, leads, entry)),
            _part(db, LeadOwnValue, [_own_values(lead, entry) for lead in leads]),
        ],
        prepare_created(db, "lead.imported", Lead, created, at=now),
    )


def insert_prepared(db: Session, prepared: PreparedLeads) -> Sequence[int]:
    """Insert leads with all that belongs to them; returns their ids."""
    if not prepared.leads:
        return []

    new = insert_companies(db, prepared.companies)
    companies = [
        new[lead.company.name] if isinstance(lead.company, NewCompany) else lead.company
        for lead in prepared.leads
    ]
    columns, converted = prepared.rows
    ids = new_ids(db, Lead, len(converted))
    refs = {lead.columns["ref"]: lead_id for lead, lead_id in zip(prepared.leads, ids, strict=True)}
    earlier = [refs.get(lead.earlier, lead.earlier) for lead in prepared.leads]
    rows = [(*own, *row) for *own, row in zip(ids, companies, earlier, converted, strict=True)]
    insert_converted(db, Lead, ("id", "company_id", "earlier_lead_id", *columns), rows)

    for part in prepared.parts:
        _insert_part(db, part, ids, companies)
    index_new(db, Lead, ids, prepared.tokens)
    record_created(db, prepared.entries, ids)
    return ids


def _insert_part(
    db: Session, part: Part, lead_ids: Sequence[int], company_ids: Sequence[int]
) -> None:
    columns, converted = part.rows
    own: Sequence[tuple[int, ...]] = [(lead_ids[number],) for number in part.numbers]
    names: tuple[str, ...] = ("lead_id",)
    if part.table is Contact:
        own = [(lead_ids[number], company_ids[number]) for number in part.numbers]
        names = ("lead_id", "company_id")
    rows = [(*keys, *row) for keys, row in zip(own, converted, strict=True)]
    insert_converted(db, part.table, (*names, *columns), rows)


def _part(db: Session, table: type[Base], rows: Sequence[Sequence[Mapping[str, Any]]]) -> Part:
    numbers = [number for number, of_lead in enumerate(rows) for _ in of_lead]
    return Part(table, numbers, convert(db, table, [row for of_lead in rows for row in of_lead]))


def _contacts(lead: NewLead, now: datetime) -> list[dict[str, Any]]:
    contact = lead.contact
    if contact is None:
        return []
    values = {"position": contact.position, "phone": contact.phone, "email": contact.email}
    return [{"name": contact.name, **values, "created_at": now}]


def _milestones(lead: NewLead, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "kind": str(step.kind),
            "reached_on": step.on,
            "reason": step.reason,
            "agreement": step.agreement,
            "look_again_on": step.look_again_on,
            **entry,
        }
        for step in lead.steps
    ]


def _plans(lead: NewLead, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"kind": str(kind), "planned_on": on, **entry} for kind, on in lead.plans]


def _sites(lead: NewLead, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    offer = {"offered_on": lead.offered_on, **entry}
    return [{"site_id": site_id, **offer} for site_id in lead.site_ids]


def _own_values(lead: NewLead, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**value_columns(field, value), **entry} for field, value in lead.own]


def _roles(lead: NewLead) -> list[dict[str, Any]]:
    return [
        {
            "role": role,
            "person_id": None if role in UNIT_ROLES else holder_id,
            "unit_id": holder_id if role in UNIT_ROLES else None,
            "from_on": lead.columns["entered_on"],
        }
        for role, holder_id in lead.roles
    ]


def _amounts(
    db: Session, leads: Sequence[NewLead], entry: Mapping[str, Any]
) -> list[list[dict[str, Any]]]:
    rates: dict[tuple[Currency, date], Decimal | None] = {}

    def rate(currency: Currency, signed_on: date | None) -> Decimal | None:
        if currency is Currency.CNY or signed_on is None:
            return None
        if (currency, signed_on) not in rates:
            rates[currency, signed_on] = rate_of(db, currency, signed_on)
        return rates[currency, signed_on]

    rows = []
    for lead in leads:
        signed_on = next((step.on for step in lead.steps if step.kind == Stage.SIGNED), None)
        kept = {kind: rate(currency, signed_on) for kind, (_, currency) in lead.amounts.items()}
        rows.append(
            [
                {
                    "kind": kind,
                    "amount": amount,
                    "currency": currency,
                    "rate": kept[kind],
                    "rate_on": signed_on if kept[kind] else None,
                    "stated_on": lead.stated_on,
                    **entry,
                }
                for kind, (amount, currency) in lead.amounts.items()
            ]
        )
    return rows


def _search(lead: NewLead) -> dict[str, str]:
    names = ("title", "project_company", "project_company_code")
    return {"search": lead_search(*(lead.columns[name] for name in names))}


def _audited(lead: NewLead) -> dict[str, object]:
    company = lead.company.name if isinstance(lead.company, NewCompany) else None
    kept = ("ref", "title", "stage", "secrecy", "entered_on")
    after = {name: lead.columns[name] for name in kept}
    return after | ({"company": company} if company else {})
