"""What a process remembers between requests, for as long as it cannot have changed.

It rests on rows and on the moment. Every change of such a row has an entry in the audit trail, so
the trail's head stands for the rows; when time alone changes a value is known when it is read.
Values are plain: no objects of a session, and nothing that anybody changes.

Records of everyday work move the head all day. What rests on none of them is kept for long: under
the head that it had before a change of anything else.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from crm.base.audit_chain import position_seen, subjects_since
from crm.base.updated_reads import EVERYDAY, forget_updated_reads, known_head
from crm.base.value_class import value_class

MOST = 40_000  # figures that a process remembers of a database: about 20 MB
CHARACTERS = 250  # of text, which take as much as a figure
# For parts of pages there are as many keys as people, addresses and searched words.
MOST_OF_TEXT = 6_000
LONGEST_WAIT = 2.0  # seconds for another thread, after which a thread reads the same itself
VISITS = frozenset({"followup", "login_session", "visit"})  # those of them that say who did what
Key: TypeAlias = tuple[object, ...]  # what, and of whom: a set of people, or none for everybody
Value = TypeVar("Value")
EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@value_class
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
        self._kept: OrderedDict[Key, Lasting] = OrderedDict()  # all under one head
        self._text_sizes: OrderedDict[Key, int] = OrderedDict()  # of those that are text
        self._head = ""
        self._total = self._total_of_text = 0  # of the sizes of their values
        self._lock = Lock()
        self._under_way: dict[tuple[str, Key], Lock] = {}

    def find(self, key: Key, head: str, as_of: datetime) -> Lasting | None:
        """What was read under the key, or of more people."""
        with self._lock:
            for kept_key in self._keys(key):
                if self._kept[kept_key].holds(head, as_of):
                    self._note_use(kept_key)
                    return self._kept[kept_key]
        return None

    def _keys(self, wanted: Key) -> list[Key]:
        if wanted in self._kept:
            return [wanted]
        if not isinstance(wanted[-1], frozenset):
            return []
        return [key for key in reversed(self._kept) if _covers(key, wanted)]

    @contextmanager
    def reading(self, key: Key, head: str) -> Iterator[None]:
        """Read the value under the key; other threads that read the same wait meanwhile."""
        with self._lock:
            turn = self._under_way.setdefault((head, key), Lock())
        is_mine = turn.acquire(timeout=LONGEST_WAIT)

        try:
            yield
        finally:
            if is_mine:
                turn.release()
            with self._lock:
                self._under_way.pop((head, key), None)

    def keep(self, key: Key, lasting: Lasting) -> None:
        with self._lock:
            if lasting.head != self._head:
                # what was read before another change is of no more use
                self._kept.clear()
                self._text_sizes.clear()
                self._head, self._total, self._total_of_text = lasting.head, 0, 0
            if key in self._kept:
                self._drop(key)
            self._add(key, lasting)
            while self._total > MOST:
                self._drop(next(iter(self._kept)))
            while self._total_of_text > MOST_OF_TEXT:
                self._drop(next(iter(self._text_sizes)))

    def _add(self, key: Key, lasting: Lasting) -> None:
        size = _size(lasting.value)
        self._kept[key] = lasting
        self._total += size
        if _characters(lasting.value) > CHARACTERS:
            self._text_sizes[key] = size
            self._total_of_text += size

    def _note_use(self, key: Key) -> None:
        self._kept.move_to_end(key)
        if key in self._text_sizes:
            self._text_sizes.move_to_end(key)

    def _drop(self, key: Key) -> None:
        self._total -= _size(self._kept.pop(key).value)
        self._total_of_text -= self._text_sizes.pop(key, 0)


@value_class
class Mark:
    """A head of the trail, and an earlier one since which only everyday records have changed."""

    position: int
    head: str
    since: str


class LongMemory(Memory):
    """The same of values that rest on none of some everyday records."""

    def __init__(self, left: frozenset[str]) -> None:
        """`left`: subjects of entries that leave its values as they are."""
        super().__init__()
        self.left = left
        self._mark: Mark | None = None

    def head(self, db: Session, head: str) -> str | None:
        """The head under which such values hold; None where the transaction sees an older one."""
        position, mark = position_seen(db), self._mark
        if mark and (mark.position, mark.head) == (position, head):
            return mark.since
        if mark and mark.position > position:
            return None

        changed = subjects_since(db, mark.position, mark.head) if mark else None
        is_left = changed is not None and {name for name, _ in changed} <= self.left
        since = mark.since if mark and is_left else head
        self._mark = Mark(position, head, since)
        return since


def _covers(kept: Key, wanted: Key) -> bool:
    """Whether one key says the same as the other, of more people."""
    people, kept_people = wanted[-1], kept[-1]
    if kept[:-1] != wanted[:-1]:
        return False
    if kept_people is None:
        return True
    return (
        isinstance(people, frozenset)
        and isinstance(kept_people, frozenset)
        and people <= kept_people
    )


def _size(value: object) -> int:
    if characters := _characters(value):
        return characters // CHARACTERS + 1
    return max(len(value), 1) if isinstance(value, Sized) else 1


def _characters(value: object) -> int:
    """Of a text, or of a record with texts."""
    if is_dataclass(value):
        parts = (getattr(value, field.name) for field in fields(value))
        return sum(len(part) for part in parts if isinstance(part, str))
    return len(value) if isinstance(value, str) else 0


_memories: WeakKeyDictionary[Engine, Memory] = WeakKeyDictionary()
_long_memories: WeakKeyDictionary[Engine, dict[frozenset[str], LongMemory]] = WeakKeyDictionary()


def forget() -> None:
    """Forget everything, as a new process does."""
    _memories.clear()
    _long_memories.clear()
    forget_updated_reads()


@value_class
class Recall:
    """What may be remembered at a moment, by what the session's transaction sees."""

    memory: Memory
    head: str
    as_of: datetime

    def find(self, *key: object) -> Any:
        """The value; None where it is not remembered or may have changed since."""
        found = self.memory.find(key, self.head, self.as_of)
        return found.value if found else None

    def find_or_read(self, *key: object, read: Callable[[], tuple[Value, datetime]]) -> Value:
        """The value; `read` gives it with the next moment at which time itself changes it."""
        value: Value | None = self.find(*key)
        if value is not None:
            return value

        # after a change all threads are asked for the same figures, which take 100 ms
        with self.memory.reading(key, self.head):
            value = self.find(*key)
            if value is None:
                value, until = read()
                self.memory.keep(key, Lasting(value, self.head, self.as_of, until))
        return value


