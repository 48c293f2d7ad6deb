"""Leads found by whom one reaches there: a contact's name or telephone, or a credit code.

Each only as far as the viewer may see it: what came with a hidden lead finds nothing (REGIME 2).
"""

from collections.abc import Sequence
from datetime import date
from functools import cache
from itertools import islice
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union
from sqlalchemy.orm import Session, joinedload

from crm.base.masking import number_found_by
from crm.base.names import folded, spellings
from crm.base.searched import Searched, Word, escaped, icontains
from crm.leads.models import Company, Contact, Lead
from crm.leads.permissions import ON, anybody, values_of, visible
from crm.leads.redaction import companies_with_hidden_leads
from crm.leads.search_index import MOST_LIKELY
from crm.people.permissions import Viewer
from crm.people.rules import Role

SHORTEST_NAME = 2  # characters: a surname alone would find half of all leads
SHORTEST_NUMBER = 4  # digits: the end of a number, as lists show it
CODE_LENGTH = 18
_BETWEEN_DIGITS = (" ", "-", "(", ")")


class ReachedContact(NamedTuple):
    """A contact that the viewer may see, with the company."""

    id: int
    name: str
    position: str | None
    phone: str | None
    company_id: int
    company: str

    def has_number(self, text: str) -> bool:
        """Whether the text is the whole telephone number, however it is written."""
        digits = _digits(text)
        return len(digits) > SHORTEST_NUMBER and number_found_by(digits, self.phone or "")


def companies_reached(db: Session, text: str, viewer: Viewer, on: date) -> list[int]:
    """Ids of the companies so found; read first, as most texts find none and cost no more then."""
    found = companies_with_code(db, text, viewer, on)
    names = _names_in(text)
    if names:
        values = {**values_of(viewer, on), **Searched("", names).values()}
        found += db.scalars(_with_contacts(viewer.role, len(names)), values)
    elif (contact := _contact_called(db, text)) is not None:
        seen = seen_contacts(contact, viewer, on)
        found += db.scalars(select(Contact.company_id).where(seen).limit(MOST_LIKELY))
    return found


@cache
def _with_contacts(role: Role, names: int) -> Select[int]:
    """The companies of contacts of such a name whom `anybody` of the role sees, made once."""
    contact = _is_called(Searched.parameters(names).typed)
    seen = seen_contacts(contact, anybody(role), ON)
    return select(Contact.company_id).distinct().where(seen).limit(MOST_LIKELY)


def companies_with_code(db: Session, text: str, viewer: Viewer, on: date) -> list[int]:
    """Ids of the companies that have the text as their credit code."""
    found = _coded(text, viewer, on)
    return list(db.scalars(union(*found).limit(MOST_LIKELY))) if found else []


def seen_contact(db: Session, viewer: Viewer, contact_id: int, on: date) -> Contact | None:
    """The contact, where the viewer may see it; none: 404."""
    found = seen_contacts(Contact.id == contact_id, viewer, on)
    return db.scalar(select(Contact).where(found).options(joinedload(Contact.company)))


def contacts_reached(db: Session, text: str, viewer: Viewer, on: date) -> Sequence[ReachedContact]:
    """The contacts with the text in their name, or as their number or its end, latest first."""
    contact = _contact_called(db, text)
    if contact is None:
        return []

    columns = (Contact.id, Contact.name, Contact.position, Contact.phone, Contact.company_id)
    query = select(*columns, Company.name).join(Contact.company)
    latest = query.where(seen_contacts(contact, viewer, on)).order_by(Contact.id.desc())
    return [ReachedContact(*row) for row in db.execute(latest.limit(MOST_LIKELY))]


def _coded(text: str, viewer: Viewer, on: date) -> list[Select[int]]:
    code = folded(text).upper()
    if len(code) != CODE_LENGTH:
        return []

    is_told = Company.id.not_in(companies_with_hidden_leads(viewer, on))
    return [
        select(Company.id).where(Company.credit_code == code, is_told),
        select(Lead.company_id).where(Lead.credit_code == code, visible(viewer, on)),
    ]


def _digits(text: str) -> str:
    return folded(text).replace("-", "").replace("+", "")


def _contact_called(db: Session, text: str) -> ColumnElement[bool] | None:
    number = _digits(text)
    if number.isdecimal():
        ids = _with_number(db, number) if len(number) >= SHORTEST_NUMBER else []
        return Contact.id.in_(ids) if ids else None

    names = _names_in(text)
    return _is_called(names) if names else None


def _names_in(text: str) -> tuple[str, ...]:
    """The spellings of a name; none of a number, and of a text that is too short."""
    if _digits(text).isdecimal():
        return ()
    return escaped({spelling for spelling in spellings(text) if len(spelling) >= SHORTEST_NAME})


def _is_called(names: Sequence[Word]) -> ColumnElement[bool]:
    return or_(*(icontains(Contact.name, name) for name in names))


def _with_number(db: Session, digits: str) -> list[int]:
    """Ids of the contacts that the digits find."""
    # the last digits narrow it down in every way of writing a number
    stored: ColumnElement[str | None] = func.coalesce(Contact.phone, "")
    for sign in _BETWEEN_DIGITS:
        stored = func.replace(stored, sign, "")
    ends = stored.contains(digits[-SHORTEST_NUMBER:], autoescape=True)
    rows = db.execute(select(Contact.id, Contact.phone).where(ends).order_by(Contact.id.desc()))
    found = (row.id for row in rows if number_found_by(digits, row.phone or ""))
    return list(islice(found, MOST_LIKELY))


def seen_contacts(contact: ColumnElement[bool], viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Such contacts that the viewer may see, as on the pages of their leads."""
    # asked for each contact found, which are few, and not for every contact or lead
    found = Contact.id.in_(select(Contact.id).where(contact).correlate(None))
    brought_by = select(Lead.id).where(Lead.id == Contact.lead_id, visible(viewer, on))
    hidden = select(Lead.id).where(Lead.company_id == Contact.company_id, ~visible(viewer, on))
    is_seen = or_(
        brought_by.correlate(Contact).exists(),
        and_(Contact.lead_id.is_(None), ~hidden.correlate(Contact).exists()),
    )
    return found & is_seen
