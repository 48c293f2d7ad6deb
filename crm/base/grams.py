"""Indexes of the pairs of characters in texts, as Chinese words are searched by two characters.

Trigrams cannot find them. An index only narrows down: the text itself is compared by whoever asks.
It is an FTS5 table on SQLite and a `tsvector` on PostgreSQL, one row for each row of its table.
Sessions that flush such a row keep it up to date; what is written past them says so.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from string import ascii_lowercase
from typing import Any
from zlib import crc32

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    Select,
    String,
    TableClause,
    column,
    delete,
    event,
    insert,
    inspect,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import InstanceState, Session

from crm.base.db import Base

LETTERS_OF_TOKEN = 4
ROWS = 1000  # in one execution
LONGEST_SHORT = 16  # characters: names and cities recur, what was said does not


@dataclass(frozen=True)
class GramIndex:
    """The index of some columns of a table; migrations make it: the metadata knows none."""

    record: type[Base]
    name: str
    columns: tuple[str, ...]
    has_singles: bool = True  # single characters, too, for who types only one

    @cached_property
    def table(self) -> TableClause:
        """The table of the index."""
        grams = String().with_variant(TSVECTOR(), "postgresql")
        return table(self.name, column("rowid", Integer), column("grams", grams))

    def rows_with(self, query: str | BindParameter[str]) -> Select[int]:
        """Ids of the rows that have all tokens of the query."""
        found = self.table.c.grams.match(query, postgresql_regconfig="simple")
        return select(self.table.c.rowid).where(found)

    def tokens_of(self, texts: Iterable[str | None]) -> str:
        """The tokens of all pairs, and of all single characters where it has them."""
        found = [_tokens(text, self.has_singles) for text in texts if text]
        return " ".join(dict.fromkeys(chain.from_iterable(found)))

    def tokens_of_new(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """The tokens of rows that are inserted past the session; this needs no lock."""
        return [self.tokens_of([row.get(name) for name in self.columns]) for row in rows]

    def rebuild(self, db: Session | Connection) -> None:
        """Make the index anew from all rows, also of those that are hidden."""
        names = ("id", *self.columns)
        stored = table(self.record.__tablename__, *map(column, names))
        db.execute(delete(self.table))
        found = db.execute(select(*(stored.c[name] for name in names)))
        for part in found.partitions(ROWS):
            self._insert(db, part)

    def index_again(self, db: Session, ids: Collection[int]) -> None:
        """Index these rows anew, and forget those that are gone: for changes past the session."""
        record: Any = self.record
        connection = db.connection()
        connection.execute(delete(self.table).where(self.table.c.rowid.in_(ids)))
        columns = [getattr(record, name) for name in self.columns]
        found = db.execute(select(record.id, *columns).where(record.id.in_(ids))).all()
        self._insert(connection, found)

    def index_new(self, db: Session, ids: Sequence[int], tokens: Sequence[str]) -> None:
        """Index rows that were inserted past the session."""
        if not ids:
            return
        connection = db.connection()
        if connection.dialect.name == "sqlite":
            # it may give an id anew; a range, as each id by itself takes longer than the rest
            known = self.table.c.rowid.between(min(ids), max(ids))
            connection.execute(delete(self.table).where(known))
        pairs = zip(ids, tokens, strict=True)
        values = [{"rowid": row_id, "grams": grams} for row_id, grams in pairs]
        connection.execute(insert(self.table), values)

    def forget(self, db: Session, ids: Collection[int]) -> None:
        """Forget rows that are deleted past the session."""
        if ids:
            db.connection().execute(delete(self.table).where(self.table.c.rowid.in_(ids)))

    def listen(self) -> None:
        """Keep it up to date with what sessions flush."""
        event.listen(self.record, "after_insert", self._keep)
        event.listen(self.record, "after_update", self._keep)
        event.listen(self.record, "after_delete", self._drop)

    def _insert(self, db: Session | Connection, rows: Iterable[Any]) -> None:
        values = [{"rowid": row[0], "grams": self.tokens_of(row[1:])} for row in rows]
        if values:
            db.execute(insert(self.table), values)

    def _keep(self, mapper: Any, connection: Connection, row: Any) -> None:
        state: InstanceState[Any] = inspect(row)
        if not any(state.attrs[name].history.has_changes() for name in self.columns):
            return

        self._drop(mapper, connection, row)
        tokens = self.tokens_of([getattr(row, name) for name in self.columns])
        connection.execute(insert(self.table), {"rowid": row.id, "grams": tokens})

    def _drop(self, _mapper: Any, connection: Connection, row: Any) -> None:
        connection.execute(delete(self.table).where(self.table.c.rowid == row.id))


def tokens_to_find(text: str) -> str:
    """The tokens of whatever contains the text; a single character is one by itself."""
    grams = {gram for word in _words(text) for gram in pairs(word) or [word]}
    return " ".join(sorted(map(_token, grams)))


def pairs_to_find(text: str) -> str:
    """The same where the index has no single characters; empty where there is no pair."""
    return " ".join(sorted({_token(gram) for word in _words(text) for gram in pairs(word)}))


def pairs(word: str) -> list[str]:
    """The pairs of characters in it."""
    return [first + second for first, second in pairwise(word)]


def _words(text: str) -> list[str]:
    # in one case and in the form in which text is stored
    return unicodedata.normalize("NFC", text).casefold().split()


def _tokens(text: str, has_singles: bool) -> Sequence[str]:  # noqa: FBT001 - as a key
    return (_tokens_of_short if len(text) <= LONGEST_SHORT else _read_tokens)(text, has_singles)


def _read_tokens(text: str, has_singles: bool) -> Sequence[str]:  # noqa: FBT001 - as a key
    words = _words(text)
    grams = [gram for word in words for gram in pairs(word)]
    if has_singles:
        grams += chain.from_iterable(words)
    return [*map(_token, grams)]


_tokens_of_short = lru_cache(maxsize=10_000)(_read_tokens)


@lru_cache(maxsize=20_000)  # texts of one language share most of their pairs
def _token(gram: str) -> str:
    """Letters alone, which both databases leave as they are; two grams may share a token."""
    number = crc32(gram.encode())
    letters = len(ascii_lowercase)
    return "".join(
        ascii_lowercase[number // letters**place % letters] for place in range(LETTERS_OF_TOKEN)
    )
