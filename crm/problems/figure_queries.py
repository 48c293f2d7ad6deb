"""The history that the figures of problems rest on, always of what the viewer may see."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.problems.figures import Change, ProblemFacts, Span
from crm.problems.models import Problem, ProblemEntry
from crm.problems.permissions import Onlooker, visible


def problem_facts(db: Session, me: Onlooker, span: Span) -> list[ProblemFacts]:
    """The problems raised before the span's end and not closed before its begin."""
    within = [
        Problem.raised_at < span.ends,
        or_(Problem.closed_at.is_(None), Problem.closed_at >= span.begins),
        visible(me),
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


def span_until(begins: datetime, ends: datetime, as_of: datetime) -> Span:
    """The span as far as it is over at that moment, what happens at the moment included."""
    return Span(begins, min(ends, max(begins, as_of + timedelta.resolution)))
