"""The index behind the search of leads: the pairs of characters in each lead and each company.

The index only narrows down; `queries.matching` compares the text itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Select,
    String,
    bindparam,
    select,
    union,
)
from sqlalchemy.orm import Session

from crm.base.grams import GramIndex, tokens_to_find
from crm.base.names import folded, spellings
from crm.leads.models import Company, CompanyAlias, Lead

MOST_LIKELY = 500  # among more of 20,000 leads, a page of matches is found sooner without the index
_Searched: TypeAlias = Lead | Company | CompanyAlias

_LEADS = GramIndex(Lead, "lead_gram", ("search", "ref", "code_name", "group_name"))
_COMPANIES = GramIndex(Company, "company_gram", ("search", "normal", "group_name"))
_ALIASES = GramIndex(CompanyAlias, "company_alias_gram", ("search", "normal"))
_INDEXES = {index.record: index for index in (_LEADS, _COMPANIES, _ALIASES)}
NAMES = tuple(index.name for index in _INDEXES.values())


def likely_matches(db: Session, text: str) -> list[int] | None:
    """Ids of all leads that may contain the text, themselves or by their company.

    None where they are so many that a page of them is found sooner by reading on from the latest.
    """
    queries = {tokens_to_find(form) for form in {folded(text), *spellings(text)}}
    if "" in queries:
        return None

    values = {f"tokens_{number}": query for number, query in enumerate(sorted(queries))}
    found = list(db.scalars(_likely_leads(len(values)), values))

    return found if len(found) <= MOST_LIKELY else None


@cache
def _likely_leads(forms: int) -> CompoundSelect[int]:
    """The statement for a text of so many forms, put together once."""
    names = (bindparam(f"tokens_{number}", type_=String()) for number in range(forms))
    return union(*map(_lead_ids, names)).limit(MOST_LIKELY + 1)


def likely_companies(db: Session, text: str) -> list[int] | None:
    """Ids of all companies that may contain the text, also in an alias; None as above."""
    queries = {tokens_to_find(form) for form in {folded(text), *spellings(text)}}
    if "" in queries:
        return None

    ids = union(*(ids for query in sorted(queries) for ids in _company_ids(query)))
    found = list(db.scalars(ids.limit(MOST_LIKELY + 1)))

    return found if len(found) <= MOST_LIKELY else None


def companies_with(text: str) -> tuple[Select[int], Select[int]]:
    """Ids of all companies that may have the text in their name, and of those in an alias."""
    return _company_ids(tokens_to_find(text))


def rebuild(db: Session | Connection) -> None:
    """Make the index anew from all leads and companies."""
    for index in _INDEXES.values():
        index.rebuild(db)


def index_again(db: Session, record: type[_Searched], ids: Collection[int]) -> None:
    """Index these rows anew, and forget those that are gone: for changes past the session."""
    _INDEXES[record].index_again(db, ids)


def tokens_of_new(record: type[_Searched], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The tokens of rows that are inserted past the session; this needs no lock."""
    return _INDEXES[record].tokens_of_new(rows)


def index_new(
    db: Session, record: type[_Searched], ids: Sequence[int], tokens: Sequence[str]
) -> None:
    """Index rows that were inserted past the session."""
    _INDEXES[record].index_new(db, ids, tokens)


def _lead_ids(query: str | BindParameter[str]) -> Select[int]:
    """Ids of the leads that have all tokens of the query, and of those whose company has them."""
    own = _LEADS.rows_with(query)
    named, called = _company_ids(query)
    return select(Lead.id).where(
        Lead.id.in_(own) | Lead.company_id.in_(named) | Lead.company_id.in_(called)
    )


def _company_ids(query: str | BindParameter[str]) -> tuple[Select[int], Select[int]]:
    """Ids of the companies that have all tokens of the query, and of those with such an alias."""
    called = select(CompanyAlias.company_id).where(CompanyAlias.id.in_(_ALIASES.rows_with(query)))
    return _COMPANIES.rows_with(query), called


for _index in _INDEXES.values():
    _index.listen()
