"""The targets of a year as a file: registered, waiting and recognised side by side."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from flask import Response

from crm.base.money import WAN, YI, Currency
from crm.base.sheets import Column, Format
from crm.targets.rules import Goal, TargetMeasure, TargetProgress
from crm.targets.wording import shares
from crm.web.downloads import Export, exported
from crm.web.targets.rows import target_title

# Each unit has columns of its own, so that a column holds numbers that can be added up.
COUNT = "个"
UNITS = {COUNT: Decimal(1), "亿元": YI, "万美元": WAN}
_UNIT_OF = {Currency.CNY: "亿元", Currency.USD: "万美元"}  # the currencies of targets
_FIGURES = {
    "registered": "登记",
    "waiting": "已申报待认定",
    "recognised": "已认定",
    "goal": "目标",
    "in_hand": "在手",
}
_BEFORE = (Column("unit", "单位"), Column("title", "指标"))
_AFTER = (
    Column("percent", "完成进度（%）"),
    Column("pace", "序时进度（%）"),
    Column("points", "超前（负数为落后，百分点）"),
    Column("share", "比率（%）"),
    Column("base", "说明"),
)


def file_of(targets: Iterable[TargetProgress], year: int, form: Format) -> Response:
    """The targets as a file with Chinese headings and units in them."""
    rows = [*_rows(targets)]
    return exported(Export("年度目标", f"targets-{year}", columns_of(rows), form), rows)


def columns_of(rows: Sequence[dict[str, object]]) -> list[Column]:
    """The columns of the units that occur."""
    used = {code for row in rows for code, value in row.items() if value is not None}
    figures = [
        Column(f"{code} {unit}", f"{name}（{unit}）")
        for unit in UNITS
        for code, name in _FIGURES.items()
    ]
    return [*_BEFORE, *(column for column in figures if column.code in used), *_AFTER]


def _rows(targets: Iterable[TargetProgress]) -> Iterator[dict[str, object]]:
    """The targets of each unit, then its shares with their bases."""
    for unit, group in groupby(targets, key=lambda progress: progress.unit_name):
        of_unit = [*group]
        yield from map(file_row, of_unit)
        for share in shares(of_unit[0]):
            yield {"unit": unit, "title": share.name, "share": share.percent, "base": share.base}


def file_row(progress: TargetProgress) -> dict[str, object]:
    """A target: its figures in the columns of its unit."""
    goal, unit = progress.goal, _unit_of(progress.goal)
    is_known = progress.registered is not None
    figures = {
        "registered": progress.registered,
        "waiting": progress.waiting if is_known else None,
        "recognised": progress.achieved,
        "goal": goal.value,
    }
    row: dict[str, object] = {
        f"{code} {unit}": _in_unit(value, unit) for code, value in figures.items()
    }
    row |= _in_hand(progress)
    return row | {
        "unit": progress.unit_name,
        "title": target_title(goal),
        "percent": progress.percent,
        "pace": progress.pace,
        "points": progress.points,
        "base": "未设目标" if goal.value is None else None,
    }


def _in_hand(progress: TargetProgress) -> dict[str, object]:
    """The number of projects in hand, with their investment in each currency of targets."""
    part = progress.in_hand
    if part is None:
        return {}
    amounts = {unit: part.amount_in(currency) for currency, unit in _UNIT_OF.items()}
    sums = {f"in_hand {unit}": _in_unit(amount or None, unit) for unit, amount in amounts.items()}
    return {f"in_hand {COUNT}": part.count, **sums}


def _unit_of(goal: Goal) -> str:
    return COUNT if goal.measure is TargetMeasure.COUNT else _UNIT_OF[goal.currency]


def _in_unit(value: Decimal | None, unit: str) -> Decimal | int | None:
    if value is None:
        return None
    # without the zeros of a column's scale, nor an exponent
    number = Decimal(f"{(value / UNITS[unit]).normalize():f}")
    # a count is shown without decimals
    return int(number) if unit == COUNT and number % 1 == 0 else number
