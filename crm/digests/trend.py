"""The part of a monthly digest that looks beyond the month, as its recipient may see it."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from crm.base.periods import Period
from crm.digests.monthly import (
    WITHIN_A_MONTH,
    MonthPart,
    TrendMonth,
    TrendRow,
    TrendTable,
    correction_lines,
    trend_cell,
)
from crm.digests.permissions import Sight
from crm.digests.queries import Facts
from crm.digests.results import Group, everything, groups
from crm.digests.truncated import Listed
from crm.quotas.permissions import FigureScope, may_be_split
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import basis_of
from crm.targets.queries import speeds_of

MOST_CORRECTED = 20
Months = Mapping[Period, Sequence[PersonFigure]]
Rows: TypeAlias = Sequence[tuple[str, frozenset[int | None]]]  # units by name


def month_part(facts: Facts, sight: Sight) -> MonthPart | None:
    """What is told of the units beyond the month itself; nothing in a weekly digest."""
    month, seen = facts.month, sight.figures.unit_ids
    if month is None:
        return None

    whole = everything(facts.units, seen).unit_ids
    made = [one for one in month.corrections if one.unit_id in seen]
    named = [one for one in made if sight.has_records and one.is_seen_by(sight.figures)]
    signed = sum(one.is_signed for one in correction_lines(made, facts.units, facts.at))

    return MonthPart(
        trend=_trend(facts, sight, _in(seen, {**month.history, facts.period: _own(facts)})),
        targets=tuple(one for one in month.target_progress if one.goal.unit_id in seen),
        speeds=speeds_of([one for one in month.courses if one.unit_id in whole], facts.period),
        corrections=Listed.first(correction_lines(named, facts.units, facts.at), MOST_CORRECTED),
        signed=signed,
        waiting=len(made) - signed,
    )


def _own(facts: Facts) -> list[PersonFigure]:
    return [
        one
        for one in facts.figures
        if one.figure.period in facts.spans.ended and one.figure.period.kind in WITHIN_A_MONTH
    ]


def _in(unit_ids: frozenset[int], months: Months) -> Months:
    return {
        month: [one for one in some if one.unit_id in unit_ids] for month, some in months.items()
    }


def _trend(facts: Facts, sight: Sight, months: Months) -> tuple[TrendTable, ...]:
    """Each rule of the month itself, the units side by side (REGIME 3), month by month."""
    scope, seen = sight.figures, sight.figures.unit_ids
    rows = [(one.name, one.unit_ids) for one in groups(facts.units, seen)]
    total = everything(facts.units, seen)
    made = []
    rules = {one.figure.rule.code: one.figure.rule for one in months[facts.period]}

    for rule in rules.values():
        by_month = {
            month: [one for one in some if one.figure.rule.code == rule.code]
            for month, some in months.items()
        }
        told = [_row(scope, name, unit_ids, by_month) for name, unit_ids in rows]
        told = [row for row in told if any(row.cells)]
        if len(told) > 1:
            told.append(_total(scope, total, rows, by_month))
        if told:
            heads = tuple(
                TrendMonth(month, basis_of((one.figure for one in some), month, facts.since))
                for month, some in by_month.items()
            )
            made.append(TrendTable(rule, heads, tuple(told)))

    return tuple(made)


def _row(
    scope: FigureScope, name: str, unit_ids: frozenset[int | None], months: Months
) -> TrendRow:
    return TrendRow(
        name,
        tuple(
            trend_cell((one for one in some if one.unit_id in unit_ids), scope)
            for some in months.values()
        ),
    )


def _total(scope: FigureScope, total: Group, rows: Rows, months: Months) -> TrendRow:
    """All units; not where the rest beside the rows that are told would tell of too few people."""
    cells = list(_row(scope, total.name, total.unit_ids, months).cells)
    for place, some in enumerate(months.values()):
        parts = [[one for one in some if one.unit_id in unit_ids] for _, unit_ids in rows]
        rest = [one for part in parts if not may_be_split(scope, part) for one in part]
        if not may_be_split(scope, rest):
            cells[place] = trend_cell(rest, scope)
    return TrendRow(total.name, tuple(cells))
