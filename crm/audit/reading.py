"""Entries of the trail as a viewer may read them: what they are about, and their values."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from crm.audit.queries import EntryNames, entry_names
from crm.audit.record_fields import PEOPLE, UNITS, masked
from crm.audit.redaction import ReadableEntries, entry_values, readable_entries
from crm.base.audit_entries import AuditEntry
from crm.base.value_class import value_class
from crm.leads.models import Contact, Lead
from crm.leads.redaction import HIDDEN
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer
from crm.quotas.models import RuleVersion
from crm.visits.models import Visit


@value_class
class ReadEntries:
    """Names for what some entries refer to, as far as the viewer may read them."""

    names: EntryNames
    readable: ReadableEntries

    def subject_name(self, entry: AuditEntry) -> str | None:
        """The name of what the entry is about; `None` where it has none."""
        row_id, names = entry.subject_id, self.names
        if entry.subject == Lead.__tablename__:
            # REGIME 2: a lead that the viewer may not see has no name here
            label = self.readable.labels.get(row_id)
            return label.text if label else HIDDEN
        if entry.subject == RuleVersion.__tablename__:
            rule = names.rules.get(row_id)
            return rule.name if rule else None
        by_subject: dict[str, Mapping[int, str]] = {
            Person.__tablename__: names.people,
            Unit.__tablename__: names.units,
            Visit.__tablename__: names.visits,
            Contact.__tablename__: names.contacts,
        }
        return by_subject.get(entry.subject, {}).get(row_id)

    def values(self, entry: AuditEntry, text: str | None) -> dict[str, Any] | None:
        """The values before or after the entry, for programs; `None` where they are not shown."""
        if text is None or not self.readable.may_read(entry):
            return None
        return {
            name: self._value(entry.subject, name, value)
            for name, value in entry_values(text).items()
        }

    def _value(self, subject: str, field: str, value: Any) -> Any:
        """People by their username and units by their code, as everywhere in the API."""
        if isinstance(value, list):
            return [self._value(subject, field, item) for item in value]
        if isinstance(value, dict):
            return {name: self._value(subject, name, inner) for name, inner in value.items()}
        if isinstance(value, str):
            return masked(subject, field, value) or value
        if type(value) is int and field in PEOPLE:
            return self.names.usernames.get(value, value)
        if type(value) is int and field in UNITS:
            return self.names.unit_codes.get(value, value)
        return value


def read_entries(
    db: Session, viewer: Viewer, entries: Sequence[AuditEntry], on: date
) -> ReadEntries:
    """What the viewer may read of the entries, in a fixed number of queries."""
    visit_ids = {entry.subject_id for entry in entries if entry.subject == Visit.__tablename__}
    readable = readable_entries(db, viewer, entries, on)
    of_contacts = (entry for entry in entries if entry.subject == Contact.__tablename__)
    contact_ids = {entry.subject_id for entry in of_contacts if readable.may_read(entry)}
    return ReadEntries(entry_names(db, visit_ids, contact_ids), readable)
