"""Units side by side, by their results and by how many met what they owe (REGIME 3)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby

from crm.base.money import Currency
from crm.base.periods import Period, PeriodKind
from crm.digests.content import RuleLine, UnitLine
from crm.digests.queries import Facts, LeadFact
from crm.digests.rules import FORWARD, GOOD, TaskCounts, count_tasks, owes
from crm.people.queries import UnitNode, units_below
from crm.quotas.permissions import FigureScope, may_be_split
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import Figure, FigureStatus, basis_of


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the comparison: a unit and all below it; none among them stands for no unit."""

    name: str
    unit_ids: frozenset[int | None]


def tops(units: Sequence[UnitNode], seen: frozenset[int]) -> list[UnitNode]:
    """The highest of the units that are seen."""
    return [one for one in units if one.unit.id in seen and one.unit.parent_id not in seen]


def everything(units: Sequence[UnitNode], seen: frozenset[int]) -> Group:
    """All that is seen; who sees the whole zone sees leads of no unit too."""
    whole = all(one.unit.id in seen for one in units)
    return Group("合计", seen | ({None} if whole else frozenset()))


def groups(units: Sequence[UnitNode], seen: frozenset[int]) -> list[Group]:
    """The rows: the units right below the only top with that top itself, else the tops."""
    highest = tops(units, seen)
    if len(highest) != 1:
        return [Group(one.unit.name, units_below(units, {one.unit.id})) for one in highest]
    top = highest[0]
    below = [one for one in units if one.unit.parent_id == top.unit.id]
    if not below:
        return [Group(top.unit.name, frozenset({top.unit.id}))]
    own = Group("本级", frozenset({top.unit.id}))
    rows = [own, *(Group(one.unit.name, units_below(units, {one.unit.id})) for one in below)]
    rest = everything(units, seen).unit_ids - {unit_id for row in rows for unit_id in row.unit_ids}
    return [*rows, Group("未定责任单位", rest)] if rest else rows


def unit_lines(facts: Facts, scope: FigureScope) -> tuple[UnitLine, list[UnitLine]]:
    """All that is seen in one line, and the units side by side."""
    rows = groups(facts.units, scope.unit_ids)
    lines = [_unit_line(facts, group, _tasks(scope, figures_of(facts, group))) for group in rows]
    whole = everything(facts.units, scope.unit_ids)
    # what the whole less the other units leaves would tell of too few people as well
    too_few = [
        one
        for group, line in zip(rows, lines, strict=True)
        if not line.tasks.is_split
        for one in figures_of(facts, group)
    ]
    tasks = _tasks(scope, figures_of(facts, whole))
    if not may_be_split(scope, too_few):
        tasks = replace(tasks, good=0, is_split=False)

    return _unit_line(facts, whole, tasks), lines


def figures_of(facts: Facts, group: Group) -> list[PersonFigure]:
    """The figures that stand under the group's units."""
    return [one for one in facts.figures if one.unit_id in group.unit_ids]


def _tasks(scope: FigureScope, figures: Sequence[PersonFigure]) -> TaskCounts:
    tasks = count_tasks(one.figure for one in figures)
    return tasks if may_be_split(scope, figures) else replace(tasks, good=0, is_split=False)


def _unit_line(facts: Facts, group: Group, tasks: TaskCounts) -> UnitLine:
    """The group's results, and how many of what its people owe was met."""
    leads = {lead.id: lead for lead in facts.leads.values() if lead.unit_id in group.unit_ids}
    steps = [step for step in facts.steps if step.lead_id in leads]
    here = [step for step in steps if step.reached_on in facts.period]
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
        moved=len({step.lead_id for step in here if step.kind in FORWARD}),
        entered=sum(lead.entered_on in facts.period for lead in leads.values()),
        tasks=tasks,
    )


def _sums(leads: Iterable[LeadFact]) -> tuple[tuple[Decimal, Currency], ...]:
    """Each currency for itself: a foreign project is never converted (REGIME 6)."""
    sums: defaultdict[Currency, Decimal] = defaultdict(Decimal)
    for lead in leads:
        if lead.amount and lead.currency:
            sums[lead.currency] += lead.amount
    return tuple((sums[currency], currency) for currency in Currency if currency in sums)


def rule_lines(
    facts: Facts, scope: FigureScope, figures: Iterable[PersonFigure]
) -> Iterator[RuleLine]:
    """By rule and period, how many of those who owe met it or are on their way.

    A rule that too few people owe is left out for who may not see their figures (REGIME 2).
    """
    for (period, rule), some in groupby(
        figures, key=lambda one: (one.figure.period, one.figure.rule)
    ):
        members = list(some)
        owed = [one.figure for one in members if owes(one.figure)]
        if not owed or not may_be_split(scope, members):
            continue
        before = [
            facts.before[rule.code, one.person_id]
            for one in members
            if period == facts.period and (rule.code, one.person_id) in facts.before
        ]
        running = period in facts.spans.running
        yield RuleLine(
            rule=rule,
            period=period,
            is_running=running,
            basis=basis_of((one.figure for one in members), period, facts.since),
            good=sum(one.status in GOOD if running else _is_met(one) for one in owed),
            owing=len(owed),
            good_before=sum(map(_is_met, before)),
            owing_before=sum(map(owes, before)),
        )


def _is_met(figure: Figure) -> bool:
    return figure.status is FigureStatus.MET
