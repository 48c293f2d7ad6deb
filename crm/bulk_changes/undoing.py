"""One lead made what it was before a change of many (PROJECTS 2)."""

from collections.abc import Callable, Mapping
from typing import Any

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.bulk_changes.journal import Change, date_in
from crm.bulk_changes.making import Making
from crm.bulk_changes.rules import ROLES, BulkKind
from crm.followups.models import Followup
from crm.followups.service import withdraw_followup
from crm.leads.models import LeadRole, Milestone
from crm.leads.permissions import require_somebody_named
from crm.leads.progress import withdraw_milestone

REASON = "撤销批量修改"
_RECORDED = ("person_id", "unit_id", "from_on", "to_on")


def undo_one(making: Making, kind: BulkKind, change: Change) -> None:
    """Undo the change of one lead, which nobody has changed since; the caller has checked it."""
    _UNDOERS[kind](making, kind, change)


def _restore_roles(making: Making, kind: BulkKind, change: Change) -> None:
    db, lead, role = making.db, making.lead, ROLES[kind]
    given = db.get_one(LeadRole, change.made_id)
    before = {"role": role} | {name: getattr(given, name) for name in _RECORDED}
    db.delete(given)
    db.flush()

    held: list[dict[str, Any]] = change.before["held"]
    for values in held:
        _restore_role(making, kind, values)
    require_somebody_named(db, lead, civil_date(making.now))

    # as `name_holder` records them
    restored = [{"role": role} | {name: row[name] for name in _RECORDED} for row in held]
    after = {"role": role, "held": restored}
    record(db, "lead.role_restored", lead, by=making.by, at=making.now, before=before, after=after)


def _restore_role(making: Making, kind: BulkKind, values: dict[str, Any]) -> None:
    """Put back a row of the role: one that was replaced on the day it began is no row any more."""
    row = making.db.get(LeadRole, values["id"])
    if row is None:
        row = LeadRole(
            lead_id=making.lead.id,
            role=ROLES[kind],
            person_id=values["person_id"],
            unit_id=values["unit_id"],
        )
        making.db.add(row)
    row.from_on = date_in(values["from_on"]) or row.from_on
    row.to_on = date_in(values["to_on"])


def _withdraw_milestone(making: Making, _kind: BulkKind, change: Change) -> None:
    withdraw_milestone(
        making.db,
        lead=making.lead,
        milestone=making.db.get_one(Milestone, change.made_id),
        reason=REASON,
        by=making.by,
        now=making.now,
    )


def _restore_industry(making: Making, _kind: BulkKind, change: Change) -> None:
    # one that is offered no more, too: it was there before
    before, after = changes(making.lead, {"industry": change.before["industry"]})
    record(
        making.db,
        "lead.changed",
        making.lead,
        by=making.by,
        at=making.now,
        before=before,
        after=after,
    )


def _withdraw_followup(making: Making, _kind: BulkKind, change: Change) -> None:
    followup = making.db.get_one(Followup, change.made_id)
    withdraw_followup(making.db, followup=followup, by=making.by, now=making.now)


_UNDOERS: Mapping[BulkKind, Callable[[Making, BulkKind, Change], None]] = {
    BulkKind.TRACKER: _restore_roles,
    BulkKind.UNIT: _restore_roles,
    BulkKind.STAGE: _withdraw_milestone,
    BulkKind.INDUSTRY: _restore_industry,
    BulkKind.FOLLOWUP: _withdraw_followup,
}
