"""Single lines of a mail as one recipient reads them: a figure, a visit, a follow-up."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from crm.digests.content import DueLine, FigureLine, VisitLine
from crm.digests.facts import Facts
from crm.digests.permissions import Visibility
from crm.digests.queries import DueFact, VisitFact
from crm.digests.rules import excluded, planned_span
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import Figure, FigureStatus
from crm.visits.rules import Status


def figure_line(
    found: PersonFigure,
    at: datetime,
    *,
    previous: Figure | None = None,
    status_week_ago: FigureStatus | None = None,
) -> FigureLine:
    """A figure with the visits that did not count."""
    return FigureLine(
        figure=found.figure,
        username=found.username,
        name=found.name,
        unit_name=found.unit_name,
        excluded=excluded(found.figure, at),
        previous=previous,
        status_week_ago=status_week_ago,
    )


def figure_lines(facts: Facts, figures: Iterable[PersonFigure]) -> tuple[FigureLine, ...]:
    return tuple(line_of_figure(facts, found) for found in figures)


def line_of_figure(facts: Facts, found: PersonFigure) -> FigureLine:
    """A figure with that of the period before, or with its status a week ago."""
    key = found.figure.rule.code, found.person_id
    # Of a quarter or year that ends with the month, the period before is not read.
    is_main = found.figure.period == facts.period
    return figure_line(
        found,
        facts.at,
        previous=facts.previous.get(key) if is_main else None,
        status_week_ago=status_week_ago(facts, found),
    )


def status_week_ago(facts: Facts, found: PersonFigure) -> FigureStatus | None:
    """The status of a running figure a week before; none where its period had not begun."""
    return facts.earlier_statuses.get(
        (found.figure.rule.code, found.person_id, found.figure.period)
    )


def visit_line(
    visit: VisitFact, visibility: Visibility, *, minutes: bool, first_to: Iterable[int] = ()
) -> VisitLine:
    """A visit; with `minutes`, they are included where the recipient may read them."""
    facts = visit.facts
    is_own = visit.is_of(visibility.viewer.person_id)

    return VisitLine(
        id=facts.id if is_own or facts.id in visibility.visit_ids else None,
        starts_at=facts.starts_at,
        first_on=facts.first_on,
        last_on=facts.last_on,
        kind=facts.kind,
        channel=facts.channel,
        city=visit.city,
        leader_name=visit.leader_name,
        leads=tuple(map(visibility.lead_name, visit.lead_ids)),
        minutes=visibility.minutes_of(visit) if minutes else None,
        is_first=any(map(visibility.knows_lead, first_to)),
    )


def due_lines(followups: Iterable[DueFact], visibility: Visibility, on: date) -> list[DueLine]:
    """The recipient's own follow-ups."""
    return [
        DueLine(
            followup.id,
            followup.what,
            followup.due_on,
            visibility.lead_name(followup.lead_id),
            followup.due_on < on,
        )
        for followup in followups
    ]


def planned(facts: Facts, visits: Iterable[VisitFact]) -> Iterator[VisitFact]:
    """Those of the visits that are planned from the digest's date to the end of its week."""
    first, last = planned_span(facts.on)
    for visit in visits:
        dates = visit.facts
        if visit.status is Status.PLANNED and dates.first_on <= last and dates.last_on >= first:
            yield visit
