"""What a process has read, brought up to date by the trail rather than read anew.

Every change of a row has an entry that names it. So of many rows that were read once, those that
the entries since then name are read again, as long as nothing but everyday work has changed.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Sized
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from crm.base.audit_chain import chain_head, position_seen, subjects_since
from crm.base.unsaved import has_written
from crm.base.value_class import value_class

# Subjects of entries that move the head all day: records of the work, not of the organisation.
EVERYDAY = frozenset({"company", "followup", "lead", "login_session", "visit"})
MOST = 20_000  # by the lengths of what is kept: of visits about 10 MB
Value = TypeVar("Value", bound=Sized)


@value_class
class _Kept:
    """A value, and the chain's end before it was read."""

    value: Any
    position: int
    head: str


class UpdatedMemory:
    """What is kept of one database; the longest unused goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._total = 0
        self._lock = Lock()

    def find(self, key: tuple[object, ...]) -> _Kept | None:
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: tuple[object, ...], kept: _Kept) -> None:
        with self._lock:
            before = self._kept.pop(key, None)
            if before:
                self._total -= len(before.value)
                if before.position > kept.position:  # by another thread, meanwhile
                    kept = before
            if len(kept.value) <= MOST:
                self._kept[key] = kept
                self._total += len(kept.value)
            while self._total > MOST:
                self._total -= len(self._kept.popitem(last=False)[1].value)


_memories: WeakKeyDictionary[Engine, UpdatedMemory] = WeakKeyDictionary()


def forget_updated_reads() -> None:
    """Forget everything, as a new process does."""
    _memories.clear()


def known_head(db: Session) -> str | None:
    """The chain's end, which stands for what the transaction reads; None where it does not."""
    # a transaction sees its own changes before they have an entry in the chain
    return None if has_written(db) else chain_head(db)


def updated_read(
    db: Session,
    *key: object,
    subject: str,
    read: Callable[[], Value],
    update: Callable[[Value, Collection[int]], Value],
) -> Value:
    """The value that `read` gives, or an earlier one that `update` brings up to date.

    `subject`: the one table of everyday work that it rests on; `update` gets the ids of its rows
    that have changed since, if any. Values are never changed, as threads share them.
    """
    if (head := known_head(db)) is None:
        return read()

    memory = _memories.setdefault(db.get_bind().engine, UpdatedMemory())
    position = position_seen(db)
    kept = memory.find(key)
    changed = _changed_rows(db, kept, subject, position) if kept else None
    value = read() if kept is None or changed is None else update(kept.value, changed)
    memory.keep(key, _Kept(value, position, head))
    return value


def _changed_rows(db: Session, kept: _Kept, subject: str, position: int) -> set[int] | None:
    """The ids of the rows; None where more has changed, or the transaction sees an older state."""
    if kept.position > position:
        return None
    changed = subjects_since(db, kept.position, kept.head)
    if changed is None or not {name for name, _ in changed} <= EVERYDAY:
        return None
    return {row_id for name, row_id in changed if name == subject}
