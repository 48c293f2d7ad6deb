"""Visits as the search of everything finds them: never by a look at all of them (PROJECTS 2)."""

from collections.abc import Collection, Iterator
from datetime import date

from sqlalchemy import ColumnElement, Select, or_, select, union
from sqlalchemy.orm import Session

from crm.base.names import folded
from crm.base.typed_text import half_width
from crm.base.value_class import value_class
from crm.leads.permissions import visible as visible_leads
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.visits.filters import matching_words
from crm.visits.lists import listed
from crm.visits.models import Visit, VisitCompany, VisitLead
from crm.visits.permissions import of_leads, visible
from crm.visits.redaction import SeenVisit
from crm.visits.search_index import MOST_LIKELY, at_most, likely_visits

MOST_SEARCHED = 2000  # the latest visits, where the index finds more: the list searches all


@value_class
class VisitSearch:
    """A text, and the leads and companies that it finds, all of which the viewer may see."""

    text: str
    lead_ids: Collection[int] = ()
    company_ids: Collection[int] = ()

    @property
    def ref(self) -> str:
        """The text, written as references are."""
        return half_width(self.text).upper()


def found_visits(
    db: Session, viewer: Viewer, on: date, search: VisitSearch, *, most: int
) -> list[SeenVisit]:
    """The latest visits of what was found, led by somebody of that name, or with such words."""
    sources = [_latest(condition, most) for condition in _conditions(db, viewer, on, search)]
    ids = union(*(select(source.subquery().c.id) for source in sources))
    seen = listed(db, viewer, db.scalars(_latest(Visit.id.in_(ids), most)).all(), on)
    return sorted(seen, key=lambda visit: visit.ref != search.ref)


def _latest(condition: ColumnElement[bool], most: int) -> Select[int]:
    query = select(Visit.id).where(condition).order_by(Visit.first_on.desc(), Visit.id.desc())
    return query.limit(most)


def _conditions(
    db: Session, viewer: Viewer, on: date, search: VisitSearch
) -> Iterator[ColumnElement[bool]]:
    """What finds visible visits, each by an index of its own or among the latest."""
    seen = visible(viewer, on)
    yield (Visit.ref == search.ref) & seen

    called = select(Person.id).where(Person.search.contains(folded(search.text), autoescape=True))
    yield Visit.leader_id.in_(called) & seen

    yield _with_words(db, search.text) & matching_words(viewer, on, search.text) & seen

    # who sees one of its leads sees the visit (REGIME 2)
    of_found = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(search.lead_ids))
    yield Visit.id.in_(of_found)

    met = select(VisitCompany.visit_id).where(
        or_(
            VisitCompany.company_id.in_(search.company_ids),
            VisitCompany.folded == folded(search.text),
        )
    )
    # REGIME 2: whom it met hides with the words; of which company a hidden lead is, always
    tells_all = ~of_leads(~visible_leads(viewer, on))
    yield Visit.id.in_(met) & tells_all & seen


def _with_words(db: Session, text: str) -> ColumnElement[bool]:
    """Visits whose words may have the text: all of a rare one, the latest of a common one."""
    sources = likely_visits(text, MOST_LIKELY + 1)
    likely = at_most(db, sources, MOST_LIKELY) if sources else None
    if likely is not None:
        return Visit.id.in_(likely)
    recent = select(Visit.id).order_by(Visit.first_on.desc(), Visit.id.desc())
    return Visit.id.in_(select(recent.limit(MOST_SEARCHED).subquery().c.id))
