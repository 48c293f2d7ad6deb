"""From the facts of a weekly or monthly digest to the content for one recipient."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from crm.base.periods import Period, PeriodKind
from crm.digests.content import (
    Digest,
    FigureLine,
    FigureSummary,
    OrderCounts,
    OrderRow,
    OrdersPart,
    OwnPart,
    PeopleTable,
    PersonRow,
    UnitsPart,
    VisitLine,
)
from crm.digests.facts import Facts, Units, problem_span
from crm.digests.kept import KINDS
from crm.digests.lead_progress import lead_progress
from crm.digests.lines import (
    due_lines,
    figure_lines,
    line_of_figure,
    planned,
    status_week_ago,
    visit_line,
)
from crm.digests.monthly import month_part
from crm.digests.notable_visits import notable_visits
from crm.digests.permissions import Visibility
from crm.digests.problems import problems_part
from crm.digests.queries import VisitFact
from crm.digests.results import groups_of, rule_lines, top_units, unit_lines
from crm.digests.rules import SHORT, count_waiting
from crm.digests.truncated import Truncated
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import basis_of
from crm.supervision.queries import OrderActivity
from crm.supervision.rules import EntryKind
from crm.visits.rules import Kind

# Bounds keep a mail readable, and under the 100 kB at which some mail programs cut it off.
MOST_DUE = 10
MOST_PLANNED = 12
MOST_TO_HELP = 20
MOST_PEOPLE = 60
MOST_STATUS_CHANGES = 15
MOST_ORDERS = 12
NO_VISITS: Truncated[VisitLine] = Truncated((), 0, 0)


def compose(facts: Facts, visibility: Visibility, *, late: bool) -> Digest:
    """What the recipient reads: their own part, the part about their units, or both."""
    summary = _summary(facts, visibility)

    return Digest(
        kind=KINDS[facts.period.kind],
        period=facts.period,
        zone_name=facts.units[0].unit.name if facts.units else "",
        name=visibility.viewer.person.name,
        at=facts.at,
        is_late=late,
        is_estimated=facts.is_estimated,
        basis=summary.basis,
        pending=summary.pending,
        own=_own_part(facts, visibility),
        units=_units_part(facts, visibility) if visibility.has_units else None,
        rules=summary.rules,
    )


def _summary(facts: Facts, visibility: Visibility) -> FigureSummary:
    """The summary of exactly the figures in the mail."""
    me, seen = visibility.viewer.person_id, visibility.figures.unit_ids
    own = facts.figures_by_person.of(me)
    if not visibility.has_units:
        return _summary_of(facts, own)
    if all(found.unit_id in seen for found in own):
        return facts.shared(_summary_of_units, seen)
    shown = (found for found in facts.figures if found.unit_id in seen or found.person_id == me)
    return _summary_of(facts, shown)


def _summary_of_units(facts: Facts, unit_ids: Units) -> FigureSummary:
    return _summary_of(facts, facts.figures_by_unit.of(*unit_ids))


def _summary_of(facts: Facts, found: Iterable[PersonFigure]) -> FigureSummary:
    judged = list(found)
    figures = [item.figure for item in judged]
    return FigureSummary(
        basis=basis_of(figures, facts.period, facts.since),
        pending=count_waiting(map(facts.waiting_of, judged)),
        rules=tuple({figure.rule.code: figure.rule for figure in figures}.values()),
    )


def _own_part(facts: Facts, visibility: Visibility) -> OwnPart | None:
    me = visibility.viewer.person_id
    own = facts.figures_by_person.of(me)
    ended = (found for found in own if found.figure.period in facts.spans.ended)
    running = (found for found in own if found.figure.period in facts.spans.running)
    plan = Truncated.of(list(planned(facts, facts.visits_by_person.of(me))), MOST_PLANNED)
    part = OwnPart(
        ended=figure_lines(facts, ended),
        running=figure_lines(facts, running),
        due=Truncated.of(due_lines(facts.due.get(me, ()), visibility, facts.on), MOST_DUE),
        plan=plan.each(lambda visit: visit_line(visit, visibility, minutes=False)),
    )

    # A reader without a duty has no part of their own.
    return part if part.figures or part.due or part.plan else None


def _units_part(facts: Facts, visibility: Visibility) -> UnitsPart:
    """The part about the recipient's units; records only for those who may see them."""
    seen = visibility.figures.unit_ids
    total, lines = unit_lines(facts, visibility.figures)
    short = _others(facts, visibility, _short)
    progress = lead_progress(facts, visibility)
    ahead = _planned_by_others(facts, visibility)

    return UnitsPart(
        names=tuple(node.unit.name for node in top_units(facts.units, seen)),
        # Empty units are left out of the table, though the total includes them.
        lines=tuple(line for line in lines if not line.is_empty),
        total=total,
        targets=tuple(item for item in facts.targets if item.goal.unit_id in seen),
        rules=tuple(rule_lines(facts, visibility.figures)),
        names_to_help=tuple({found.person_id: found.name for found in short}.values()),
        to_help=Truncated.of(short, MOST_TO_HELP).each(partial(line_of_figure, facts)),
        status_changes=Truncated.of(_others(facts, visibility, _changed), MOST_STATUS_CHANGES).each(
            partial(line_of_figure, facts)
        ),
        people=_people_tables(facts, visibility),
        signed=progress.signed,
        moved=progress.moved,
        other=progress.other,
        notable=notable_visits(facts, visibility) if visibility.has_records else NO_VISITS,
        stays=_stays(facts, visibility),
        plan=Truncated.of(ahead, MOST_PLANNED).each(
            lambda visit: visit_line(visit, visibility, minutes=False)
        ),
        orders=_orders_part(facts, visibility),
        problems=problems_part(
            facts.problems,
            problem_span(facts.period, facts.at),
            visibility.viewer.unit_ids,
            has_page=visibility.has_records,
        ),
        month=month_part(facts, facts.month, visibility) if facts.month else None,
    )


