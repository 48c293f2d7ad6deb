"""Units side by side, by their results and by how many met what they owe (REGIME 3)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.digests.content import RuleLine, UnitLine
from crm.digests.facts import Facts, Units
from crm.digests.rules import FORWARD, GOOD, TaskCounts, count_tasks, owes
from crm.people.queries import UnitNode, units_below
from crm.people.rules import Duty
from crm.quotas.permissions import FEWEST, FigureScope, may_be_split, owing
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import Figure, FigureStatus, Rule, basis_of
from crm.targets.months import tallies, tally
from crm.targets.rules import Metric


@value_class
class Group:
    """A row of the comparison: a unit and all below it; the id None stands for leads of no unit."""

    name: str
    unit_ids: Units


def top_units(units: Sequence[UnitNode], seen: Units) -> list[UnitNode]:
    """The highest of the units that are seen."""
    return [node for node in units if node.unit.id in seen and node.unit.parent_id not in seen]


def everything(units: Sequence[UnitNode], seen: Units) -> Group:
    """All that is seen; who sees the whole zone also sees leads of no unit."""
    sees_zone = all(node.unit.id in seen for node in units)
    return Group("合计", seen | ({None} if sees_zone else frozenset()))


def groups_of(facts: Facts, seen: Units) -> list[Group]:
    """The rows of `groups`, to be shared between digests."""
    return groups(facts.units, seen)


def groups(units: Sequence[UnitNode], seen: Units) -> list[Group]:
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


def withheld(
    units: Sequence[UnitNode],
    unit_ids: Units,
    judged: Sequence[PersonFigure],
    scope: FigureScope,
) -> list[PersonFigure]:
    """The figures of these units whose counts no row shows, on a page of all or of some.

    What a row shows less the rows within it would tell of them.
    """
    if all(map(scope.sees_figure, judged)):
        return []
    if len(unit_ids) == 1:
        return [] if may_be_split(scope, judged) else list(judged)

    found: list[PersonFigure] = []
    for group in groups(units, unit_ids):
        part = [figure for figure in judged if figure.unit_id in group.unit_ids]
        rest = withheld(units, group.unit_ids, part, scope)
        if not (may_be_split(scope, part) and may_be_split(scope, rest)):
            found += rest or part
    return found


def unit_lines(facts: Facts, scope: FigureScope) -> tuple[UnitLine, list[UnitLine]]:
    """The total of all that is seen, and the units side by side."""
    rows = facts.shared(groups_of, scope.unit_ids)
    lines = [_unit_line(facts, group, _tasks(facts, scope, group)) for group in rows]
    whole = everything(facts.units, scope.unit_ids)

    tasks = _tasks(facts, scope, whole)
    return _unit_line(facts, whole, tasks), lines


def _tasks(facts: Facts, scope: FigureScope, group: Group) -> TaskCounts:
    tasks, owing_people = facts.shared(_counted, group.unit_ids)
    figures = facts.figures_by_unit.of(*group.unit_ids)
    places = facts.shared(_places, group.unit_ids)
    if all(unit_id in scope.units_by_duty.get(duty, ()) for unit_id, duty in places):
        return tasks
    if _sees_all(scope, figures):
        return tasks
    # REGIME 2: the whole less the rows that are shown would give away those that are withheld
    rest = withheld(facts.units, group.unit_ids, figures, scope)
    if owing_people >= FEWEST and may_be_split(scope, rest):
        return tasks
    return replace(tasks, good=0, is_split=False)


def _places(facts: Facts, unit_ids: Units) -> frozenset[tuple[int, Duty]]:
    """The units and duties of these units' figures."""
    figures = facts.figures_by_unit.of(*unit_ids)
    return frozenset((found.unit_id, found.figure.rule.duty) for found in figures)


def _counted(facts: Facts, unit_ids: Units) -> tuple[TaskCounts, int]:
    """The tasks of the units, and how many people owe something."""
    figures = facts.figures_by_unit.of(*unit_ids)
    return count_tasks(found.figure for found in figures), len(owing(figures))


def _unit_line(facts: Facts, group: Group, tasks: TaskCounts) -> UnitLine:
    return replace(facts.shared(_results, group.unit_ids), name=group.name, tasks=tasks)


def _results(facts: Facts, unit_ids: Units) -> UnitLine:
    """What the units' leads reached; without a name and tasks."""
    steps = facts.steps_by_unit.of(*unit_ids)
    in_period = [step for step in steps if step.reached_on in facts.period]
    leads = facts.leads_by_unit.of(*unit_ids)

    return UnitLine(
        name="",
        now=tallies(facts.results.now, unit_ids),
        signed_before=tally(facts.results.before, Metric.SIGNED, unit_ids).recognised.count,
        in_year=tallies(facts.results.year, unit_ids),
        moved=len({step.lead_id for step in in_period if step.kind in FORWARD}),
        entered=sum(lead.entered_on in facts.period for lead in leads),
        tasks=TaskCounts(0, 0),
    )


def rule_lines(facts: Facts, scope: FigureScope) -> Iterator[RuleLine]:
    """By rule and period, how many of those who owe met it or are on track.

    A rule that too few people owe is left out for readers who may not see their figures (REGIME 2).
    """
    for line, figures, owing_people in facts.shared(_rule_lines, scope.unit_ids):
        if owing_people >= FEWEST or _sees_all(scope, figures):
            yield line


def _sees_all(scope: FigureScope, figures: Iterable[PersonFigure]) -> bool:
    return all(map(scope.sees_figure, figures))


def _rule_lines(facts: Facts, unit_ids: Units) -> list[tuple[RuleLine, list[PersonFigure], int]]:
    """The lines of these units, each with its figures and how many people owe by them."""
    lines = []

    for (period, rule), members in groupby(
        facts.figures_by_unit.of(*unit_ids),
        key=lambda found: (found.figure.period, found.figure.rule),
    ):
        group = list(members)
        if any(owes(found.figure) for found in group):
            lines.append((_rule_line(facts, rule, period, group), group, len(owing(group))))

    return lines


def _rule_line(facts: Facts, rule: Rule, period: Period, group: Sequence[PersonFigure]) -> RuleLine:
    owed = [found.figure for found in group if owes(found.figure)]
    previous = [
        facts.previous[rule.code, found.person_id]
        for found in group
        if period == facts.period and (rule.code, found.person_id) in facts.previous
    ]
    is_running = period in facts.spans.running
    return RuleLine(
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
