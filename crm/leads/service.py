"""What happens to leads: entered and changed, with their company and contact (REGIME 2, 6)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.money import Currency, Stated
from crm.base.refs import new_ref
from crm.leads.amounts import Changes, check_amounts, keep_amounts
from crm.leads.catalog import industries, offered
from crm.leads.catalog_models import CatalogKind
from crm.leads.companies import (
    OF_COMPANY,
    CompanyData,
    LeadScope,
    changed_company,
    company_for,
    company_values_shown,
    update_company,
)
from crm.leads.contacts import ContactData, keep_contact, move_contacts
from crm.leads.credit_codes import credit_code_of, require_credit_code
from crm.leads.fields import OWN_TEXTS, LeadData
from crm.leads.models import Company, Lead, LeadRole, Milestone
from crm.leads.own_fields import OwnValue
from crm.leads.own_values import keep_own_values
from crm.leads.permissions import (
    colleague_of,
    may_see,
    require_change,
    require_overseen,
    role_held_on,
    supervisors_of_lead,
)
from crm.leads.progress import correct_milestone, reach, withdraw_milestone
from crm.leads.roles import end_role, give_role, name_holder
from crm.leads.rules import AmountKind, LeadRoleKind, Secrecy, Stage
from crm.people.models import Person, Unit
from crm.people.permissions import require_records, viewer
from crm.people.queries import primary_posting
from crm.people.rules import UnitKind

__all__ = [
    "CompanyData",
    "ContactData",
    "LeadData",
    "add_lead",
    "change_lead",
    "correct_milestone",
    "end_role",
    "give_role",
    "reach",
    "withdraw_milestone",
]


def add_lead(db: Session, *, data: LeadData, by: Person | None, now: datetime) -> Lead:
    """Enter a lead; the same reference by the same person is the same lead, and harmless.

    Refused as `not_yours`, `required`, `code_name_needed`, `bad_amount`, `unknown_industry`,
    `no_such_unit`, `no_such_person`, `no_such_lead`, `in_future`, `duplicate_ref`,
    `bad_credit_code`.
    """
    require_records(by)

    today = civil_date(now)
    ref = data.ref.strip()
    if ref and (lead := _lead_by_ref(db, ref, by)):
        return lead

    require_credit_code(data.company.own["credit_code"])
    on = data.entered_on or today
    if on > today:
        raise Refused("in_future", field="entered_on", on=on)

    lead = Lead(
        ref=ref or new_ref("L", today),
        stage=Stage.LEAD,
        entered_on=on,
        entered_at=now,
        entered_by_id=by.id if by else None,
        **_checked_columns(db, data, by=by, on=today),
        **data.company.own,
    )
    scope = _scope(db, by, today)

    try:
        with db.begin_nested():
            # within the savepoint, too: a repeat leaves no company behind
            lead.company_id = company_for(db, data.company, scope, now=now).id
            db.add(lead)
    except IntegrityError:  # the same form came twice at once
        if known := _lead_by_ref(db, lead.ref, by):
            return known
        raise

    _add_parts(db, lead, data, by=by, now=now)
    _, amounts = _keep_amounts(db, lead, data, by=by, now=now)
    _, contact = keep_contact(db, lead, data.contact, scope, now=now)
    _, own = keep_own_values(db, lead, data.own_values, by=by, now=now)
    after = _audited_values(data) | amounts | contact | own
    record(db, "lead.added", lead, by=by, at=now, after=after)

    return lead


def change_lead(
    db: Session, *, lead: Lead, data: LeadData, by: Person | None, now: datetime
) -> Lead:
    """Change a lead; roles and milestones have functions of their own.

    Refused as `add_lead` is, and as `supervisor_needed`. Who restricts a lead is named on it.
    """
    require_change(db, lead, by, now)
    data = _keep_hidden_earlier(db, lead, data, by=by, on=civil_date(now))
    values = _checked_columns(db, data, by=by, on=civil_date(now), lead=lead)
    scope = _scope(db, by, civil_date(now))
    was = _change_company(db, lead, data.company, scope, by=by, now=now)
    before, after = changes(lead, values)
    for part in (
        was,
        _keep_amounts(db, lead, data, by=by, now=now),
        keep_contact(db, lead, data.contact, scope, now=now),
        keep_own_values(db, lead, data.own_values, by=by, now=now),
    ):
        before, after = before | part[0], after | part[1]

    if lead.secrecy is Secrecy.RESTRICTED and by:
        _name_person(db, lead, by, from_on=civil_date(now), by=by, now=now)
        if "secrecy" in after:
            _keep_informed(db, lead, data.informed_id, by=by, now=now)

    if after:
        record(db, "lead.changed", lead, by=by, at=now, before=before, after=after)

    return lead


def change_industry(
    db: Session, *, lead: Lead, industry: str | None, by: Person | None, now: datetime
) -> None:
    """Change the industry alone; refused as `not_yours` and `unknown_industry`."""
    require_change(db, lead, by, now)
    if industry and industry not in industries(db):
        raise Refused("unknown_industry", field="industry")

    before, after = changes(lead, {"industry": industry or None})
    if after:
        record(db, "lead.changed", lead, by=by, at=now, before=before, after=after)


def change_own_values(
    db: Session,
    *,
    lead: Lead,
    values: Mapping[str, OwnValue | None],
    by: Person | None,
    now: datetime,
) -> None:
    """Change values of the zone's own fields alone; refused as `DefinedField.read` is."""
    require_change(db, lead, by, now)
    before, after = keep_own_values(db, lead, values, by=by, now=now)
    if after:
        record(db, "lead.changed", lead, by=by, at=now, before=before, after=after)


