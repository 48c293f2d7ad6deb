"""The targets of a year as a file: registered, waiting and recognised side by side."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby

from flask import Response

from crm.base.sheets import Column, Format
from crm.targets.rules import TargetMeasure, TargetProgress
from crm.targets.wording import shares
from crm.web.downloads import Export, exported
from crm.web.targets.rows import pace_label, target_title

COLUMNS = (
    Column("unit", "单位"),
    Column("title", "指标"),
    Column("measure", "计量单位"),
    Column("registered", "登记"),
    Column("waiting", "已申报待认定"),
    Column("recognised", "已认定"),
    Column("goal", "目标"),
    Column("percent", "完成进度（%）"),
    Column("pace", "序时进度（%）"),
    Column("compared", "与序时进度相比"),
    Column("base", "口径"),
)


def file_of(targets: Iterable[TargetProgress], year: int, form: Format) -> Response:
    """The targets as a file with Chinese headings; amounts in the target's currency."""
    return exported(Export("年度目标", f"targets-{year}", COLUMNS, form), _rows(targets))


def _rows(targets: Iterable[TargetProgress]) -> Iterator[dict[str, object]]:
    """The targets of each unit, then its shares with their bases."""
    for unit, group in groupby(targets, key=lambda progress: progress.unit_name):
        of_unit = [*group]
        yield from map(file_row, of_unit)
        for share in shares(of_unit[0]):
            row = {"unit": unit, "title": share.name, "measure": "%", "base": share.base}
            yield row | {"recognised": share.percent}


def file_row(progress: TargetProgress) -> dict[str, object]:
    goal = progress.goal
    return {
        "unit": progress.unit_name,
        "title": target_title(goal),
        "measure": "个" if goal.measure is TargetMeasure.COUNT else goal.currency.label,
        "registered": _number(progress.registered),
        "waiting": _number(progress.waiting if progress.registered is not None else None),
        "recognised": _number(progress.achieved),
        "goal": _number(goal.value),
        "percent": progress.percent,
        "pace": progress.pace,
        "compared": pace_label(progress.points) or "未设目标",
    }


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