def _by_unit(facts: Facts, unit_ids: Units) -> list[PersonFigure]:
    """The units' figures by unit and name, never by score (REGIME 3)."""
    return sorted(
        facts.figures_by_unit.of(*unit_ids),
        key=lambda found: (facts.unit_order[found.unit_id], found.username),
    )


def _short(facts: Facts, unit_ids: Units) -> list[PersonFigure]:
    return [found for found in facts.shared(_by_unit, unit_ids) if found.figure.status in SHORT]


def _changed(facts: Facts, unit_ids: Units) -> list[PersonFigure]:
    """The running figures whose status changed within the week, for better or worse."""
    return [
        found
        for found in facts.shared(_by_unit, unit_ids)
        if status_week_ago(facts, found) not in (None, found.figure.status)
    ]


def _others(
    facts: Facts, visibility: Visibility, find: Callable[[Facts, Units], list[PersonFigure]]
) -> list[PersonFigure]:
    """Of the figures that `find` gives for the units, those of others that may be seen."""
    if not visibility.has_records:
        return []
    me, scope = visibility.viewer.person_id, visibility.figures
    return [
        found
        for found in facts.shared(find, scope.unit_ids)
        if found.person_id != me and scope.sees_figure(found)
    ]


def _people_tables(facts: Facts, visibility: Visibility) -> tuple[PeopleTable, ...]:
    """In a monthly digest, a table for each rule: a row a person, a column an ended period."""
    if facts.period.kind is not PeriodKind.MONTH:
        return ()

    people = _others(facts, visibility, _by_unit)
    ended = [found for found in people if found.figure.period in facts.spans.ended]
    tables = []

    for code in sorted({found.figure.rule.code for found in ended}):
        lines = figure_lines(facts, (found for found in ended if found.figure.rule.code == code))
        judged = {line.figure.period for line in lines}
        periods = tuple(period for period in facts.spans.ended if period in judged)
        rows = Truncated.of(_person_rows(lines, periods), MOST_PEOPLE)
        tables.append(PeopleTable(lines[-1].figure.rule, periods, rows))

    return tuple(tables)


