"""The chain of the audit trail: a transaction's entries are linked to it right before its commit.

Links are in the order of commits: nothing slips in before a seal, and a transaction waits at most
for another's commit.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    event,
    func,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session, SessionTransaction, object_session
from sqlalchemy.sql.dml import ReturningInsert

from crm.base.audit_commit import (
    CHANGED,
    HEAD,
    MEANWHILE,
    ChangesThatMatter,
    Outdated,
    hold_head,
    link_at_commit,
    note_meanwhile,
)
from crm.base.audit_entries import (
    HASHED,
    AuditEntry,
    AuditHead,
    AuditLink,
    as_stored,
    as_text,
    entry_text,
    link_hash,
)
from crm.base.bulk import Row, insert_converted
from crm.base.db import batches

HEAD_SEEN = "audit_head"  # the chain's end as this transaction read it
SINCE = "audit_since"  # by position, the links after it as this transaction read them
MADE = "audit_made"  # the ids of the entries that this transaction made
TEXTS = "audit_texts"  # of them, by id, where they need not be read back
HELD = "audit_held"  # the end of the chain, once this transaction holds it
UNREAD = "audit_unread"  # the positions between which others changed what is still to be read
RESTS_ON = "audit_rests_on"  # the position of its reads, and which changes since are in the way

Subject: TypeAlias = tuple[str, int]  # the table and id of the row that an entry is about

# Of tables, not classes: with those an ORM session does as much again for each statement.
_ENTRIES, _HEADS = AuditEntry.__table__, AuditHead.__table__
_HEAD = select(_HEADS.c.position, _HEADS.c.hash).where(_HEADS.c.id == HEAD)
_HEAD_POSITION = select(_HEADS.c.position).where(_HEADS.c.id == HEAD)
_MOVE_HEAD = (
    update(_HEADS)  # type: ignore[arg-type] # a table, typed as what it is selected from
    .where(_HEADS.c.id == HEAD)
    .values(position=bindparam("new_position"), hash=bindparam("new_hash"))
)

MOST_SINCE = 200  # entries that `subjects_since` looks at; an import makes more
_LINKS = AuditLink.__table__
_BETWEEN = CHANGED.where(_LINKS.c.position <= bindparam("reached"))
_SINCE = (
    select(_LINKS.c.hash, _ENTRIES.c.subject, _ENTRIES.c.subject_id)
    .join_from(_LINKS, _ENTRIES, _LINKS.c.entry_id == _ENTRIES.c.id)
    .where(_LINKS.c.position >= bindparam("position"))
    .order_by(_LINKS.c.position)
    .limit(bindparam("most"))
)


def chain_head(db: Session) -> str | None:
    """The hash at the chain's end, which every commit with an entry moves; None: no entry yet.

    It is read once a transaction, so that what is read later is at least as new.
    """
    return _head_seen(db)[1]


def position_seen(db: Session) -> int:
    """How far the chain reaches as `chain_head` read it: what is read later is at least as new."""
    return _head_seen(db)[0]


def forget_position(db: Session) -> None:
    """Let `position_seen` and `chain_head` be read anew, as what else was read is."""
    db.info.pop(HEAD_SEEN, None)
    db.info.pop(SINCE, None)


def head_columns() -> tuple[ColumnElement[Any], ...]:
    """What `note_head` takes, for a statement that joins `is_head` and so spares a query."""
    return _HEADS.c.position, _HEADS.c.hash


def is_head() -> ColumnElement[bool]:
    """The condition by which a statement joins the chain's end."""
    return _HEADS.c.id == HEAD


def note_head(db: Session, position: int | None, link: str | None) -> None:
    """Note the chain's end as a statement of this transaction read it with other rows."""
    db.info.setdefault(HEAD_SEEN, (position or 0, link))


def _head_seen(db: Session) -> tuple[int, str | None]:
    if HEAD_SEEN not in db.info:
        head = db.execute(_HEAD).first()
        db.info[HEAD_SEEN] = tuple(head) if head else (0, None)
    seen: tuple[int, str | None] = db.info[HEAD_SEEN]
    return seen


def note_made(db: Session, texts: Mapping[int, str]) -> None:
    """Note the entries that this transaction has made, by id, to be linked at its end."""
    db.info.setdefault(MADE, set()).update(texts)
    if not db.in_nested_transaction():  # a savepoint may take them back: they are read again
        db.info.setdefault(TEXTS, {}).update(texts)


def entries_made(db: Session) -> frozenset[int]:
    """The ids of the entries that this transaction has made so far."""
    db.flush()
    return frozenset(db.info.get(MADE, ()))


@event.listens_for(AuditEntry, "after_insert")
def _note(_mapper: Any, _connection: Any, entry: AuditEntry) -> None:
    db = object_session(entry)
    assert db is not None  # noqa: S101 - it is being flushed
    db.info.setdefault(MADE, set()).add(entry.id)


