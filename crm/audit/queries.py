"""Reads for the page of the audit trail: names of what entries refer to, and rows' versions."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from crm.base.audit_entries import AuditEntry, AuditLink
from crm.base.db import Base
from crm.base.value_class import value_class
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Contact
from crm.people.models import Person
from crm.people.queries import unit_tree
from crm.quotas.models import RuleVersion
from crm.quotas.rule_versions import versions
from crm.visits.batch_undo import HIDDEN_REMOVED
from crm.visits.models import Visit


@value_class
class EntryNames:
    """Names by id of what entries refer to."""

    people: Mapping[int, str]
    usernames: Mapping[int, str]
    units: Mapping[int, str]
    unit_codes: Mapping[int, str]
    visits: Mapping[int, str]
    contacts: Mapping[int, str]
    rules: Mapping[int, RuleVersion]  # only those that still exist
    milestones: Mapping[str, str]  # kinds, by code


def entry_names(
    db: Session, visit_ids: Collection[int], contact_ids: Collection[int] = ()
) -> EntryNames:
    """The names of all people, units, rules and these contacts, and the refs of these visits."""
    # everybody: entries name people in many of their values, and they are few
    people = db.execute(select(Person.id, Person.name, Person.username)).all()
    visits = select(Visit.id, Visit.ref).where(Visit.id.in_(visit_ids))
    contacts = select(Contact.id, Contact.name).where(Contact.id.in_(contact_ids))
    units = [node.unit for node in unit_tree(db)]

    return EntryNames(
        people={row.id: row.name for row in people},
        usernames={row.id: row.username for row in people},
        units={unit.id: unit.name for unit in units},
        unit_codes={unit.id: unit.code for unit in units},
        visits=dict(db.execute(visits).all()),
        contacts=dict(db.execute(contacts).all()) if contact_ids else {},
        rules={version.id: version for version in versions(db)},
        milestones=milestone_kinds(db).names,
    )


def last_entry_id(db: Session, row: Any) -> int:
    """The id of the last entry about the row, which serves as its version; 0 without any."""
    return db.scalar(select(func.max(AuditEntry.id)).where(_about(row))) or 0


def last_change(db: Session, row: Any, *, since_id: int) -> tuple[str | None, datetime] | None:
    """Who changed the row last after that entry, and when; `None` where nobody did."""
    query = (
        select(Person.name, AuditEntry.at)
        .outerjoin_from(AuditEntry, Person, Person.id == AuditEntry.by_id)
        .where(_about(row), AuditEntry.id > since_id)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    return db.execute(query).first()


def device_time(db: Session, table: type[Base], row_id: int) -> tuple[datetime, datetime] | None:
    """When the row was typed by its device's clock, and when it came; `None` where at once."""
    about = (AuditEntry.subject == table.__tablename__, AuditEntry.subject_id == row_id)
    # SQLite may have given the id of a visit anew that nobody has seen
    gone = select(func.max(AuditEntry.id)).where(*about, AuditEntry.action == HIDDEN_REMOVED)
    first = (
        select(AuditEntry.after, AuditEntry.at)
        .where(*about, AuditEntry.id > func.coalesce(gone.scalar_subquery(), 0))
        .order_by(AuditEntry.id)
        .limit(1)
    )
    entry = db.execute(first).first()
    typed_at = json.loads(entry.after or "{}").get("device_at") if entry else None
    return (datetime.fromisoformat(typed_at), entry.at) if entry and typed_at else None


def changes_after(
    db: Session, table: type[Base], row_id: int, *, position: int
) -> Sequence[tuple[AuditEntry, str | None]]:
    """The entries about the row that joined the chain after that position, and who made them."""
    query = (
        select(AuditEntry, Person.name)
        .join(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .outerjoin(Person, Person.id == AuditEntry.by_id)
        .where(AuditEntry.subject == table.__tablename__, AuditEntry.subject_id == row_id)
        .where(AuditLink.position > position)
        .order_by(AuditLink.position)
    )
    return [(entry, name) for entry, name in db.execute(query)]


def rows_changed_after(
    db: Session, table: type[Base], row_ids: Collection[int], *, position: int
) -> set[int]:
    """Which of the rows have entries that joined the chain after that position."""
    query = (
        select(AuditEntry.subject_id)
        .join(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .where(AuditEntry.subject == table.__tablename__, AuditEntry.subject_id.in_(row_ids))
        .where(AuditLink.position > position)
    )
    return set(db.scalars(query))


def _about(row: Any) -> ColumnElement[bool]:
    return and_(AuditEntry.subject == row.__tablename__, AuditEntry.subject_id == row.id)
