"""The history that the figures of problems rest on, always of what the viewer may see."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, joinedload

from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from crm.problems.figures import Change, ProblemFacts, Span
from crm.problems.models import Problem, ProblemCategory, ProblemEntry, ProblemLead
from crm.problems.permissions import Onlooker, overdue, visible


def problem_facts(db: Session, me: Onlooker, span: Span) -> list[ProblemFacts]:
    """The visible problems raised before the span's end and not closed before its begin."""
    return _facts(db, span, visible(me))


def _facts(db: Session, span: Span, condition: ColumnElement[bool]) -> list[ProblemFacts]:
    within = [
        Problem.raised_at < span.ends,
        or_(Problem.closed_at.is_(None), Problem.closed_at >= span.begins),
        condition,
    ]
    rows = db.execute(
        select(
            *(Problem.id, Problem.category_id),
            *(ProblemEntry.at, ProblemEntry.state, ProblemEntry.due_on),
        )
        .join(ProblemEntry, ProblemEntry.problem_id == Problem.id)
        .where(*within)
        .order_by(Problem.id, ProblemEntry.id)
    )
    changes: dict[tuple[int, int], list[Change]] = {}
    for row in rows:
        changes.setdefault((row.id, row.category_id), []).append(
            Change(row.at, row.state, row.due_on)
        )

    return [ProblemFacts(*key, own) for key, own in changes.items()]


@value_class
class UnitProblem:
    """A problem with the unit that owns it, for the figures of units."""

    facts: ProblemFacts
    unit_id: int
    category: str


def problems_of_units(db: Session, span: Span) -> list[UnitProblem]:
    """The problems of all units, but of restricted leads: of those only who is named may know."""
    restricted = exists().where(
        ProblemLead.problem_id == Problem.id,
        Lead.id == ProblemLead.lead_id,
        Lead.secrecy == Secrecy.RESTRICTED,
    )
    facts = {found.id: found for found in _facts(db, span, ~restricted)}
    rows = db.execute(
        select(Problem.id, Problem.unit_id, ProblemCategory.name)
        .join(Problem.category)
        .where(Problem.id.in_(facts))
        .order_by(ProblemCategory.position, Problem.id)
    )
    return [UnitProblem(facts[id_], unit_id, category) for id_, unit_id, category in rows]


def overdue_of_units(
    db: Session, me: Onlooker, unit_ids: Collection[int], most: int
) -> Sequence[Problem]:
    """The visible problems of the units that are past their due date, the longest first."""
    query = select(Problem).where(visible(me), overdue(me.on), Problem.unit_id.in_(unit_ids))
    loaded = query.options(joinedload(Problem.unit))
    return db.scalars(loaded.order_by(Problem.due_on, Problem.id).limit(most)).all()


def span_until(begins: datetime, ends: datetime, as_of: datetime) -> Span:
    """The span as far as it is over at that moment, what happens at the moment included."""
    return Span(begins, min(ends, max(begins, as_of + timedelta.resolution)))