def _scope(db: Session, by: Person | None, on: date) -> LeadScope:
    return LeadScope(viewer(db, by, on) if by else None, on)


def _change_company(  # noqa: PLR0913 - one change, whole
    db: Session,
    lead: Lead,
    data: CompanyData,
    scope: LeadScope,
    *,
    by: Person | None,
    now: datetime,
) -> tuple[dict[str, object], dict[str, object]]:
    """Change the lead's company; returns the values before and after by name.

    The trail has names only: that the company is another row may reveal a hidden lead.
    """
    old = db.get_one(Company, lead.company_id)
    was = {"company": old.name, **company_values_shown(db, lead, old, scope)}
    code = data.own["credit_code"]
    if code != was["credit_code"]:  # one entered before it was checked may stay
        require_credit_code(code)
    company = changed_company(db, lead, data, scope, now=now)

    if company is not old:
        lead.company_id = company.id
        db.flush()
        move_contacts(db, lead)

    values = {"company": company.name, **data.own}
    changed = [name for name in values if values[name] != was[name]]
    own = {name: values[name] for name in OF_COMPANY if name in changed}
    changes(lead, own)
    update_company(db, company, own, scope, by=by, now=now)

    return {name: was[name] for name in changed}, {name: values[name] for name in changed}


def _lead_by_ref(db: Session, ref: str, by: Person | None) -> Lead | None:
    lead = db.scalar(select(Lead).where(Lead.ref == ref))
    if lead and lead.entered_by_id != (by.id if by else None):
        raise Refused("duplicate_ref", field="ref", ref=ref)
    return lead


def _checked_columns(
    db: Session, data: LeadData, *, by: Person | None, on: date, lead: Lead | None = None
) -> dict[str, object]:
    """The lead's own columns; refuses what does not hold together."""
    for field, text in (("company", data.company.name), ("title", data.title)):
        if not text.strip():
            raise Refused("required", field=field)

    texts = {name: (getattr(data, name) or "").strip() or None for name in OWN_TEXTS}
    texts["project_company_code"] = credit_code_of(data.project_company_code)
    if not (lead and lead.project_company_code == texts["project_company_code"]):
        require_credit_code(texts["project_company_code"], "project_company_code")
    if data.secrecy is Secrecy.RESTRICTED and not texts["code_name"]:
        raise Refused("code_name_needed", field="code_name")
    if data.industry and data.industry not in industries(db):
        raise Refused("unknown_industry", field="industry")
    _check_source(db, texts["source"], lead)

    if data.park_id and not (lead and lead.park_id == data.park_id):
        park = db.get(Unit, data.park_id)
        if park is None or park.kind is not UnitKind.PARK:
            raise Refused("no_such_unit", field="park_id")

    _check_earlier(db, data, by=by, on=on, lead=lead)
    check_amounts(_amounts(data))

    return {
        "title": data.title.strip(),
        "secrecy": data.secrecy,
        "industry": data.industry or None,
        "park_id": data.park_id,
        "earlier_lead_id": data.earlier_lead_id,
        **texts,
    }


def _check_source(db: Session, source: str | None, lead: Lead | None) -> None:
    """Refuse a source that no list has; what the lead has already, stays."""
    if source in (None, lead.source if lead else None):
        return
    if source not in offered(db, CatalogKind.SOURCE).values():
        raise Refused("unknown_source", field="source")


def _keep_hidden_earlier(
    db: Session, lead: Lead, data: LeadData, *, by: Person | None, on: date
) -> LeadData:
    """Keep an earlier lead that they may not see: nobody clears what they cannot see."""
    earlier = lead.earlier_lead_id
    if by is None or earlier is None or may_see(db, viewer(db, by, on), earlier, on):
        return data
    return replace(data, earlier_lead_id=earlier)


