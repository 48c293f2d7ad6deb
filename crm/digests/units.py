"""The part of a digest on the units that its recipient sees: results, and who needs a hand."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from crm.base.periods import PeriodKind
from crm.digests.content import (
    FigureLine,
    Listed,
    PeopleTable,
    PersonRow,
    UnitsPart,
    VisitLine,
)
from crm.digests.lead_progress import moves
from crm.digests.lines import figure_lines, planned, visit_line
from crm.digests.orders import orders_part
from crm.digests.permissions import Sight
from crm.digests.queries import Facts, VisitFact
from crm.digests.results import groups, rule_lines, tops, unit_lines
from crm.digests.rules import SHORT
from crm.digests.trend import month_part
from crm.leads.rules import is_major
from crm.quotas.queries import PersonFigure
from crm.visits.rules import Kind, Status

# Bounds keep a mail readable, and under the 100 kB at which some readers cut it off.
MOST_HELPED = 20
MOST_PEOPLE = 60
MOST_TURNED = 15
MOST_VISITS = 8
MOST_FIRST = 3  # of these, visits that were the first to a project
MOST_PLANNED = 12


def units_part(facts: Facts, sight: Sight) -> UnitsPart:
    """What is told of the units that the recipient sees; records only to who has them."""
    seen, mine = sight.figures.unit_ids, sight.viewer.unit_ids
    figures = [one for one in facts.figures if one.unit_id in seen]
    total, lines = unit_lines(facts, sight.figures)
    people = _in_order(facts, sight, figures) if sight.has_records else []
    short = [one for one in people if one.figure.status in SHORT]
    signed, moved, other = moves(facts, sight)
    ahead = _ahead(facts, sight)

    return UnitsPart(
        names=tuple(top.unit.name for top in tops(facts.units, seen)),
        lines=tuple(line for line in lines if not line.is_empty),
        total=total,
        rules=tuple(rule_lines(facts, sight.figures, figures)),
        needy=tuple({one.person_id: one.name for one in short}.values()),
        help=Listed.first(figure_lines(facts, short), MOST_HELPED),
        turned=_turned(facts, people),
        people=_tables(facts, people),
        signed=signed,
        moved=moved,
        other=other,
        notable=_notable(facts, sight),
        stays=_stays(facts, sight, ahead),
        plan=Listed.first(
            [
                visit_line(one, sight, minutes=False)
                for one in ahead
                if one.facts.kind is not Kind.RESIDENCY
            ],
            MOST_PLANNED,
        ),
        orders=orders_part(
            facts.period.kind,
            facts.orders,
            ((one.name, one.unit_ids) for one in groups(facts.units, mine)),
            unit_ids=mine,
            seen=sight.order_ids if sight.has_records else None,
        ),
        month=month_part(facts, sight),
    )


def _turned(facts: Facts, people: Iterable[PersonFigure]) -> Listed[FigureLine]:
    """Whose running figures turned within the week, for better or worse."""
    lines = [line for line in figure_lines(facts, people) if line.has_turned]
    return Listed.first(lines, MOST_TURNED)


def _in_order(facts: Facts, sight: Sight, figures: Iterable[PersonFigure]) -> list[PersonFigure]:
    """The others' figures that are seen, by unit and name, never by score (REGIME 3)."""
    place = {node.unit.id: number for number, node in enumerate(facts.units)}
    return sorted(
        (
            one
            for one in figures
            if one.person_id != sight.viewer.person_id and sight.figures.sees_figure(one)
        ),
        key=lambda one: (place[one.unit_id], one.username),
    )


def _tables(facts: Facts, people: Iterable[PersonFigure]) -> tuple[PeopleTable, ...]:
    """Of a month: each rule's figures that have ended, a row a person."""
    if facts.period.kind is not PeriodKind.MONTH:
        return ()

    ended = [one for one in people if one.figure.period in facts.spans.ended]
    made = []

    for code in sorted({one.figure.rule.code for one in ended}):
        lines = figure_lines(facts, (one for one in ended if one.figure.rule.code == code))
        periods = {line.figure.period for line in lines}
        told = tuple(one for one in facts.spans.ended if one in periods)
        rows: defaultdict[tuple[str, str], dict[object, FigureLine]] = defaultdict(dict)
        for line in lines:
            rows[line.unit_name, line.username][line.figure.period] = line
        made.append(
            PeopleTable(
                rule=lines[-1].figure.rule,
                periods=told,
                rows=Listed.first(
                    [
                        PersonRow(
                            unit_name,
                            next(iter(cells.values())).name,
                            tuple(cells.get(period) for period in told),
                        )
                        for (unit_name, _), cells in rows.items()
                    ],
                    MOST_PEOPLE,
                ),
            )
        )

    return tuple(made)


