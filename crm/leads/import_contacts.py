"""Contacts of companies as a file is compared with them, so that none is kept twice."""

from collections import defaultdict
from collections.abc import Collection, Hashable

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.masking import stands_for
from crm.leads.companies import LeadScope
from crm.leads.contacts import ContactData
from crm.leads.duplicates import is_seen
from crm.leads.models import Contact


class SeenContacts:
    """The contacts that the importer may see, by company."""

    def __init__(self, db: Session, company_ids: Collection[int], scope: LeadScope) -> None:
        self._seen: defaultdict[Hashable, list[dict[str, str | None]]] = defaultdict(list)
        columns = (Contact.name, Contact.position, Contact.phone, Contact.email)
        query = select(Contact.company_id, *columns).where(is_seen(scope))
        for part in batches(sorted(company_ids)):
            for row in db.execute(query.where(Contact.company_id.in_(part))):
                self._seen[row.company_id].append(dict(row._mapping))  # noqa: SLF001 - by name

    def has(self, company: Hashable, contact: ContactData) -> bool:
        """Whether the company has the contact, with all that is known of it."""
        known = {"name": contact.name.strip(), **contact.known}
        return any(
            all(stands_for(value, row.get(name)) for name, value in known.items())
            for row in self._seen[company]
        )

    def has_name(self, company: Hashable, name: str) -> bool:
        """Whether the company has a contact of that name."""
        return any(row["name"] == name for row in self._seen[company])

    def add(self, company: Hashable, contact: ContactData) -> None:
        """Note a contact of the file."""
        self._seen[company].append({"name": contact.name.strip(), **contact.known})
