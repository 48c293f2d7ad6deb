"""The part that only a monthly digest has: trend, targets, speed and corrections (REGIME 5)."""

from collections.abc import Iterable, Mapping, Sequence

from crm.base.periods import Period
from crm.digests.content import (
    CorrectionLine,
    LateLine,
    MonthPart,
    TrendCell,
    TrendMonth,
    TrendRow,
    TrendTable,
)
from crm.digests.facts import WITHIN_A_MONTH, Facts, MonthFacts, Units
from crm.digests.permissions import Visibility
from crm.digests.results import Group, everything, groups_of
from crm.digests.truncated import Truncated
from crm.quotas.frozen import CorrectionFacts
from crm.quotas.permissions import FigureScope, may_be_split
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import FigureStatus, basis_of
from crm.targets.months import Result
from crm.targets.queries import speeds_of
from crm.visits.reach import Reach, reach_of

MOST_CORRECTED = 20

Months = Mapping[Period, Sequence[PersonFigure]]


def month_part(facts: Facts, month: MonthFacts, visibility: Visibility) -> MonthPart:
    """The month's part for the recipient's units."""
    seen = visibility.figures.unit_ids
    # with the projects of no unit for whoever sees the whole zone
    whole = everything(facts.units, seen).unit_ids
    corrections = [found for found in month.corrections if found.unit_id in seen]
    named = [
        found
        for found in corrections
        if visibility.has_records and found.is_seen_by(visibility.figures)
    ]
    signed = sum(_is_signed(facts, found) for found in corrections)
    table = facts.results.table

    return MonthPart(
        trend=_trend(facts, visibility.figures, facts.shared(_months_of, seen)),
        speeds=speeds_of(
            [course for course in month.courses if course.unit_id in whole],
            facts.period,
            month.spans,
            month.kind_names,
            month.industries,
        ),
        corrections=Truncated.of(_correction_lines(facts, named), MOST_CORRECTED),
        signed=signed,
        waiting=len(corrections) - signed,
        reach=_reach(facts, month, seen),
        recognised_later=_late(facts, visibility, table.recognised_later if table else (), whole),
        revoked_later=_late(facts, visibility, table.revoked_later if table else (), whole),
    )


def _late(
    facts: Facts, visibility: Visibility, rows: Iterable[Result], unit_ids: Units
) -> Truncated[LateLine]:
    """What was decided on frozen months; what the reader may not know is only counted."""
    own = [row for row in rows if row.unit_id in unit_ids]
    known = [row for row in own if visibility.has_records and visibility.knows_lead(row.lead_id)]
    lines = [
        LateLine(
            visibility.lead_name(row.lead_id),
            row.metric,
            row.counted_on,
            facts.unit_names.get(row.unit_id or 0, "未定责任单位"),
            abs(row.counted_amount) if row.counted_amount is not None else None,
            row.currency,
        )
        for row in known
    ]
    return Truncated.of(lines, MOST_CORRECTED, hidden=len(own) - len(known))


def _reach(facts: Facts, month: MonthFacts, unit_ids: Units) -> Reach:
    """Trips and companies of the visits that people of the units made (REGIME 3)."""
    ids = {visit.facts.id for visit in facts.visits_by_unit.of(*unit_ids)}
    rows = [row for visit_id, row in month.done_visits.items() if visit_id in ids]
    return reach_of(rows, facts.period.first, facts.period.last)


def _correction_lines(facts: Facts, corrections: Iterable[CorrectionFacts]) -> list[CorrectionLine]:
    """Corrections by unit and person."""
    in_order = sorted(
        corrections,
        key=lambda found: (
            facts.unit_order[found.unit_id],
            found.person.username,
            found.correction.id,
        ),
    )
    return [
        CorrectionLine(found, facts.unit_names[found.unit_id], _is_signed(facts, found))
        for found in in_order
    ]


def _is_signed(facts: Facts, found: CorrectionFacts) -> bool:
    signed_at = found.correction.signed_at
    return signed_at is not None and signed_at <= facts.at


def _figures_ended_in_month(facts: Facts) -> list[PersonFigure]:
    return [
        found
        for found in facts.figures
        if found.figure.period in facts.spans.ended and found.figure.period.kind in WITHIN_A_MONTH
    ]


def _months_of(facts: Facts, unit_ids: Units) -> Months:
    """The units' figures of each month of the trend."""
    history = facts.month.history if facts.month else {}
    months = {**history, facts.period: _figures_ended_in_month(facts)}
    return {
        month: [found for found in figures if found.unit_id in unit_ids]
        for month, figures in months.items()
    }


def _trend(facts: Facts, scope: FigureScope, months: Months) -> tuple[TrendTable, ...]:
    """A table for each rule of the month: the units side by side, month by month (REGIME 3)."""
    rows = facts.shared(groups_of, scope.unit_ids)
    total = everything(facts.units, scope.unit_ids)
    # Rules that no longer apply in this month have no table.
    rules = {found.figure.rule.code: found.figure.rule for found in months[facts.period]}
    tables = []

    for rule in rules.values():
        by_month = {
            month: [found for found in figures if found.figure.rule.code == rule.code]
            for month, figures in months.items()
        }
        shown = [_trend_row(scope, group, by_month) for group in rows]
        shown = [row for row in shown if any(row.cells)]
        # A single row is its own total.
        if len(shown) > 1:
            shown.append(_total_row(scope, total, rows, by_month))
        if shown:
            heads = tuple(
                TrendMonth(month, basis_of((found.figure for found in figures), month, facts.since))
                for month, figures in by_month.items()
            )
            tables.append(TrendTable(rule, heads, tuple(shown)))

    return tuple(tables)


def _trend_row(scope: FigureScope, group: Group, months: Months) -> TrendRow:
    return TrendRow(
        group.name,
        tuple(
            _trend_cell([found for found in figures if found.unit_id in group.unit_ids], scope)
            for figures in months.values()
        ),
    )


def _total_row(scope: FigureScope, total: Group, rows: Sequence[Group], months: Months) -> TrendRow:
    """All units; where the withheld rows hold too few people, the total is withheld too.

    REGIME 2: the total less the rows that are shown would give them away.
    """
    cells = list(_trend_row(scope, total, months).cells)

    for column, figures in enumerate(months.values()):
        parts = [[found for found in figures if found.unit_id in row.unit_ids] for row in rows]
        withheld = [found for part in parts if not may_be_split(scope, part) for found in part]
        if not may_be_split(scope, withheld):
            cells[column] = _trend_cell(withheld, scope)

    return TrendRow(total.name, tuple(cells))


def _trend_cell(figures: Sequence[PersonFigure], scope: FigureScope) -> TrendCell | None:
    """How many of these figures were met; None where nothing was owed."""
    if not may_be_split(scope, figures):
        return TrendCell(0, 0, 0, 0, is_split=False)

    frozen = [found.figure.status for found in figures]
    corrected = [_corrected_status(found) for found in figures]
    cell = TrendCell(*_count_met(frozen), *_count_met(corrected))

    return cell if cell.owing or cell.owing_corrected else None


def _corrected_status(found: PersonFigure) -> FigureStatus:
    settled = found.figure.settled
    return settled.corrected.status if settled and settled.corrected else found.figure.status


def _count_met(statuses: Iterable[FigureStatus]) -> tuple[int, int]:
    """How many met what they owe, and how many owe."""
    is_met = [
        status is FigureStatus.MET for status in statuses if status is not FigureStatus.EXEMPT
    ]
    return sum(is_met), len(is_met)
