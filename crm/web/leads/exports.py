"""The list of leads as a file, as it is filtered and sorted (PROJECTS 2)."""

from flask.typing import ResponseReturnValue

from crm.base.db import batches
from crm.base.sheets import Column, Format
from crm.extensions import db
from crm.files.queries import counts_of
from crm.followups.queries import NextStep, next_steps
from crm.leads.lists import ListedLead, all_leads
from crm.leads.models import LeadFile
from crm.leads.own_fields import own_columns
from crm.leads.own_values import own_cells, values_of_leads
from crm.leads.parked import look_again_dates, parked_of
from crm.leads.rules import LeadRoleKind, missing_roles
from crm.web.auth import my_view
from crm.web.downloads import FILE_COUNT, Export, exported
from crm.web.leads.listing import list_filters
from crm.web.leads.rows import LOOK_AGAIN
from crm.web.transaction import today

COLUMNS = (
    Column("title", "项目"),
    Column("company", "企业"),
    Column("secrecy", "知悉范围"),
    Column("lacks", "缺少的分工"),
    Column("stage", "阶段"),
    Column("step", "下一步"),
    Column("due", "期限"),
    Column("tracker", "跟踪责任人"),
    Column("unit", "责任单位"),
    Column("amount", "总投资"),
    Column("currency", "币种"),
    Column("contact", "最近联系"),
    Column("files", FILE_COUNT),
)


def export(suffix: str) -> ResponseReturnValue:
    """All rows of the list that the address asks for."""
    filters, on = list_filters(), today()
    order = filters.sort.order(on) if filters.sort else None
    leads = all_leads(db.session, my_view(), on, by=filters.by, order=order)

    steps: dict[int, NextStep] = {}
    for part in batches([lead.id for lead in leads]):
        steps |= next_steps(db.session, part)
    for part in batches(parked_of(leads)):
        again = look_again_dates(db.session, part)
        steps |= {
            lead_id: NextStep(on, LOOK_AGAIN)
            for lead_id, on in again.items()
            if lead_id not in steps
        }

    own = values_of_leads(db.session, [lead.id for lead in leads])
    files = counts_of(db.session, LeadFile, [lead.id for lead in leads])
    rows = [
        _row(lead, steps.get(lead.id))
        | {"files": files.get(lead.id)}
        | own_cells(db.session, own.get(lead.id, {}))
        for lead in leads
    ]
    columns = (*COLUMNS, *own_columns(db.session))
    return exported(Export("线索", f"leads-{on:%Y%m%d}", columns, Format(suffix)), rows)


def _row(lead: ListedLead, step: NextStep | None) -> dict[str, object]:
    missing = missing_roles(lead.stage, lead.size, lead.holders)

    return {
        "title": lead.title,
        "company": lead.company,
        "secrecy": lead.secrecy,
        "lacks": "、".join(role.label for role in missing),
        "stage": lead.stage,
        "step": step.what if step else None,
        "due": step.due_on if step else None,
        "tracker": lead.holders.get(LeadRoleKind.TRACKER),
        "unit": lead.holders.get(LeadRoleKind.RESPONSIBLE_UNIT),
        "amount": lead.amount,
        "currency": lead.currency,
        "contact": lead.last_contact_on,
    }
