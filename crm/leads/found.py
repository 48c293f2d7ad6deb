"""Leads, companies and contacts as the search of everything finds them (PROJECTS 2)."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from crm.base.typed_text import half_width
from crm.base.value_class import value_class
from crm.leads.company_queries import matching_companies, visible_company
from crm.leads.merged import Merge, merged_as
from crm.leads.models import Company, Lead
from crm.leads.permissions import visible
from crm.leads.queries import matching
from crm.leads.reached import ReachedContact, companies_with_code, contacts_reached
from crm.leads.rules import Secrecy, Stage
from crm.people.permissions import Viewer

MOST_READ = 100  # leads and companies: a page shows a few, and visits are searched for by all


class FoundLead(NamedTuple):
    """A lead that the viewer may see."""

    id: int
    title: str
    company: str
    stage: Stage
    secrecy: Secrecy
    has_ref: bool  # the text is its reference, or that of a lead merged into it


class FoundCompany(NamedTuple):
    """A company that the viewer may see."""

    id: int
    name: str
    has_code: bool  # the text is its credit code


@value_class
class FoundRecords:
    """What a text finds, the latest first."""

    leads: Sequence[FoundLead]
    companies: Sequence[FoundCompany]
    contacts: Sequence[ReachedContact]


def found_records(db: Session, viewer: Viewer, on: date, text: str) -> FoundRecords:
    """The leads, companies and contacts found by the text that the viewer may see.

    Leads and companies are found by their contacts, too.
    """
    contacts = contacts_reached(db, text, viewer, on)
    coded = companies_with_code(db, text, viewer, on)
    reached = {*coded, *(contact.company_id for contact in contacts)}

    leads = _leads(db, viewer, on, text, reached)
    companies = _companies(db, viewer, on, text, reached)

    return FoundRecords(leads, [FoundCompany(*row, row.id in coded) for row in companies], contacts)


def _leads(
    db: Session, viewer: Viewer, on: date, text: str, reached: set[int]
) -> Sequence[FoundLead]:
    ref = half_width(text).upper()
    has_ref = or_(Lead.ref == ref, Lead.id.in_(merged_as(Merge.merged_ref == ref)))
    found = matching(db, text, viewer, on, reached=reached)

    query = (
        select(Lead.id, Lead.title, Company.name, Lead.stage, Lead.secrecy, has_ref)
        .join(Lead.company)
        .where(visible(viewer, on), found)
        .order_by(Lead.entered_on.desc(), Lead.id.desc())
        .limit(MOST_READ)
    )
    return [FoundLead(*row) for row in db.execute(query)]


def _companies(
    db: Session, viewer: Viewer, on: date, text: str, reached: set[int]
) -> Sequence[Row[int, str]]:
    found = matching_companies(db, text, viewer, on, reached=reached)
    query = (
        select(Company.id, Company.name)
        .where(visible_company(viewer, on), found)
        # by id, of which there is an index: a common text is found on the way
        .order_by(Company.id.desc())
        .limit(MOST_READ)
    )
    return db.execute(query).all()
