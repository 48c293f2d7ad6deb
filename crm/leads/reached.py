"""Leads found by whom one reaches there: a contact's name or telephone, or a credit code.

Each only as far as the viewer may see it: what came with a hidden lead finds nothing (REGIME 2).
"""

from datetime import date

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union
from sqlalchemy.orm import Session

from crm.base.names import folded, spellings
from crm.leads.models import Company, Contact, Lead
from crm.leads.permissions import visible
from crm.leads.redaction import companies_with_hidden_leads
from crm.leads.search_index import MOST_LIKELY
from crm.people.permissions import Viewer

SHORTEST_NAME = 2  # characters: a surname alone would find half of all leads
SHORTEST_NUMBER = 4  # digits, as of the end of a mobile number
CODE_LENGTH = 18


def companies_reached(db: Session, text: str, viewer: Viewer, on: date) -> list[int]:
    """Ids of the companies so found; read first, as most texts find none and cost no more then."""
    called = folded(text)
    found: list[Select[int]] = []
    if len(called) == CODE_LENGTH:
        code = called.upper()
        is_told = Company.id.not_in(companies_with_hidden_leads(viewer, on))
        found.append(select(Company.id).where(Company.credit_code == code, is_told))
        found.append(select(Lead.company_id).where(Lead.credit_code == code, visible(viewer, on)))

    contact = _contact_called(text)
    if contact is not None:
        found.append(_companies(contact, viewer, on))

    return list(db.scalars(union(*found).limit(MOST_LIKELY))) if found else []


def _contact_called(text: str) -> ColumnElement[bool] | None:
    number = folded(text).replace("-", "").replace("+", "")
    if number.isdecimal():
        if len(number) < SHORTEST_NUMBER:
            return None
        stored = func.replace(func.replace(Contact.phone, " ", ""), "-", "")
        return stored.contains(number, autoescape=True)

    typed = {spelling for spelling in spellings(text) if len(spelling) >= SHORTEST_NAME}
    names = [Contact.name.icontains(spelling, autoescape=True) for spelling in sorted(typed)]
    return or_(*names) if names else None


def _companies(contact: ColumnElement[bool], viewer: Viewer, on: date) -> Select[int]:
    """Companies with such a contact that the viewer may see, as on the pages of their leads."""
    # asked for each contact found, which are few, and not for every lead
    brought_by = select(Lead.id).where(Lead.id == Contact.lead_id, visible(viewer, on))
    hidden = select(Lead.id).where(Lead.company_id == Contact.company_id, ~visible(viewer, on))
    is_seen = or_(
        brought_by.correlate(Contact).exists(),
        and_(Contact.lead_id.is_(None), ~hidden.correlate(Contact).exists()),
    )
    return select(Contact.company_id).where(contact, is_seen)
