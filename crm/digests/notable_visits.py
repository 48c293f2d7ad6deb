"""A digest's notable visits: first meetings, major projects, those with minutes (REGIME 5)."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import itemgetter

from crm.digests.content import Truncated, VisitLine
from crm.digests.facts import Facts
from crm.digests.lines import visit_line
from crm.digests.permissions import Visibility
from crm.digests.queries import VisitFact
from crm.leads.rules import is_major

MOST_VISITS = 8
MOST_FIRST_MEETINGS = 3  # of these

Weight = tuple[Decimal, bool, bool]  # amount of the largest major project, first meeting, minutes


def notable_visits(
    facts: Facts, visibility: Visibility, made: Iterable[VisitFact]
) -> Truncated[VisitLine]:
    """The notable ones of the visits made in the period, each project once."""
    weighed = [(_weight(facts, visibility, visit), visit) for visit in made]
    weighed = [pair for pair in weighed if any(pair[0])]
    weighed.sort(key=itemgetter(0), reverse=True)
    notable = [visit for _, visit in weighed]
    chosen = _reserve_first_meetings(facts, visibility, _once_a_project(notable))
    lines = tuple(
        visit_line(
            visit,
            visibility,
            minutes=True,
            first_to=facts.first_meetings.get(visit.facts.id, ()),
        )
        for visit in chosen
    )

    return Truncated(lines, more=len(notable) - len(lines), hidden=0)


def _weight(facts: Facts, visibility: Visibility, visit: VisitFact) -> Weight:
    leads = [facts.leads[lead_id] for lead_id in visit.lead_ids if visibility.knows_lead(lead_id)]
    majors = [lead.amount or Decimal(0) for lead in leads if is_major(lead.amount, lead.currency)]
    has_minutes = visibility.minutes_of(visit) is not None
    is_first = _is_first_meeting(facts, visibility, visit)
    return max(majors, default=Decimal(0)), is_first, has_minutes


def _is_first_meeting(facts: Facts, visibility: Visibility, visit: VisitFact) -> bool:
    return any(map(visibility.knows_lead, facts.first_meetings.get(visit.facts.id, ())))


def _once_a_project(visits: Iterable[VisitFact]) -> list[VisitFact]:
    chosen: list[VisitFact] = []
    shown: set[int] = set()
    for visit in visits:
        # the visits come by weight: of one project the weightiest is kept
        if not visit.lead_ids or shown.isdisjoint(visit.lead_ids):
            chosen.append(visit)
            shown.update(visit.lead_ids)
    return chosen


def _reserve_first_meetings(
    facts: Facts, visibility: Visibility, visits: Sequence[VisitFact]
) -> Sequence[VisitFact]:
    """As many as there is room for; large projects do not crowd out the first meetings."""
    first = [visit for visit in visits if _is_first_meeting(facts, visibility, visit)]
    first = first[:MOST_FIRST_MEETINGS]
    others = [visit for visit in visits if visit not in first]
    return [*others[: MOST_VISITS - len(first)], *first]