@event.listens_for(Session, "after_transaction_end")
def _forget(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        db.info.pop(MADE, None)
        db.info.pop(TEXTS, None)
        db.info.pop(HELD, None)
        db.info.pop(RESTS_ON, None)
        db.info.pop(HEAD_SEEN, None)
        db.info.pop(SINCE, None)


def position(db: Session) -> int:
    """How far the chain reaches; it moves with every change that anybody makes."""
    return db.scalar(_HEAD_POSITION) or 0


def hold_position(db: Session) -> int:
    """How far the chain reaches before this transaction's entries; nothing is added until its end.

    The last lock that a transaction takes, or two might wait for each other.
    """
    return _hold_head(db)[0]


def changed_since(db: Session, position: int) -> set[Subject]:
    """The subjects of the entries that others have added to the chain after that position."""
    return {(name, row_id) for name, row_id in db.execute(CHANGED, {"position": position})}


def require_none_since(db: Session, position: int, changes: ChangesThatMatter) -> None:
    """Let the commit fail with `Outdated` if others have linked such changes by then."""
    db.info[RESTS_ON] = (position, changes)
    db.info.pop(UNREAD, None)
    note_meanwhile(db, ())


def changed_meanwhile(db: Session) -> frozenset[Subject]:
    """What others changed between the reads and the commit of `require_none_since`."""
    changed: frozenset[Subject] = db.info.pop(MEANWHILE, frozenset())
    if UNREAD not in db.info:
        return changed
    position, reached = db.info.pop(UNREAD)
    rows = db.execute(_BETWEEN, {"position": position, "reached": reached})
    return frozenset((subject, row_id) for subject, row_id in rows)


def subjects_since(db: Session, position: int, link: str) -> set[Subject] | None:
    """What entries after that link of the chain are about.

    None where there are many, or where the chain has no such link.
    """
    known = db.info.setdefault(SINCE, {})
    if position not in known:  # several values were read at one position
        known[position] = db.execute(_SINCE, {"position": position, "most": MOST_SINCE + 1}).all()
    links = known[position]
    if not links or links[0][0] != link or len(links) > MOST_SINCE:
        return None
    return {(subject, row_id) for _, subject, row_id in links[1:]}


@event.listens_for(Session, "before_commit")
def _chain(db: Session) -> None:
    """Link this transaction's entries to the chain."""
    if db.in_nested_transaction():
        return

    db.flush()
    made = sorted(db.info.pop(MADE, ()))
    texts = [*_texts(db, made)]
    rests_on = db.info.pop(RESTS_ON, None)

    if len(texts) == 1 and db.get_bind().dialect.name == "postgresql" and HELD not in db.info:
        link_at_commit(db, *texts[0], rests_on)
        return
    if rests_on:
        _refuse_outdated(db, *rests_on)
    if texts:  # all may have gone with a savepoint
        _link(db, texts)


def _refuse_outdated(db: Session, position: int, changes: ChangesThatMatter) -> None:
    reached = _hold_head(db)[0]
    if reached == position:
        return
    if changes.are_after(db, position, reached):
        raise Outdated
    db.info[UNREAD] = (position, reached)  # not under the lock


def _link(db: Session, texts: Sequence[tuple[int, str]]) -> None:
    position, previous = _hold_head(db)
    links: list[Row] = []

    for entry_id, entry in texts:
        position += 1
        previous = link_hash(previous, position, entry)
        links.append((position, entry_id, previous))

    insert_converted(db, AuditLink, ("position", "entry_id", "hash"), links)
    db.execute(_MOVE_HEAD, {"new_position": position, "new_hash": previous})


def _hold_head(db: Session) -> tuple[int, str]:
    """Lock the end of the chain and return it; create it where there is none."""
    if HELD not in db.info:
        db.info[HELD] = _lock_head(db)
    head: tuple[int, str] = db.info[HELD]
    return head


def _lock_head(db: Session) -> tuple[int, str]:
    connection = db.connection()
    position, last, *_ = connection.execute(_take_head(connection.dialect.name)).one()
    return position, last


# Statements under the lock are put together once: others wait for them.
@cache
def _take_head(dialect: str) -> ReturningInsert[*tuple[Any, ...]]:
    head: list[ColumnElement[Any]] = [_HEADS.c.position, _HEADS.c.hash]
    if dialect == "postgresql":
        # A process that is stopped right here would else hold up every writer for ever.
        head.append(func.set_config("idle_in_transaction_session_timeout", "10s", true()))
    return hold_head(dialect).returning(*head)  # type: ignore[no-any-return] # of both dialects


@cache
def _stored_entries(dialect: str) -> Select[*tuple[Any, ...]]:
    ids: BindParameter[list[int]] = bindparam("ids", expanding=True)
    return select(*as_stored(dialect, HASHED)).where(AuditEntry.id.in_(ids))


def _texts(db: Session, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The texts of these entries by their ids, as far as the entries are still there."""
    texts: dict[int, str] = db.info.pop(TEXTS, {})
    for part in batches([entry_id for entry_id in ids if entry_id not in texts]):
        query = _stored_entries(db.get_bind().dialect.name)
        for values in db.execute(query, {"ids": part}).mappings():
            texts[int(as_text(values["id"]) or 0)] = entry_text(dict(values))

    return ((entry_id, texts[entry_id]) for entry_id in ids if entry_id in texts)
