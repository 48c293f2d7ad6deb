"""From the facts of a weekly or monthly digest to the content for one recipient."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from crm.base.outbox import MessageKind
from crm.base.periods import Period, PeriodKind
from crm.digests.content import (
    Digest,
    FigureLine,
    OrderCounts,
    OrderRow,
    OrdersPart,
    OwnPart,
    PeopleTable,
    PersonRow,
    Truncated,
    UnitsPart,
)
from crm.digests.facts import Facts
from crm.digests.lead_progress import lead_progress
from crm.digests.lines import due_lines, figure_lines, planned, visit_line
from crm.digests.monthly import month_part
from crm.digests.notable_visits import notable_visits
from crm.digests.permissions import Visibility
from crm.digests.queries import VisitFact
from crm.digests.results import groups, rule_lines, top_units, unit_lines
from crm.digests.rules import SHORT, pending_visits
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import basis_of
from crm.supervision.queries import OrderActivity
from crm.supervision.rules import EntryKind
from crm.visits.rules import Kind

KINDS = {PeriodKind.WEEK: MessageKind.WEEKLY, PeriodKind.MONTH: MessageKind.MONTHLY}

# Bounds keep a mail readable, and under the 100 kB at which some mail programs cut it off.
MOST_DUE = 10
MOST_PLANNED = 12
MOST_TO_HELP = 20
MOST_PEOPLE = 60
MOST_STATUS_CHANGES = 15
MOST_ORDERS = 12


def compose(facts: Facts, visibility: Visibility, *, late: bool) -> Digest:
    """What the recipient reads: their own part, the part about their units, or both."""
    me, seen = visibility.viewer.person_id, visibility.figures.unit_ids
    # The definitions at the foot of the mail cover exactly the figures in it.
    shown = [
        found.figure
        for found in facts.figures
        if found.person_id == me or (visibility.has_units and found.unit_id in seen)
    ]

    return Digest(
        kind=KINDS[facts.period.kind],
        period=facts.period,
        zone_name=facts.units[0].unit.name if facts.units else "",
        name=visibility.viewer.person.name,
        at=facts.at,
        is_late=late,
        is_estimated=facts.is_estimated,
        basis=basis_of(shown, facts.period, facts.since),
        pending=pending_visits(shown, facts.at),
        own=_own_part(facts, visibility),
        units=_units_part(facts, visibility) if visibility.has_units else None,
        rules=tuple({figure.rule.code: figure.rule for figure in shown}.values()),
    )


def _own_part(facts: Facts, visibility: Visibility) -> OwnPart | None:
    me = visibility.viewer.person_id
    own = [found for found in facts.figures if found.person_id == me]
    ended = (found for found in own if found.figure.period in facts.spans.ended)
    running = (found for found in own if found.figure.period in facts.spans.running)
    plan = [
        visit_line(visit, visibility, minutes=False) for visit in planned(facts) if visit.is_of(me)
    ]
    part = OwnPart(
        ended=figure_lines(facts, ended),
        running=figure_lines(facts, running),
        due=Truncated.of(due_lines(facts.due.get(me, ()), visibility, facts.on), MOST_DUE),
        plan=Truncated.of(plan, MOST_PLANNED),
    )

    # A reader without a duty has no part of their own.
    return part if part.figures or part.due or part.plan else None


def _units_part(facts: Facts, visibility: Visibility) -> UnitsPart:
    """The part about the recipient's units; records only for those who may see them."""
    seen = visibility.figures.unit_ids
    figures = [found for found in facts.figures if found.unit_id in seen]
    total, lines = unit_lines(facts, visibility.figures)
    people = _others(facts, visibility, figures) if visibility.has_records else []
    short = [found for found in people if found.figure.status in SHORT]
    progress = lead_progress(facts, visibility)
    ahead = _planned_by_others(facts, visibility)

    return UnitsPart(
        names=tuple(node.unit.name for node in top_units(facts.units, seen)),
        # Empty units are left out of the table, though the total includes them.
        lines=tuple(line for line in lines if not line.is_empty),
        total=total,
        rules=tuple(rule_lines(facts, visibility.figures, figures)),
        names_to_help=tuple({found.person_id: found.name for found in short}.values()),
        to_help=Truncated.of(figure_lines(facts, short), MOST_TO_HELP),
        status_changes=_status_changes(facts, people),
        people=_people_tables(facts, people),
        signed=progress.signed,
        moved=progress.moved,
        other=progress.other,
        notable=notable_visits(
            facts,
            visibility,
            (visit for visit in reversed(facts.visits) if _is_shown(facts, visibility, visit)),
        ),
        stays=_stays(facts, visibility, ahead),
        plan=Truncated.of(
            [
                visit_line(visit, visibility, minutes=False)
                for visit in ahead
                if visit.facts.kind is not Kind.RESIDENCY
            ],
            MOST_PLANNED,
        ),
        orders=_orders_part(facts, visibility),
        month=month_part(facts, facts.month, visibility) if facts.month else None,
    )


