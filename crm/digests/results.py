"""Units side by side, by their results and by how many met what they owe (REGIME 3)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby

from crm.base.money import Currency
from crm.base.periods import Period, PeriodKind
from crm.digests.content import RuleLine, UnitLine
from crm.digests.facts import Facts, LeadFact
from crm.digests.rules import FORWARD, GOOD, TaskCounts, count_tasks, owes
from crm.people.queries import UnitNode, units_below
from crm.quotas.permissions import FigureScope, may_be_split
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import Figure, FigureStatus, basis_of


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the comparison: a unit and all below it; the id None stands for leads of no unit."""

    name: str
    unit_ids: frozenset[int | None]


def top_units(units: Sequence[UnitNode], seen: frozenset[int]) -> list[UnitNode]:
    """The highest of the units that are seen."""
    return [node for node in units if node.unit.id in seen and node.unit.parent_id not in seen]


def everything(units: Sequence[UnitNode], seen: frozenset[int]) -> Group:
    """All that is seen; who sees the whole zone also sees leads of no unit."""
    sees_zone = all(node.unit.id in seen for node in units)
    return Group("合计", seen | ({None} if sees_zone else frozenset()))


def groups(units: Sequence[UnitNode], seen: frozenset[int]) -> list[Group]:
    """The rows: below a single top unit, that unit itself and its children; else the top units."""
    tops = top_units(units, seen)
    if len(tops) != 1:
        return [Group(node.unit.name, units_below(units, {node.unit.id})) for node in tops]

    top = tops[0]
    children = [node for node in units if node.unit.parent_id == top.unit.id]
    if not children:
        return [Group(top.unit.name, frozenset({top.unit.id}))]

    # The top unit's own people would otherwise be in no row.
    own = Group("本级", frozenset({top.unit.id}))
    rows = [own, *(Group(node.unit.name, units_below(units, {node.unit.id})) for node in children)]
    rest = everything(units, seen).unit_ids - {unit_id for row in rows for unit_id in row.unit_ids}

    return [*rows, Group("未定责任单位", rest)] if rest else rows


def unit_lines(facts: Facts, scope: FigureScope) -> tuple[UnitLine, list[UnitLine]]:
    """The total of all that is seen, and the units side by side."""
    rows = groups(facts.units, scope.unit_ids)
    lines = [_unit_line(facts, group, _tasks(scope, _figures_of(facts, group))) for group in rows]
    whole = everything(facts.units, scope.unit_ids)

    # REGIME 2: the total less the rows that are shown would give away the rows that are withheld.
    withheld = [
        figure
        for group, line in zip(rows, lines, strict=True)
        if not line.tasks.is_split
        for figure in _figures_of(facts, group)
    ]
    tasks = _tasks(scope, _figures_of(facts, whole))
    if not may_be_split(scope, withheld):
        tasks = replace(tasks, good=0, is_split=False)

    return _unit_line(facts, whole, tasks), lines


def _figures_of(facts: Facts, group: Group) -> list[PersonFigure]:
    return [figure for figure in facts.figures if figure.unit_id in group.unit_ids]


def _tasks(scope: FigureScope, figures: Sequence[PersonFigure]) -> TaskCounts:
    tasks = count_tasks(found.figure for found in figures)
    return tasks if may_be_split(scope, figures) else replace(tasks, good=0, is_split=False)


def _unit_line(facts: Facts, group: Group, tasks: TaskCounts) -> UnitLine:
    leads = {lead.id: lead for lead in facts.leads.values() if lead.unit_id in group.unit_ids}
    steps = [step for step in facts.steps if step.lead_id in leads]
    in_period = [step for step in steps if step.reached_on in facts.period]
    signings = [step for step in steps if step.is_first_signing]
    year = Period.holding(PeriodKind.YEAR, facts.period.last)

    def signed_in(period: Period) -> list[LeadFact]:
        return [leads[step.lead_id] for step in signings if step.reached_on in period]

    return UnitLine(
        name=group.name,
        signed=len(signed_in(facts.period)),
        amounts=_sums(signed_in(facts.period)),
        signed_before=len(signed_in(facts.period.before)),
        signed_in_year=len(signed_in(year)),
        amounts_in_year=_sums(signed_in(year)),
        moved=len({step.lead_id for step in in_period if step.kind in FORWARD}),
        entered=sum(lead.entered_on in facts.period for lead in leads.values()),
        tasks=tasks,
    )


def _sums(leads: Iterable[LeadFact]) -> tuple[tuple[Decimal, Currency], ...]:
    """A sum for each currency: a foreign project is never converted (REGIME 6)."""
    sums: defaultdict[Currency, Decimal] = defaultdict(Decimal)
    for lead in leads:
        if lead.amount and lead.currency:
            sums[lead.currency] += lead.amount
    return tuple((sums[currency], currency) for currency in Currency if currency in sums)


def rule_lines(
    facts: Facts, scope: FigureScope, figures: Iterable[PersonFigure]
) -> Iterator[RuleLine]:
    """By rule and period, how many of those who owe met it or are on track.

    A rule that too few people owe is left out for readers who may not see their figures (REGIME 2).
    """
    for (period, rule), members in groupby(
        figures, key=lambda found: (found.figure.period, found.figure.rule)
    ):
        group = list(members)
        owed = [found.figure for found in group if owes(found.figure)]
        if not owed or not may_be_split(scope, group):
            continue

        previous = [
            facts.previous[rule.code, found.person_id]
            for found in group
            if period == facts.period and (rule.code, found.person_id) in facts.previous
        ]
        is_running = period in facts.spans.running
        yield RuleLine(
            rule=rule,
            period=period,
            is_running=is_running,
            basis=basis_of((found.figure for found in group), period, facts.since),
            good=sum(figure.status in GOOD if is_running else _is_met(figure) for figure in owed),
            owing=len(owed),
            good_before=sum(map(_is_met, previous)),
            owing_before=sum(map(owes, previous)),
        )


def _is_met(figure: Figure) -> bool:
    return figure.status is FigureStatus.MET