def _check_earlier(
    db: Session, data: LeadData, *, by: Person | None, on: date, lead: Lead | None
) -> None:
    earlier = data.earlier_lead_id
    if earlier is None or (lead and lead.earlier_lead_id == earlier):
        return
    if by and not may_see(db, viewer(db, by, on), earlier, on):
        raise Refused("no_such_lead", field="earlier_lead_id")
    take_exclusive_lock(db)  # two changes at once could make a ring that neither of them is
    if lead and lead.id in _ancestry(db, earlier):
        raise Refused("earlier_than_itself", field="earlier_lead_id")


def _ancestry(db: Session, lead_id: int) -> set[int]:
    """The lead and those that came before it."""
    chain: set[int] = set()
    current: int | None = lead_id
    while current is not None and current not in chain:
        chain.add(current)
        current = db.scalar(select(Lead.earlier_lead_id).where(Lead.id == current))
    return chain


def _amounts(data: LeadData) -> dict[AmountKind, Stated | None]:
    total = None if data.amount is None else (data.amount, data.currency or Currency.CNY)
    return {AmountKind.TOTAL: total, **(data.other_amounts or {})}


def _keep_amounts(
    db: Session, lead: Lead, data: LeadData, *, by: Person | None, now: datetime
) -> Changes:
    return keep_amounts(db, lead, _amounts(data), stated_on=data.stated_on, by=by, now=now)


def _add_parts(
    db: Session, lead: Lead, data: LeadData, *, by: Person | None, now: datetime
) -> None:
    """The first milestone, the contact and the roles of a new lead."""
    db.add(
        Milestone(
            lead_id=lead.id,
            kind=Stage.LEAD,
            reached_on=lead.entered_on,
            entered_at=now,
            entered_by_id=lead.entered_by_id,
        )
    )
    holders = _holders(db, lead, data, by)
    if lead.secrecy is Secrecy.RESTRICTED and LeadRoleKind.TRACKER not in holders and by:
        holders[LeadRoleKind.TRACKER] = by

    # persons first: a restricted lead is never without somebody named
    for role, holder in sorted(holders.items(), key=lambda item: isinstance(item[1], Unit)):
        name_holder(
            db, lead=lead, role=role, holder=holder, from_on=lead.entered_on, by=by, now=now
        )

    if lead.secrecy is Secrecy.RESTRICTED and by:
        _name_person(db, lead, by, from_on=lead.entered_on, by=by, now=now)


def _holders(
    db: Session, lead: Lead, data: LeadData, by: Person | None
) -> dict[LeadRoleKind, Person | Unit]:
    holders: dict[LeadRoleKind, Person | Unit] = {}
    on = civil_date(lead.entered_at)
    if data.tracker_id:
        holders[LeadRoleKind.TRACKER] = colleague_of(db, data.tracker_id, "tracker_id", on=on)

    if data.leader_id:
        leader = colleague_of(db, data.leader_id, "leader_id", on=on)
        holders[LeadRoleKind.ATTACHED_LEADER] = leader

    # without a unit named, the one of whoever enters it is responsible
    own = primary_posting(db, by.id, lead.entered_on) if by else None

    if unit_id := data.unit_id or (own and own.unit_id):
        unit = db.get(Unit, unit_id)
        if unit is None:
            raise Refused("no_such_unit", field="unit_id")
        holders[LeadRoleKind.RESPONSIBLE_UNIT] = unit

    return holders


def _name_person(  # noqa: PLR0913 - as name_holder, whose role follows from the lead
    db: Session, lead: Lead, person: Person, *, from_on: date, by: Person, now: datetime
) -> None:
    """Name a person on a restricted lead, as its tracker where it has none (REGIME 2)."""
    held = db.execute(
        select(LeadRole.person_id, LeadRole.role).where(
            LeadRole.lead_id == lead.id, role_held_on(from_on)
        )
    ).all()
    if any(row.person_id == person.id for row in held):
        return

    has_tracker = any(row.role is LeadRoleKind.TRACKER for row in held)
    role = LeadRoleKind.TASK_FORCE_MEMBER if has_tracker else LeadRoleKind.TRACKER
    name_holder(db, lead=lead, role=role, holder=person, from_on=from_on, by=by, now=now)


def _keep_informed(
    db: Session, lead: Lead, informed_id: int | None, *, by: Person, now: datetime
) -> None:
    """Name the chosen supervisor in whose scope the lead lies, lest all of them lose it."""
    on = civil_date(now)
    over = supervisors_of_lead(db, lead.id, on)
    if informed_id in over:
        _name_person(db, lead, db.get_one(Person, informed_id), from_on=on, by=by, now=now)
    elif informed_id is not None:
        raise Refused("no_such_person", field="informed_id")
    require_overseen(db, lead, was_overseen=bool(over), by=by, on=on)


def _audited_values(data: LeadData) -> dict[str, object]:
    return {
        "company": data.company.name.strip(),
        "title": data.title.strip(),
        "secrecy": data.secrecy,
        "industry": data.industry,
        **{name: value for name, value in data.company.own.items() if value},
    }