def _others(
    facts: Facts, visibility: Visibility, figures: Iterable[PersonFigure]
) -> list[PersonFigure]:
    """Other people's figures that may be seen, by unit and name, never by score (REGIME 3)."""
    return sorted(
        (
            found
            for found in figures
            if found.person_id != visibility.viewer.person_id
            and visibility.figures.sees_figure(found)
        ),
        key=lambda found: (facts.unit_order[found.unit_id], found.username),
    )


def _status_changes(facts: Facts, people: Iterable[PersonFigure]) -> Truncated[FigureLine]:
    """The running figures whose status changed within the week, for better or worse."""
    lines = [line for line in figure_lines(facts, people) if line.status_changed]
    return Truncated.of(lines, MOST_STATUS_CHANGES)


def _people_tables(facts: Facts, people: Iterable[PersonFigure]) -> tuple[PeopleTable, ...]:
    """In a monthly digest, a table for each rule: a row a person, a column an ended period."""
    if facts.period.kind is not PeriodKind.MONTH:
        return ()

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
    """What others plan for the week: in the weekly digest only (REGIME 5)."""
    if facts.period.kind is not PeriodKind.WEEK:
        return []
    me = visibility.viewer.person_id
    return [
        visit
        for visit in planned(facts)
        if not visit.is_of(me) and _is_shown(facts, visibility, visit)
    ]


def _is_shown(facts: Facts, visibility: Visibility, visit: VisitFact) -> bool:
    """Whether the recipient may see it, and someone of their units leads it or takes part."""
    if not visibility.has_records or visit.facts.id not in visibility.visit_ids:
        return False
    return any(_is_of_units(facts, visibility, person_id) for person_id in visit.people)


def _is_of_units(facts: Facts, visibility: Visibility, person_id: int) -> bool:
    return facts.home_units.get(person_id) in visibility.viewer.unit_ids


def _stays(
    facts: Facts, visibility: Visibility, ahead: Iterable[VisitFact]
) -> tuple[tuple[str, int], ...]:
    """How many of the units' people stay in which city, the largest number first."""
    cities: defaultdict[str, set[int]] = defaultdict(set)

    for visit in ahead:
        if visit.facts.kind is Kind.RESIDENCY:
            # a set: somebody with two stays in a city is one person there
            cities[visit.city] |= {
                person_id
                for person_id in visit.people
                if _is_of_units(facts, visibility, person_id)
            }

    counts = ((city, len(people)) for city, people in cities.items())

    return tuple(sorted(counts, key=lambda count: (-count[1], count[0])))


def _orders_part(facts: Facts, visibility: Visibility) -> OrdersPart:
    """The supervision orders of the units; rows and lines only in a monthly digest."""
    unit_ids, has_page = visibility.viewer.unit_ids, visibility.has_records
    orders = [order for order in facts.orders if order.unit_id in unit_ids]
    if facts.period.kind is PeriodKind.WEEK:
        return OrdersPart(_count_orders(orders), (), Truncated((), 0, 0), has_page)

    # REGIME 2: figures of orders are for everyone with units, the orders themselves are not.
    rows = [
        OrderRow(
            group.name, _count_orders(order for order in orders if order.unit_id in group.unit_ids)
        )
        for group in groups(facts.units, unit_ids)
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
