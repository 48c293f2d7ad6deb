"""A digest's notable visits: first meetings, major projects, those with minutes (REGIME 5)."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import attrgetter, itemgetter

from crm.base.value_class import value_class
from crm.digests.content import VisitLine
from crm.digests.facts import Facts, Units
from crm.digests.lines import visit_line
from crm.digests.permissions import Visibility
from crm.digests.queries import VisitFact
from crm.digests.truncated import Truncated
from crm.leads.tiers import MAJOR
from crm.visits.rules import Status

MOST_VISITS = 8
MOST_FIRST_MEETINGS = 3  # of these
MOST_WEIGHED = 60  # several visits of one project are shown once

Weight = tuple[Decimal, bool, bool]  # amount of the largest major project, first meeting, minutes


@value_class
class Candidate:
    """A visit with its weight for a reader who may know all its leads."""

    visit: VisitFact
    weight: Weight


def notable_visits(facts: Facts, visibility: Visibility) -> Truncated[VisitLine]:
    """The notable ones of the visits that people of the units made, each project once."""
    candidates = facts.shared(_candidates, visibility.viewer.unit_ids)
    notable = _heaviest(facts, visibility, candidates)
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

    return Truncated(lines, more=len(candidates) - len(lines), hidden=0)


def _candidates(facts: Facts, unit_ids: Units) -> list[Candidate]:
    """What is notable to anybody, by weight; weighed once for all readers of these units."""
    found = [
        Candidate(visit, _weight(facts, visit, visit.lead_ids, has_minutes=bool(visit.minutes)))
        for visit in reversed(facts.visits_by_unit.of(*unit_ids))
        if visit.status is Status.DONE and visit.facts.last_on in facts.period
    ]
    notable = [candidate for candidate in found if any(candidate.weight)]
    return sorted(notable, key=attrgetter("weight"), reverse=True)


def _heaviest(
    facts: Facts, visibility: Visibility, candidates: Iterable[Candidate]
) -> list[VisitFact]:
    """As many as could be shown, by their weight for this reader.

    Who knows less of its leads gives a visit less weight, so those that follow matter less still.
    """
    found: list[tuple[Weight, VisitFact]] = []
    first_meetings = 0

    for candidate in candidates:
        if len(found) >= MOST_WEIGHED and first_meetings >= MOST_FIRST_MEETINGS:
            break
        # beyond these only first meetings may still be reserved a place
        if len(found) >= MOST_WEIGHED and not candidate.weight[1]:
            continue
        weight = _weight_for(facts, visibility, candidate)
        if any(weight):
            found.append((weight, candidate.visit))
            first_meetings += weight[1]

    found.sort(key=itemgetter(0), reverse=True)
    return [visit for _, visit in found]


def _weight_for(facts: Facts, visibility: Visibility, candidate: Candidate) -> Weight:
    visit = candidate.visit
    known = [lead_id for lead_id in visit.lead_ids if visibility.knows_lead(lead_id)]
    if len(known) == len(visit.lead_ids):
        return candidate.weight
    has_minutes = visibility.minutes_of(visit) is not None
    return _weight(facts, visit, known, has_minutes=has_minutes)


def _weight(
    facts: Facts, visit: VisitFact, lead_ids: Sequence[int], *, has_minutes: bool
) -> Weight:
    leads = [facts.leads[lead_id] for lead_id in lead_ids]
    majors = [lead.amount or Decimal(0) for lead in leads if lead.size.reaches(MAJOR)]
    first_to = facts.first_meetings.get(visit.facts.id, frozenset())
    is_first = not first_to.isdisjoint(lead_ids)
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
    reserved = {visit.facts.id for visit in first}
    others = [visit for visit in visits if visit.facts.id not in reserved]
    return [*others[: MOST_VISITS - len(first)], *first]
