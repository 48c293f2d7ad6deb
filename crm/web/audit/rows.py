"""Audit entries as their page shows them: who did what to what, and each change in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.audit import AuditEntry
from crm.leads.models import Lead
from crm.leads.redaction import HIDDEN
from crm.people.models import Person, Unit
from crm.people.queries import Viewer
from crm.quotas.models import RuleVersion
from crm.quotas.rule_versions import versions
from crm.visits.models import Visit
from crm.web.audit.labels import ACTIONS, LEADS, PEOPLE, SUBJECTS, UNITS, label_of, word_of
from crm.web.audit.redaction import Sight, sight, told

NOBODY = "系统"
NOTHING = "—"


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One entry in the list."""

    id: int
    when: str
    who: str
    action: str
    subject: str
    url: str | None
    address: str
    changes: tuple[tuple[str, str], ...]  # what, and from what to what
    is_hidden: bool  # it tells of a lead that the viewer may not see


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of what entries point to by number."""

    people: Mapping[int, str]
    usernames: Mapping[int, str]
    units: Mapping[int, str]
    visits: Mapping[int, str]
    rules: Mapping[int, RuleVersion]  # those that are still there
    seen: Sight

    def spoken(self, subject: str, field: str, value: Any) -> str:
        """A value in words."""
        match value:
            case None | "" | []:
                return NOTHING
            case bool():
                return "是" if value else "否"
            case list():
                return "、".join(self.spoken(subject, field, each) for each in value)
            case dict():
                parts = ((label_of(subject, name), name, each) for name, each in value.items())
                return "，".join(
                    f"{label} {self.spoken(subject, name, each)}" for label, name, each in parts
                )
            case int():
                return self._called(field, value)

        return _instant(str(value)) or word_of(subject, field, str(value))

    def _called(self, field: str, row_id: int) -> str:
        if field in PEOPLE:
            return self.people.get(row_id, str(row_id))
        if field in UNITS:
            return self.units.get(row_id, str(row_id))
        if field in LEADS and row_id in self.seen.labels:
            return self.seen.labels[row_id].text
        return str(row_id)

    def subject(self, entry: AuditEntry) -> str:
        """What the entry is about."""
        kind = SUBJECTS.get(entry.subject, entry.subject)
        name = f"#{entry.subject_id}"

        match entry.subject:
            case Person.__tablename__:
                name = self.people.get(entry.subject_id, name)
            case Unit.__tablename__:
                name = self.units.get(entry.subject_id, name)
            case Visit.__tablename__:
                name = self.visits.get(entry.subject_id, name)
            case RuleVersion.__tablename__:
                rule = self.rules.get(entry.subject_id)
                name = rule.name if rule else name
            case Lead.__tablename__:
                label = self.seen.labels.get(entry.subject_id)
                name = label.text if label else HIDDEN

        return f"{kind} {name}"

    def url(self, entry: AuditEntry) -> str | None:
        """The page of what the entry is about, where it has one that the viewer may open."""
        if entry.subject == Visit.__tablename__ and entry.subject_id in self.visits:
            return url_for("visits.show", visit_id=entry.subject_id)
        if entry.subject == Person.__tablename__ and entry.subject_id in self.usernames:
            return url_for("people.show", username=self.usernames[entry.subject_id])
        if entry.subject == RuleVersion.__tablename__ and entry.subject_id in self.rules:
            return url_for("rules.edit", code=self.rules[entry.subject_id].code)
        if entry.subject == Lead.__tablename__:
            label = self.seen.labels.get(entry.subject_id)
            return url_for("leads.show", lead_id=label.id) if label and label.id else None
        return None


def audit_lines(
    db: Session, viewer: Viewer, entries: Sequence[AuditEntry], now: datetime
) -> list[AuditLine]:
    """The entries as the viewer may read them, in a fixed number of queries."""
    on = clock.civil_date(now)
    people = db.execute(select(Person.id, Person.name, Person.username)).all()
    names = _Names(
        people={row.id: row.name for row in people},
        usernames={row.id: row.username for row in people},
        units={row.id: row.name for row in db.execute(select(Unit.id, Unit.name))},
        visits=_refs(db, {one.subject_id for one in entries if one.subject == Visit.__tablename__}),
        rules={each.id: each for each in versions(db)},
        seen=sight(db, viewer, entries, on),
    )
    return [_line(entry, names, on) for entry in entries]


def _refs(db: Session, visit_ids: set[int]) -> dict[int, str]:
    rows = db.execute(select(Visit.id, Visit.ref).where(Visit.id.in_(visit_ids)))
    return {row.id: row.ref for row in rows}


def _line(entry: AuditEntry, names: _Names, on: date) -> AuditLine:
    at = clock.civil(entry.at)
    is_hidden = not names.seen.may_read(entry)

    return AuditLine(
        entry.id,
        f"{formatting.dated(at.date(), on)} {at:%H:%M:%S}",
        names.people.get(entry.by_id, NOBODY) if entry.by_id else NOBODY,
        ACTIONS.get(entry.action, entry.action),
        names.subject(entry),
        names.url(entry),
        entry.address or "",
        () if is_hidden else tuple(_changes(entry, names)),
        is_hidden,
    )


def _changes(entry: AuditEntry, names: _Names) -> Iterable[tuple[str, str]]:
    before, after = told(entry.before), told(entry.after)
    for field in {**before, **after}:
        if after.get(field) == entry.address and field not in before:
            continue  # where a session began is where the entry came from: it has its column
        old, new = (names.spoken(entry.subject, field, each.get(field)) for each in (before, after))
        is_new = entry.before is None  # nothing was there to be changed
        yield label_of(entry.subject, field), new if is_new else f"{old} → {new}"


def _instant(text: str) -> str | None:
    """A date or an instant in words; none where the text is neither."""
    try:
        if len(text) == len("2026-07-15"):
            on = date.fromisoformat(text)
            return f"{on.year}年{formatting.day(on)}"
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return f"{clock.civil(at).year}年{formatting.moment(at)}" if at.tzinfo else None
