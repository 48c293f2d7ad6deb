"""The index behind the search of visits: the pairs of characters in their words.

The index only narrows down; `filters.matching_words` compares the words that the viewer may read.
Of a visit's words it may have more than there are now, and never fewer.
"""

from collections.abc import Sequence

from sqlalchemy import CompoundSelect, Connection, Select, select, union
from sqlalchemy.orm import Session

from crm.base.grams import GramIndex, pairs_to_find
from crm.base.names import spellings
from crm.visits.fields import VISIT_FIELDS
from crm.visits.models import Visit, VisitCompany

SEARCHED = tuple(name for name, field in VISIT_FIELDS.items() if field.is_searched)
# Long texts: without single characters the index is half as large.
VISITS = GramIndex(Visit, "visit_gram", ("ref", "city", *SEARCHED), has_singles=False)
NAMED = GramIndex(VisitCompany, "visit_company_gram", ("name",), has_singles=False)
NAMES = (VISITS.name, NAMED.name)
MOST_LIKELY = 2000  # among more of 200,000 a page of matches is found sooner without the index


def likely_visits(text: str, most: int) -> Sequence[Select[int]] | None:
    """Each query gives the ids of at most so many visits that may contain the text.

    None where the text has no pair of characters.
    """
    queries = {pairs_to_find(form) for form in spellings(text)}
    if "" in queries:
        return None
    found = []
    for query in sorted(queries):
        of_named = VisitCompany.id.in_(NAMED.rows_with(query))
        # joined with visits, of which those that are hidden do not count
        words = VISITS.rows_with(query).join(Visit, Visit.id == VISITS.table.c.rowid)
        found.append(words.limit(most))
        named = select(VisitCompany.visit_id).join(Visit, Visit.id == VisitCompany.visit_id)
        found.append(named.where(of_named).limit(most))
    return found


def at_most(db: Session, sources: Sequence[Select[int]], most: int) -> list[int] | None:
    """The ids that the queries give together; None where they are more."""
    ids: CompoundSelect[int] = union(*(select(source.subquery()) for source in sources))
    found = list(db.scalars(ids.limit(most + 1)))
    return found if len(found) <= most else None


def rebuild(db: Session | Connection) -> None:
    """Make the index anew from all visits."""
    for index in (VISITS, NAMED):
        index.rebuild(db)


VISITS.listen()
NAMED.listen()
