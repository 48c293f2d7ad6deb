"""The index behind the search of leads: the pairs of characters in each lead and each company.

Chinese names are searched by two characters, which an index of trigrams cannot find. The index only
narrows down; `queries.matching` compares the text itself. It is an FTS5 table on SQLite and a
`tsvector` on PostgreSQL. Sessions that flush a lead or a company keep it up to date.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from string import ascii_lowercase
from typing import Any, TypeAlias
from zlib import crc32

from sqlalchemy import (
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
    union,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import InstanceState, Session

from crm.base.db import batches
from crm.base.names import folded, spellings
from crm.leads.models import Company, CompanyAlias, Lead

LETTERS_OF_TOKEN = 4
MOST_LIKELY = 500  # among more of 20,000 leads, a page of matches is found sooner without the index
ROWS = 1000  # in one execution
_Searched: TypeAlias = Lead | Company | CompanyAlias


def _index(name: str) -> TableClause:
    # migrations make these tables: the metadata knows no virtual ones
    grams = String().with_variant(TSVECTOR(), "postgresql")
    return table(name, column("rowid", Integer), column("grams", grams))


_SEARCHED: dict[type[Any], tuple[TableClause, tuple[str, ...]]] = {
    Lead: (_index("lead_gram"), ("search", "ref", "code_name", "group_name")),
    Company: (_index("company_gram"), ("search", "normal", "group_name")),
    CompanyAlias: (_index("company_alias_gram"), ("search", "normal")),
}
NAMES = tuple(index.name for index, _ in _SEARCHED.values())


def likely_matches(db: Session, text: str) -> list[int] | None:
    """Ids of all leads that may contain the text, themselves or by their company.

    None where they are so many that a page of them is found sooner by reading on from the latest.
    """
    queries = {_tokens_to_find(form) for form in {folded(text), *spellings(text)}}
    if "" in queries:
        return None

    ids = union(*(_lead_ids(query) for query in sorted(queries))).limit(MOST_LIKELY + 1)
    found = list(db.scalars(ids))

    return found if len(found) <= MOST_LIKELY else None


def likely_companies(db: Session, text: str) -> list[int] | None:
    """Ids of all companies that may contain the text, also in an alias; None as above."""
    queries = {_tokens_to_find(form) for form in {folded(text), *spellings(text)}}
    if "" in queries:
        return None

    ids = union(*(ids for query in sorted(queries) for ids in _company_ids(query)))
    found = list(db.scalars(ids.limit(MOST_LIKELY + 1)))

    return found if len(found) <= MOST_LIKELY else None


def companies_with(text: str) -> tuple[Select[int], Select[int]]:
    """Ids of all companies that may have the text in their name, and of those in an alias."""
    return _company_ids(_tokens_to_find(text))


def rebuild(db: Session | Connection) -> None:
    """Make the index anew from all leads and companies."""
    for record, (index, columns) in _SEARCHED.items():
        db.execute(delete(index))
        found = db.execute(select(record.id, *(getattr(record, name) for name in columns)))
        for part in found.partitions(ROWS):
            db.execute(
                insert(index), [{"rowid": row[0], "grams": _tokens_of(row[1:])} for row in part]
            )


def index_again(db: Session, record: type[_Searched], ids: Collection[int]) -> None:
    """Index these rows anew, and forget those that are gone: for changes past the session."""
    index, columns = _SEARCHED[record]
    connection = db.connection()
    connection.execute(delete(index).where(index.c.rowid.in_(ids)))
    found = db.execute(
        select(record.id, *(getattr(record, name) for name in columns)).where(record.id.in_(ids))
    ).all()
    if found:
        rows = [{"rowid": row[0], "grams": _tokens_of(row[1:])} for row in found]
        connection.execute(insert(index), rows)


def tokens_of_new(record: type[_Searched], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The tokens of rows that are inserted past the session; this needs no lock."""
    _, columns = _SEARCHED[record]
    return [_tokens_of([row.get(name) for name in columns]) for row in rows]


def index_new(
    db: Session, record: type[_Searched], ids: Sequence[int], tokens: Sequence[str]
) -> None:
    """Index rows that were inserted past the session."""
    index, _ = _SEARCHED[record]
    connection = db.connection()
    for part in batches(list(zip(ids, tokens, strict=True))):
        # SQLite may give an id anew
        connection.execute(delete(index).where(index.c.rowid.in_([row_id for row_id, _ in part])))
        connection.execute(
            insert(index), [{"rowid": row_id, "grams": grams} for row_id, grams in part]
        )


def _lead_ids(query: str) -> Select[int]:
    """Ids of the leads that have all tokens of the query, and of those whose company has them."""
    own = _rows_with(_SEARCHED[Lead][0], query)
    named, called = _company_ids(query)
    return select(Lead.id).where(
        Lead.id.in_(own) | Lead.company_id.in_(named) | Lead.company_id.in_(called)
    )


def _company_ids(query: str) -> tuple[Select[int], Select[int]]:
    """Ids of the companies that have all tokens of the query, and of those with such an alias."""
    named, called = (_rows_with(_SEARCHED[record][0], query) for record in (Company, CompanyAlias))
    return named, select(CompanyAlias.company_id).where(CompanyAlias.id.in_(called))


def _rows_with(index: TableClause, query: str) -> Select[int]:
    found = index.c.grams.match(query, postgresql_regconfig="simple")
    return select(index.c.rowid).where(found)


def _tokens_of(texts: Iterable[str | None]) -> str:
    """The tokens of all pairs and of all single characters, for who types only one."""
    words = [word for text in texts if text for word in _words(text)]
    grams = {gram for word in words for gram in (*word, *_pairs(word))}
    return " ".join(sorted(map(_token, grams)))


def _tokens_to_find(text: str) -> str:
    grams = {gram for word in _words(text) for gram in _pairs(word) or [word]}
    return " ".join(sorted(map(_token, grams)))


def _words(text: str) -> list[str]:
    # in one case and in the form in which text is stored
    return unicodedata.normalize("NFC", text).casefold().split()


def _pairs(word: str) -> list[str]:
    return [first + second for first, second in pairwise(word)]


def _token(gram: str) -> str:
    """Letters alone, which both databases leave as they are; two grams may share a token."""
    number = crc32(gram.encode())
    letters = len(ascii_lowercase)
    return "".join(
        ascii_lowercase[number // letters**place % letters] for place in range(LETTERS_OF_TOKEN)
    )


def _keep(_mapper: Any, connection: Connection, record: _Searched) -> None:
    index, columns = _SEARCHED[type(record)]
    state: InstanceState[Any] = inspect(record)
    if not any(state.attrs[name].history.has_changes() for name in columns):
        return

    _drop(_mapper, connection, record)
    tokens = _tokens_of([getattr(record, name) for name in columns])
    connection.execute(insert(index), {"rowid": record.id, "grams": tokens})


def _drop(_mapper: Any, connection: Connection, record: _Searched) -> None:
    index, _ = _SEARCHED[type(record)]
    connection.execute(delete(index).where(index.c.rowid == record.id))


for _record in _SEARCHED:
    event.listen(_record, "after_insert", _keep)
    event.listen(_record, "after_update", _keep)
    event.listen(_record, "after_delete", _drop)