def _person_rows(lines: Iterable[FigureLine], periods: Sequence[Period]) -> list[PersonRow]:
    cells: defaultdict[tuple[str, str], dict[Period, FigureLine]] = defaultdict(dict)
    for line in lines:
        cells[line.unit_name, line.username][line.figure.period] = line

    return [
        PersonRow(unit_name, next(iter(row.values())).name, tuple(map(row.get, periods)))
        for (unit_name, _), row in cells.items()
    ]


def _planned_by_others(facts: Facts, visibility: Visibility) -> list[VisitFact]:
    """What others plan for the week, but for stays: in the weekly digest only (REGIME 5)."""
    if facts.period.kind is not PeriodKind.WEEK or not visibility.has_records:
        return []
    visits, _ = facts.shared(_planned_by_units, visibility.viewer.unit_ids)
    own = _own_visit_ids(facts, visibility)
    return [visit for visit in visits if visit.facts.id not in own]


def _planned_by_units(
    facts: Facts, unit_ids: Units
) -> tuple[list[VisitFact], list[tuple[VisitFact, set[int]]]]:
    """The visits, and the stays with the people of the units who stay."""
    visits, stays = [], []
    for visit in planned(facts, facts.visits_by_unit.of(*unit_ids)):
        if visit.facts.kind is Kind.RESIDENCY:
            people = {id_ for id_ in visit.people if facts.home_units.get(id_) in unit_ids}
            stays.append((visit, people))
        else:
            visits.append(visit)
    return visits, stays


def _own_visit_ids(facts: Facts, visibility: Visibility) -> set[int]:
    mine = facts.visits_by_person.of(visibility.viewer.person_id)
    return {visit.facts.id for visit in mine}


def _stays(facts: Facts, visibility: Visibility) -> tuple[tuple[str, int], ...]:
    """How many of the units' other people stay in which city, the largest number first."""
    if facts.period.kind is not PeriodKind.WEEK or not visibility.has_records:
        return ()
    _, stays = facts.shared(_planned_by_units, visibility.viewer.unit_ids)
    own = _own_visit_ids(facts, visibility)
    cities: defaultdict[str, set[int]] = defaultdict(set)

    for visit, people in stays:
        if visit.facts.id not in own:
            # a set: somebody with two stays in a city is one person there
            cities[visit.city] |= people
    counts = ((city, len(people)) for city, people in cities.items())

    return tuple(sorted(counts, key=lambda count: (-count[1], count[0])))


def _orders_part(facts: Facts, visibility: Visibility) -> OrdersPart:
    """The supervision orders of the units; rows and lines only in a monthly digest."""
    unit_ids, has_page = visibility.viewer.unit_ids, visibility.has_records
    orders = facts.orders_by_unit.of(*unit_ids)
    if facts.period.kind is PeriodKind.WEEK:
        return OrdersPart(_count_orders(orders), (), Truncated((), 0, 0), has_page)

    # REGIME 2: figures of orders are for everyone with units, the orders themselves are not.
    rows = [
        OrderRow(
            group.name, _count_orders(order for order in orders if order.unit_id in group.unit_ids)
        )
        for group in facts.shared(groups_of, unit_ids)
    ]
    shown = [
        order
        for order in orders
        if has_page and order.id in visibility.order_ids and (order.happened or order.days_overdue)
    ]
    shown.sort(key=lambda order: -order.days_overdue)  # stable: else by due date

    return OrdersPart(
        _count_orders(orders),
        tuple(row for row in rows if row.counts),
        Truncated.of(shown, MOST_ORDERS),
        has_page,
    )


def _count_orders(orders: Iterable[OrderActivity]) -> OrderCounts:
    counted = list(orders)

    def times(kind: EntryKind) -> int:
        return sum(kind in order.happened for order in counted)

    return OrderCounts(
        times(EntryKind.ISSUED),
        times(EntryKind.ANSWERED),
        times(EntryKind.ACCEPTED),
        sum(order.days_overdue > 0 for order in counted),
    )
