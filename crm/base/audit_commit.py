"""Links a transaction's only entry on PostgreSQL, in one message with the check of its reads.

Everybody else who changes something waits meanwhile.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    case,
    cast,
    false,
    func,
    insert,
    null,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Update

from crm.base.audit_entries import AuditEntry, AuditHead, AuditLink
from crm.base.db import insert_of
from crm.base.one_message import Question, Step, commit_with
from crm.base.prepared import PREPARED
from crm.base.value_class import value_class

HEAD = 1  # the one row of AuditHead
ENTRY = "crm.entry"  # a setting of the transaction: the message itself may stand in the log
MOST_LOOKED_AT = 500  # links; more at once come from an import
MEANWHILE = "audit_meanwhile"
NOT_NULL = "23502"

# Of tables, not classes: with those an ORM session does as much again for each statement.
_HEADS, _LINKS = AuditHead.__table__, AuditLink.__table__
_ENTRIES = AuditEntry.__table__
# put together once: whoever writes runs it while others wait
CHANGED = (
    select(_ENTRIES.c.subject, _ENTRIES.c.subject_id)
    .join_from(_LINKS, _ENTRIES, _LINKS.c.entry_id == _ENTRIES.c.id)
    .where(_LINKS.c.position > bindparam("position"))
)
_OTHERS = CHANGED.where(_ENTRIES.c.id != bindparam("entry_id"))
_KEEP_TEXT = select(
    cast(func.pg_current_xact_id(), Text),
    PREPARED,
    func.set_config(ENTRY, bindparam("text", type_=Text), true()),
)


class Outdated(Exception):  # noqa: N818 - the transaction runs again, nothing went wrong
    """Others have changed what this transaction has read."""


@value_class
class ChangesThatMatter:
    """Changes that outdate what was read: a query of links after `:position`, and its values."""

    query: Select[*tuple[Any, ...]]
    values: Mapping[str, Any]

    def are_after(self, db: Session, position: int, reached: int) -> bool:
        """Whether there are any between those positions, or too many to look at."""
        if reached - position > MOST_LOOKED_AT:
            return True
        return db.execute(self.query, {**self.values, "position": position}).first() is not None


def link_at_commit(
    db: Session, entry_id: int, text: str, rests_on: tuple[int, ChangesThatMatter] | None
) -> None:
    """Link the entry at the commit, which fails where others have changed what it rests on."""
    connection = db.connection()
    xid, prepared, _ = connection.execute(_KEEP_TEXT, {"text": text}).one()
    how = {"xid": xid, "prepared": prepared}
    hold: Step = (hold_head("postgresql"), {})
    entry = {"entry_id": entry_id}
    if rests_on is None:
        commit_with(connection, hold, (_link(None), entry), **how)
        return

    position, changes = rests_on
    values = {**changes.values, **entry, "position": position}
    others = Question(
        _OTHERS, {**entry, "position": position}, lambda rows: note_meanwhile(db, rows)
    )
    commit_with(connection, hold, (_link(changes.query), values), **how, then=others)


def note_meanwhile(db: Session, subjects: Iterable[tuple[str, int]]) -> None:
    """Keep what others have changed since this transaction's reads, also once it is committed."""
    db.info[MEANWHILE] = frozenset(subjects)


def is_refused_link(error: IntegrityError) -> bool:
    """Whether others have changed what the transaction rests on, so that it got no hash."""
    found: Any = getattr(error.orig, "diag", None)
    if found is None:
        return False
    return (found.sqlstate, found.table_name) == (NOT_NULL, AuditLink.__tablename__)


@cache
def hold_head(dialect: str) -> Any:
    """The statement that locks the end of the chain, and creates it where there is none."""
    begin = insert_of(dialect, AuditHead).values(id=HEAD, position=0, hash="")
    return begin.on_conflict_do_update(index_elements=["id"], set_={"position": _HEADS.c.position})


@cache
def _link(query: Select[*tuple[Any, ...]] | None) -> Update:
    """The statement that adds the link, and moves the head to it."""
    head = select(
        (_HEADS.c.position + 1).label("position"), _HEADS.c.hash, _HEADS.c.position.label("reached")
    )
    end = head.where(_HEADS.c.id == HEAD).cte("head")
    text = func.current_setting(ENTRY)
    # as `link_hash` does
    whole = func.concat('["', end.c.hash, '", ', cast(end.c.position, Text), ", ", text, "]")
    made: ColumnElement[Any] = func.encode(func.sha256(func.convert_to(whole, "UTF8")), "hex")
    if query is not None:
        later = end.c.reached - bindparam("position")
        is_outdated = case(
            (later == 0, false()), (later > MOST_LOOKED_AT, true()), else_=query.exists()
        )
        made = case((is_outdated, null()), else_=made)
    values = select(end.c.position, bindparam("entry_id"), made)
    names = ["position", "entry_id", "hash"]
    added = insert(_LINKS).from_select(names, values)  # type: ignore[arg-type] # a table, typed as what it is selected from
    link = added.returning(_LINKS.c.position, _LINKS.c.hash).cte("link")
    moved = update(_HEADS).where(_HEADS.c.id == HEAD)  # type: ignore[arg-type] # as above
    return moved.values(position=link.c.position, hash=link.c.hash)
