"""Keeps a decision from being made on something that was changed after it was shown.

A page that offers decisions sends back how far the audit trail reached before the page was read.
Whatever the trail says of the record after that, the person who decides has not seen.
"""

import json
from collections.abc import Collection

from flask import request

from crm.audit.queries import changes_after, rows_changed_after
from crm.audit.record_fields import RECORDS
from crm.base import audit_chain, formatting
from crm.base.audit_entries import AuditEntry
from crm.base.db import Base
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.extensions import db
from crm.web.audit.labels import ACTIONS
from crm.web.errors import refusal_text
from crm.web.forms import whole_number
from crm.web.transaction import CHANGING, today

SHOWN = "shown"  # the field of a form
MOST_NAMED = 3  # changes
NOBODY = "系统"


def position_shown() -> int:
    """How far the trail reaches; to be called before anything that the page shows is read.

    Of rows that are read later the page may show more than this promises, never less.
    """
    # a request that changes something may have waited for others since it began
    is_change = request.method in CHANGING
    return audit_chain.position(db.session) if is_change else audit_chain.position_seen(db.session)


def unseen_changes(table: type[Base], row_id: int, *, field: str = SHOWN) -> str:
    """What happened to the row since it was shown, as a sentence; empty where nothing did.

    The row is locked, and is to be read afterwards: of two who decide at once the second waits,
    and then sees what the first did.
    """
    position = whole_number(request.form.get(field, ""))
    # a form without a usable position, as one of an earlier release, is taken as it is
    if position is None:
        return ""

    lock_row(db.session, table, row_id)
    found = changes_after(db.session, table, row_id, position=position)
    if not found:
        return ""

    named = "；".join(_in_words(entry, name) for entry, name in found[-MOST_NAMED:])
    return refusal_text(Refused("changed_since_shown", changes=named))


def changed_rows(table: type[Base], row_ids: Collection[int], *, field: str = SHOWN) -> set[int]:
    """Which of the rows, which the caller has locked, were changed since they were shown."""
    position = whole_number(request.form.get(field, ""))
    if position is None:
        return set()
    return rows_changed_after(db.session, table, row_ids, position=position)


def _in_words(entry: AuditEntry, name: str | None) -> str:
    what = ACTIONS.get(entry.action, entry.action)
    # of other actions the name tells what changed
    if entry.action.endswith(".changed"):
        declared = RECORDS.get(entry.subject, {})
        fields = [
            declared[field].label for field in json.loads(entry.after or "{}") if field in declared
        ]
        what += f"（{'、'.join(fields)}）" if fields else ""
    return f"{name or NOBODY}于{formatting.moment(entry.at, today())}{what}"
