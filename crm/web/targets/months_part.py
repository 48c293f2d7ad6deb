"""The results of a year month by month, on the board of targets (PROJECTS 7 and 11)."""

from dataclasses import dataclass

from crm.base.remembered import remembered
from crm.extensions import db
from crm.people.queries import unit_tree
from crm.quotas.rules import FigureBasis
from crm.targets.month_queries import month_tables
from crm.targets.months import REPORTED, MonthTable, Tally, tallies, tally
from crm.targets.queries import units_of_target
from crm.targets.rules import Metric
from crm.targets.wording import amounts_text, figures_in_cell
from crm.web.auth import my_view
from crm.web.transaction import moment, today


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A month: a cell for each metric, and what its figures rest on."""

    name: str
    basis: str
    tone: str
    cells: tuple[str, ...]
    amount: str  # recognised of what was signed
    late: str  # what was decided on frozen months


@dataclass(frozen=True, slots=True)
class MonthsPart:
    """The months of a year that have begun, the latest first."""

    heads: tuple[str, ...]
    rows: tuple[MonthRow, ...]


TONES = {FigureBasis.SETTLED: "good", FigureBasis.PRELIMINARY: "info"}


def months_part(year: int) -> MonthsPart:
    """The months of the viewer's units; a metric of which the year tells nothing is left out."""
    session, on = db.session, today()
    tables = remembered(
        *(session, "months of results", year, on),
        read=lambda: tuple(month_tables(session, year, until=on, at=moment())),
    )
    tree, seen = unit_tree(session), my_view().unit_ids
    tops = [node.unit.id for node in tree if node.unit.id in seen]
    units = frozenset[int | None]().union(*(units_of_target(tree, top) for top in tops))

    told = [(table, tallies(table.own, units)) for table in tables]
    metrics = [
        metric for metric in REPORTED if any(not parts[metric].is_empty for _, parts in told)
    ]
    rows = [_row(table, [parts[metric] for metric in metrics], units) for table, parts in told]
    return MonthsPart(tuple(metric.label for metric in metrics), tuple(reversed(rows)))


def _row(table: MonthTable, parts: list[Tally], units: frozenset[int | None]) -> MonthRow:
    later = sum(row.unit_id in units for row in table.recognised_later)
    revoked = sum(row.unit_id in units for row in table.revoked_later)
    late = (("定稿后认定", later), ("取消认定", revoked))
    return MonthRow(
        name=f"{table.month.first.month}月",
        basis=table.basis.label,
        tone=TONES.get(table.basis, "neutral"),
        cells=tuple(map(figures_in_cell, parts)),
        amount=amounts_text(tally(table.own, Metric.SIGNED, units).recognised.amounts),
        late="，".join(f"{label} {count} 项" for label, count in late if count),
    )
