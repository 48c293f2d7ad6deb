"""What people wrote in sentences that name a contact: listed for a person to decide (PIPL)."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.people.permissions import Viewer
from crm.personal_data.places import Places
from crm.personal_data.visibility import visible_ids
from crm.visits.models import Visit, VisitCompany, VisitLead

_COLUMNS: dict[type[Any], tuple[str, ...]] = {
    Visit: ("minutes", "next_step", "note"),
    Lead: ("title", "note"),
    Followup: ("what", "result"),
}


@value_class
class FreeText:
    """A record whose sentences name the contact; they are not repeated here."""

    table: type[Any]
    row_id: int
    ref: str
    fields: tuple[str, ...]


@value_class
class FreeTexts:
    """Those that the viewer may read, and how many others there are."""

    shown: list[FreeText]
    hidden: int


def free_texts(db: Session, places: Places, viewer: Viewer, on: date) -> FreeTexts:
    """The records around the contact's company whose sentences have the name, number or address."""
    words = sorted(places.data.words)
    companies = {contact.company_id for contact in places.contacts}
    of_company = select(VisitCompany.visit_id).where(VisitCompany.company_id.in_(companies))
    of_leads = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(places.lead_ids))
    scopes = (
        (Visit, Visit.id.in_(of_company) | Visit.id.in_(of_leads)),
        (Lead, Lead.id.in_(places.lead_ids)),
        (Followup, Followup.lead_id.in_(places.lead_ids)),
    )
    found = [text for table, scope in scopes for text in _found(db, table, scope, words)]

    visit_ids = [text.row_id for text in found if text.table is Visit]
    seen = visible_ids(db, viewer, on, lead_ids=places.lead_ids, visit_ids=visit_ids)
    shown = [text for text in found if text.row_id in seen[text.table]]
    return FreeTexts(shown, len(found) - len(shown))


def _found(
    db: Session, table: type[Any], scope: ColumnElement[bool], words: list[str]
) -> Iterator[FreeText]:
    names = _COLUMNS[table]
    columns = [getattr(table, name) for name in names]
    named = [column.contains(word, autoescape=True) for column in columns for word in words]
    for row in db.scalars(select(table).where(scope, or_(*named)).order_by(table.id)):
        values = {name: getattr(row, name) or "" for name in names}
        fields = tuple(
            name for name, value in values.items() if any(word in value for word in words)
        )
        yield FreeText(table, row.id, row.ref, fields)
