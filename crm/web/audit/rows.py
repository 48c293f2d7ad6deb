"""Rows of the audit page: who did what to what, and each change in words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from crm.audit.queries import EntryNames
from crm.audit.reading import ReadEntries, read_entries
from crm.audit.record_fields import PEOPLE, UNITS, masked
from crm.audit.redaction import LEADS, ReadableEntries, entry_values
from crm.base import clock, formatting
from crm.base.audit_entries import AuditEntry
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.own_fields import OWN_CODE, own_fields
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.rules import Role
from crm.quotas.models import RuleVersion
from crm.visits.models import Visit
from crm.web.access import ACCESS
from crm.web.audit.field_labels import label_of, word_of
from crm.web.audit.labels import ACTIONS, SUBJECTS

# fields that hold codes of kinds of milestones
OF_KINDS = {("lead", "kind"), ("speed_span", "begin"), ("speed_span", "end")}
NOBODY = "系统"
NOTHING = "—"
UNNAMED = "未公开"  # a company that is hidden from the viewer


@value_class
class AuditRow:
    """One entry in the list."""

    id: int
    at: datetime  # in civil time
    when: str
    who: str
    action: str
    subject: str
    url: str | None
    address: str
    changes: tuple[tuple[str, str], ...]  # field label, and old → new
    is_hidden: bool  # mentions a lead hidden from the viewer


@value_class
class _Words:
    """Words for what entries refer to, as far as the viewer may read them."""

    read: ReadEntries
    own_fields: Mapping[str, str]  # the zone's, by code
    role: Role  # of the viewer

    @property
    def names(self) -> EntryNames:
        return self.read.names

    @property
    def readable(self) -> ReadableEntries:
        return self.read.readable

    def value(self, subject: str, field: str, value: Any) -> str:
        """A value in words."""
        match value:
            case None | "" | []:
                return NOTHING
            # before `int`, which a bool is, too
            case bool():
                return "是" if value else "否"
            case list():
                return "、".join(self.value(subject, field, item) for item in value)
            case dict():
                parts = ((label_of(subject, name), name, inner) for name, inner in value.items())
                return "，".join(
                    f"{label} {self.value(subject, name, inner)}" for label, name, inner in parts
                )
            case int():
                return self._name_of(field, value)

        return self._text(subject, field, str(value))

    def label(self, subject: str, field: str) -> str:
        """The name of a field, of the zone's own fields, too."""
        own = self.own_fields.get(field) if subject == Lead.__tablename__ else None
        return own or label_of(subject, field)

    def _text(self, subject: str, field: str, text: str) -> str:
        if (subject, field) in OF_KINDS:
            return self.names.milestones.get(text, text)
        hidden = masked(subject, field, text)
        return hidden or _instant(text) or word_of(subject, field, text)

    def _name_of(self, field: str, row_id: int) -> str:
        if field in PEOPLE:
            return self.names.people.get(row_id, str(row_id))
        if field in UNITS:
            return self.names.units.get(row_id, str(row_id))
        if field in LEADS and row_id in self.readable.labels:
            return self.readable.labels[row_id].text
        if field == "company_id":
            return self.readable.companies.get(row_id, UNNAMED)
        return str(row_id)

    def subject(self, entry: AuditEntry) -> str:
        """The subject of the entry in words."""
        kind = SUBJECTS.get(entry.subject, entry.subject)
        return f"{kind} {self.read.subject_name(entry) or f'#{entry.subject_id}'}"

    def url(self, entry: AuditEntry) -> str | None:
        """The page of the entry's subject, where the viewer may open one."""
        endpoint, argument, known = self._page(entry)
        given: dict[str, Any] = {argument: known}
        may_open = known is not None and self.role in ACCESS[endpoint]
        return url_for(endpoint, **given) if may_open else None

    def _page(self, entry: AuditEntry) -> tuple[str, str, int | str | None]:
        """The endpoint of the subject's page, its argument, and the value, where there is one."""
        row_id = entry.subject_id
        match entry.subject:
            case Visit.__tablename__:
                return "visits.show", "visit_id", row_id if row_id in self.names.visits else None
            case Person.__tablename__:
                return "people.show", "username", self.names.usernames.get(row_id)
            case RuleVersion.__tablename__:
                rule = self.names.rules.get(row_id)
                return "rules.edit", "code", rule.code if rule else None
            case Lead.__tablename__:
                label = self.readable.labels.get(row_id)
                return "leads.show", "lead_id", label.id if label else None
        return "", "", None


def audit_rows(
    db: Session, viewer: Viewer, entries: Sequence[AuditEntry], now: datetime
) -> list[AuditRow]:
    """The entries as the viewer may read them, in a fixed number of queries."""
    on = clock.civil_date(now)
    words = _Words(read_entries(db, viewer, entries, on), _own_fields(db, entries), viewer.role)
    return [_row(entry, words, on) for entry in entries]


def _own_fields(db: Session, entries: Iterable[AuditEntry]) -> dict[str, str]:
    """The names of the zone's own fields by code, where an entry has one."""
    texts = (text for entry in entries for text in (entry.before, entry.after) if text)
    if not any(f'"{OWN_CODE}' in text for text in texts):
        return {}
    return {field.code: field.name for field in own_fields(db)}


def _row(entry: AuditEntry, words: _Words, on: date) -> AuditRow:
    at = clock.civil(entry.at)
    is_hidden = not words.readable.may_read(entry)

    return AuditRow(
        entry.id,
        at,
        f"{formatting.dated(at.date(), on)} {at:%H:%M:%S}",
        words.names.people.get(entry.by_id, NOBODY) if entry.by_id else NOBODY,
        ACTIONS.get(entry.action, entry.action),
        words.subject(entry),
        words.url(entry),
        entry.address or "",
        () if is_hidden else tuple(_changes(entry, words)),
        is_hidden,
    )


def _changes(entry: AuditEntry, words: _Words) -> Iterable[tuple[str, str]]:
    before, after = entry_values(entry.before), entry_values(entry.after)
    for field in {**before, **after}:
        if after.get(field) == entry.address and field not in before:
            continue  # the address of a session has a column of its own
        old, new = (
            words.value(entry.subject, field, values.get(field)) for values in (before, after)
        )
        is_new = entry.before is None  # there was no earlier value
        yield words.label(entry.subject, field), new if is_new else f"{old} → {new}"


def _instant(text: str) -> str | None:
    """A date or an instant in words; `None` for other texts."""
    try:
        # `datetime.fromisoformat` would read a bare date as midnight
        if len(text) == len("2026-07-15"):
            on = date.fromisoformat(text)
            return f"{on.year}年{formatting.day(on)}"
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return f"{clock.civil(at).year}年{formatting.moment(at)}" if at.tzinfo else None
