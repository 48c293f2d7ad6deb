"""Single lines of a digest: a figure, a visit, a follow-up, as one recipient reads them."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from crm.digests.content import DueLine, FigureLine, VisitLine
from crm.digests.permissions import Sight
from crm.digests.queries import Facts, VisitFact
from crm.digests.rules import excluded, planned_span
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import Figure, FigureStatus
from crm.visits.rules import Status


def figure_line(
    one: PersonFigure,
    at: datetime,
    *,
    before: Figure | None = None,
    was: FigureStatus | None = None,
) -> FigureLine:
    """A figure with what did not count."""
    return FigureLine(
        figure=one.figure,
        username=one.username,
        name=one.name,
        unit_name=one.unit_name,
        excluded=excluded(one.figure, at),
        before=before,
        was=was,
    )


def figure_lines(facts: Facts, figures: Iterable[PersonFigure]) -> tuple[FigureLine, ...]:
    """Figures beside the period before, or while they run beside how they stood a week ago."""
    made = []
    for one in figures:
        key, period = (one.figure.rule.code, one.person_id), one.figure.period
        before = facts.before.get(key) if period == facts.period else None
        was = facts.earlier.get((*key, period))
        made.append(figure_line(one, facts.at, before=before, was=was))
    return tuple(made)


def visit_line(
    visit: VisitFact, sight: Sight, *, minutes: bool, first_to: Iterable[int] = ()
) -> VisitLine:
    """A visit that the recipient may see, with its minutes where wanted and theirs to read."""
    facts = visit.facts
    own = visit.is_of(sight.viewer.person_id)

    return VisitLine(
        id=facts.id if own or facts.id in sight.visit_ids else None,
        starts_at=facts.starts_at,
        first_on=facts.first_on,
        last_on=facts.last_on,
        kind=facts.kind,
        channel=facts.channel,
        city=visit.city,
        leader_name=visit.leader_name,
        leads=tuple(sight.name_of(lead_id) for lead_id in visit.lead_ids),
        minutes=sight.minutes_of(visit) if minutes else None,
        is_first=any(map(sight.knows, first_to)),
    )


def planned(facts: Facts) -> Iterator[VisitFact]:
    """The visits planned from the digest's date to the end of its week."""
    first, last = planned_span(facts.on)
    for visit in facts.visits:
        on = visit.facts
        if visit.status is Status.PLANNED and on.first_on <= last and on.last_on >= first:
            yield visit


def due_lines(facts: Facts, sight: Sight) -> list[DueLine]:
    """The recipient's own follow-ups that are due or overdue."""
    return [
        DueLine(one.id, one.what, one.due_on, sight.name_of(one.lead_id), one.due_on < facts.on)
        for one in facts.due.get(sight.viewer.person_id, ())
    ]