def recall(db: Session, as_of: datetime) -> Recall | None:
    """The memory of the session's database; None where it holds nothing for this transaction."""
    if (head := known_head(db)) is None:
        return None
    engine = db.get_bind().engine
    return Recall(_memories.setdefault(engine, Memory()), head, as_of)


def remembered(db: Session, *key: object, read: Callable[[], Value]) -> Value:
    """The value that `read` gives, which changes with rows and not with time."""
    since, until = EVER
    return remembered_until(db, *key, at=since, read=read, until=lambda: until)


def remembered_long(db: Session, *key: object, read: Callable[[], Value]) -> Value:
    """The same of a value that rests on no `EVERYDAY` records: a change of those leaves it."""
    since, until = EVER
    memory = _recall_beyond(db, EVERYDAY, since)
    return memory.find_or_read(*key, read=lambda: (read(), until)) if memory else read()


def remembered_beyond_visits(
    db: Session,
    *key: object,
    at: datetime,
    read: Callable[[], Value],
    until: Callable[[], datetime],
) -> Value:
    """As `remembered_until`, of a value that rests on no visits and no follow-ups."""
    memory = _recall_beyond(db, VISITS, at)
    return memory.find_or_read(*key, read=lambda: (read(), until())) if memory else read()


def _recall_beyond(db: Session, left: frozenset[str], as_of: datetime) -> Recall | None:
    """What may be remembered although records with these subjects change."""
    if (head := known_head(db)) is None:
        return None

    memories = _long_memories.setdefault(db.get_bind().engine, {})
    memory = memories.setdefault(left, LongMemory(left))
    since = memory.head(db, head)
    return Recall(memory, since, as_of) if since else None


def remembered_until(
    db: Session,
    *key: object,
    at: datetime,
    read: Callable[[], Value],
    until: Callable[[], datetime],
) -> Value:
    """The value that `read` gives; `until`: the next moment at which time itself changes it."""
    memory = recall(db, at)
    if memory is None:
        return read()

    return memory.find_or_read(*key, read=lambda: (read(), until()))