def _ahead(facts: Facts, sight: Sight) -> list[VisitFact]:
    """What others plan for the week: in the weekly digest only (REGIME 5)."""
    if facts.period.kind is not PeriodKind.WEEK:
        return []
    others = (one for one in planned(facts) if not one.is_of(sight.viewer.person_id))
    return [one for one in others if _is_told(facts, sight, one)]


def _is_told(facts: Facts, sight: Sight, visit: VisitFact) -> bool:
    """Whether the recipient sees it and someone of their units leads it or takes part."""
    if not sight.has_records or visit.facts.id not in sight.visit_ids:
        return False
    return any(_is_of_units(facts, sight, person_id) for person_id in visit.people)


def _is_of_units(facts: Facts, sight: Sight, person_id: int) -> bool:
    return facts.homes.get(person_id) in sight.viewer.unit_ids


def _stays(facts: Facts, sight: Sight, ahead: Iterable[VisitFact]) -> tuple[tuple[str, int], ...]:
    """How many of the units' people stay in which city, the most first."""
    cities: defaultdict[str, set[int]] = defaultdict(set)
    for visit in ahead:
        if visit.facts.kind is Kind.RESIDENCY:
            here = {one for one in visit.people if _is_of_units(facts, sight, one)}
            cities[visit.city] |= here
    counts = ((city, len(people)) for city, people in cities.items())
    return tuple(sorted(counts, key=lambda one: (-one[1], one[0])))


def _notable(facts: Facts, sight: Sight) -> Listed[VisitLine]:
    """Visits made to a major project, to one for the first time, or with minutes; each once."""
    weights = {
        visit: _weight(facts, sight, visit)
        for visit in reversed(facts.visits)
        if visit.status is Status.DONE
        and visit.facts.last_on in facts.period
        and _is_told(facts, sight, visit)
    }
    made = [visit for visit, weight in weights.items() if any(weight)]
    made.sort(key=weights.__getitem__, reverse=True)
    told = _room_for_first(facts, sight, _each_project_once(made))
    lines = tuple(
        visit_line(one, sight, minutes=True, first_to=facts.first_meetings.get(one.facts.id, ()))
        for one in told
    )

    return Listed(lines, more=len(made) - len(lines), hidden=0)


def _room_for_first(facts: Facts, sight: Sight, visits: Sequence[VisitFact]) -> Sequence[VisitFact]:
    """As many as there is room for; large projects do not crowd out the first meetings."""
    first = [one for one in visits if _is_first(facts, sight, one)][:MOST_FIRST]
    others = [one for one in visits if one not in first]
    return [*others[: MOST_VISITS - len(first)], *first]


def _is_first(facts: Facts, sight: Sight, visit: VisitFact) -> bool:
    return any(map(sight.knows, facts.first_meetings.get(visit.facts.id, ())))


def _weight(facts: Facts, sight: Sight, visit: VisitFact) -> tuple[Decimal, bool, bool]:
    """The largest major project that the reader knows; whether it was the first; minutes."""
    leads = [facts.leads[lead_id] for lead_id in visit.lead_ids if sight.knows(lead_id)]
    majors = [lead.amount or Decimal(0) for lead in leads if is_major(lead.amount, lead.currency)]
    largest, has_minutes = max(majors, default=Decimal(0)), sight.minutes_of(visit) is not None
    return largest, _is_first(facts, sight, visit), has_minutes


def _each_project_once(visits: Iterable[VisitFact]) -> list[VisitFact]:
    told: list[VisitFact] = []
    known: set[int] = set()
    for visit in visits:
        if not visit.lead_ids or known.isdisjoint(visit.lead_ids):
            told.append(visit)
            known.update(visit.lead_ids)
    return told
