"""Contacts at a company; each belongs to the lead that brought it."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm.base.audit import changes
from crm.base.masking import stands_for
from crm.base.value_class import value_class
from crm.leads.companies import LeadScope
from crm.leads.models import Contact, Lead
from crm.leads.redaction import contacts_of


@value_class(kw_only=True)
class ContactData:
    """Whom to reach at a company."""

    name: str
    position: str | None = None
    phone: str | None = None
    email: str | None = None

    @property
    def known(self) -> dict[str, str]:
        """The values besides the name that are given."""
        # what a form leaves empty clears nothing
        values = {"position": self.position, "phone": self.phone, "email": self.email}
        return {field: value for field, value in values.items() if value}

    def with_rest_of(self, contact: Contact | None) -> "ContactData":
        """With the contact's number and address where these are empty: they were not shown."""
        if contact is None:
            return self
        phone, email = self.phone or contact.phone, self.email or contact.email
        return replace(self, phone=phone, email=email)

    def unmasked_by(self, contact: Contact) -> "ContactData":
        """With the contact's number and address where these are them as lists show them."""
        return replace(
            self,
            phone=contact.phone if stands_for(self.phone, contact.phone) else self.phone,
            email=contact.email if stands_for(self.email, contact.email) else self.email,
        )


def keep_contact(
    db: Session, lead: Lead, data: ContactData | None, scope: LeadScope, *, now: datetime
) -> tuple[dict[str, object], dict[str, object]]:
    """Keep or update the lead's contact; returns the values before and after.

    A contact that the lead's page shows alike from another lead is not kept twice.
    """
    name = data.name.strip() if data else ""
    if data is None or not name:
        return {}, {}

    # the lead's own contact of that name is updated, never doubled
    own = db.scalar(select(Contact).where(Contact.lead_id == lead.id, Contact.name == name))
    if own:
        before, after = changes(own, data.unmasked_by(own).known)
        if not after:
            return {}, {}
        return {"contact": {"name": name, **before}}, {"contact": {"name": name, **after}}
    if any(_is_same(contact, data) for contact in contacts_of(db, scope.viewer, lead, scope.on)):
        return {}, {}

    contact = Contact(company_id=lead.company_id, lead_id=lead.id, name=name, created_at=now)
    # sets the values; of a new contact all of them are changes
    changes(contact, data.known)
    db.add(contact)

    return {"contact": None}, {"contact": {"name": name, **data.known}}


def move_contacts(db: Session, lead: Lead) -> None:
    """Take the lead's contacts along to the company that it is of now."""
    own = update(Contact).where(Contact.lead_id == lead.id)
    db.execute(own.values(company_id=lead.company_id))


def _is_same(contact: Contact, data: ContactData) -> bool:
    return contact.name == data.name.strip() and all(
        stands_for(value, getattr(contact, field)) for field, value in data.known.items()
    )
