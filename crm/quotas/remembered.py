"""Figures remembered between requests, for as long as they cannot have changed.

They rest on rows and on the moment. Every change of such a row has an entry in the audit trail, so
the trail's head stands for the rows; when time alone changes a figure is known when it is judged.
"""

from collections import OrderedDict
from collections.abc import Sized
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from crm.base.audit import chain_head
from crm.base.periods import Period
from crm.base.unsaved import has_written

MOST = 40_000  # figures that a process remembers of a database: about 20 MB
Key: TypeAlias = tuple[Period, frozenset[int] | None]  # a period and people; none: everybody


@dataclass(frozen=True, slots=True)
class Lasting:
    """A value that was read at one moment and holds until another."""

    value: Any
    head: str  # of the audit trail, read before the value
    since: datetime
    until: datetime  # the next moment at which time itself changes it

    def holds(self, head: str, as_of: datetime) -> bool:
        """Whether it is what would be read now."""
        return self.head == head and self.since <= as_of < self.until


class Memory:
    """What a process remembers of one database; the longest unused goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Lasting] = OrderedDict()
        self._lock = Lock()

    def find(self, key: Key, head: str, as_of: datetime) -> Lasting | None:
        """What was read of the key's period and at least of its people."""
        with self._lock:
            for kept_key, found in reversed(self._kept.items()):
                if _covers(kept_key, key) and found.holds(head, as_of):
                    self._kept.move_to_end(kept_key)
                    return found
        return None

    def keep(self, key: Key, lasting: Lasting) -> None:
        with self._lock:
            # what was read before another change is of no more use
            for other in [key for key, kept in self._kept.items() if kept.head != lasting.head]:
                del self._kept[other]
            self._kept[key] = lasting
            self._kept.move_to_end(key)
            while sum(max(len(kept.value), 1) for kept in self._kept.values()) > MOST:
                self._kept.popitem(last=False)


def _covers(kept: Key, wanted: Key) -> bool:
    (kept_period, kept_people), (period, people) = kept, wanted
    if kept_period != period:
        return False
    return kept_people is None or (people is not None and people <= kept_people)


_memories: WeakKeyDictionary[Engine, Memory] = WeakKeyDictionary()


def forget() -> None:
    """Forget everything, as a new process does."""
    _memories.clear()


@dataclass(frozen=True, slots=True)
class Recall:
    """What may be remembered at a moment, by what the session's transaction sees."""

    memory: Memory
    head: str
    as_of: datetime

    def find(self, period: Period, people: frozenset[int] | None) -> Any:
        """What was read of these people, or of more; None where it may have changed since."""
        found = self.memory.find((period, people), self.head, self.as_of)
        return found.value if found else None

    def keep(
        self, value: Sized, until: datetime, period: Period, people: frozenset[int] | None
    ) -> None:
        """Remember a value that was read at this moment."""
        self.memory.keep((period, people), Lasting(value, self.head, self.as_of, until))


def recall(db: Session, as_of: datetime) -> Recall | None:
    """The memory of the session's database; None where it holds nothing for this transaction."""
    # a transaction sees its own changes before they have an entry in the chain
    head = None if has_written(db) else chain_head(db)
    if head is None:
        return None
    engine = db.get_bind().engine
    return Recall(_memories.setdefault(engine, Memory()), head, as_of)
