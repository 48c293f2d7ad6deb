"""Leads as rows of a file, as far as a viewer may see them (DESIGN 6)."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.sheets import Column
from crm.leads.catalog import industry_name
from crm.leads.models import Company, Lead, LeadRole
from crm.leads.queries import bare_companies, visible_to
from crm.leads.rules import LeadRoleKind
from crm.people.queries import Viewer

LEADS = (
    Column("ref", "编号"),
    Column("company", "投资方"),
    Column("credit_code", "统一社会信用代码"),
    Column("title", "名称"),
    Column("stage", "阶段"),
    Column("industry", "产业"),
    Column("industry_name", "产业名称", shown_only=True),
    Column("park", "落户园区"),
    Column("park_name", "园区名称", shown_only=True),
    Column("source", "线索来源"),
    Column("amount", "总投资"),
    Column("currency", "币种"),
    Column("unit", "责任单位"),
    Column("unit_name", "单位名称", shown_only=True),
    Column("tracker", "跟踪责任人"),
    Column("tracker_name", "跟踪责任人姓名", shown_only=True),
    Column("leader", "挂钩领导"),
    Column("leader_name", "挂钩领导姓名", shown_only=True),
    Column("contact", "联系人"),
    Column("contact_phone", "联系电话"),
    Column("entered_on", "录入日期"),
    Column("note", "备注"),
    # so that a file never makes an open lead of a restricted one
    Column("secrecy", "知悉范围", optional=True),
    Column("code_name", "代号", optional=True),
)
PLAIN = (
    "ref",
    "title",
    "stage",
    "industry",
    "source",
    "amount",
    "currency",
    "entered_on",
    "note",
    "secrecy",
    "code_name",
)
HOLDERS = {
    LeadRoleKind.RESPONSIBLE_UNIT: "unit",
    LeadRoleKind.TRACKER: "tracker",
    LeadRoleKind.ATTACHED_LEADER: "leader",
}


def lead_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The leads with who holds their roles on the date; without a viewer all of them.

    Of a company with a lead that is hidden from the viewer no more than the name (REGIME 2).
    """
    query = visible_to(viewer, on) if viewer else select(Lead)
    bare = set(db.scalars(bare_companies(viewer, on))) if viewer else set()
    loaded = query.order_by(Lead.entered_on, Lead.ref).options(
        joinedload(Lead.company).selectinload(Company.contacts),
        joinedload(Lead.park),
        selectinload(Lead.roles).options(joinedload(LeadRole.person), joinedload(LeadRole.unit)),
    )
    leads = db.scalars(loaded).all()
    seen = {lead.id for lead in leads}
    return [_row(lead, on, seen, is_bare=lead.company_id in bare) for lead in leads]


def _row(lead: Lead, on: date, seen: set[int], *, is_bare: bool) -> dict[str, object]:
    told = [
        each
        for each in lead.company.contacts
        if each.lead_id in seen or (each.lead_id is None and not is_bare)
    ]
    contact = min(told, key=lambda each: (each.lead_id != lead.id, each.id), default=None)

    return {
        **{name: getattr(lead, name) for name in PLAIN},
        "company": lead.company.name,
        "credit_code": lead.credit_code or (None if is_bare else lead.company.credit_code),
        "industry_name": industry_name(lead.industry),
        "park": lead.park.code if lead.park else None,
        "park_name": lead.park.name if lead.park else None,
        "contact": contact.name if contact else None,
        "contact_phone": contact.phone if contact else None,
        **_holders(lead, on),
    }


def _holders(lead: Lead, on: date) -> dict[str, object]:
    """Who holds the lead's roles on the date, by account or code and by name."""
    cells: dict[str, object] = {}
    for role in lead.roles:
        if role.role in HOLDERS and role.from_on <= on and (role.to_on or on) >= on:
            column = HOLDERS[role.role]
            holder = role.person or role.unit
            cells[column] = role.person.username if role.person else role.unit and role.unit.code
            cells[f"{column}_name"] = holder and holder.name
    return cells
