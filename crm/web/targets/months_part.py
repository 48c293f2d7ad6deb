"""The results of a year month by month, on the board of targets (PROJECTS 7 and 11)."""

from datetime import date

from flask import url_for

from crm.base.periods import Period
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people.queries import unit_tree
from crm.quotas.rules import FigureBasis
from crm.targets.money_months import months_apart
from crm.targets.month_queries import money_results, month_tables
from crm.targets.months import REPORTED, MonthTable, Result, Tally, tallies, tally
from crm.targets.queries import units_of_target
from crm.targets.rules import Metric
from crm.targets.wording import amounts_text, figures_in_cell
from crm.web.auth import my_view
from crm.web.transaction import moment, today


@value_class
class MonthRow:
    """A month: a cell for each metric, and what its figures rest on."""

    name: str
    basis: str
    tone: str
    cells: tuple[str, ...]
    amount: str  # recognised of what was signed
    late: str  # what was decided on frozen months


@value_class
class MonthsPart:
    """The months of a year that have begun, the latest first."""

    heads: tuple[str, ...]
    rows: tuple[MonthRow, ...]
    apart: tuple[tuple[str, str], ...]  # months of which receipts tell otherwise: name, address


@value_class
class YearOfMonths:
    """The tables of the months, and the money of the year as it stands now."""

    tables: tuple[MonthTable, ...]
    money: tuple[Result, ...]


TONES = {FigureBasis.SETTLED: "good", FigureBasis.PRELIMINARY: "info"}


def months_part(year: int) -> MonthsPart:
    """The months of the viewer's units; a metric of which the year tells nothing is left out."""
    tables, units = _of_year(year).tables, _units()
    told = [(table, tallies(table.own, units)) for table in tables]
    metrics = [
        metric for metric in REPORTED if any(not parts[metric].is_empty for _, parts in told)
    ]
    rows = [_row(table, [parts[metric] for metric in metrics], units) for table, parts in told]
    apart = months_apart(tables, _of_year(year).money, units) if my_view().oversees else ()
    links = tuple((month_name(month), _receipts_of(month)) for month in apart)
    return MonthsPart(tuple(metric.label for metric in metrics), tuple(reversed(rows)), links)


def money_apart(year: int) -> tuple[tuple[Period, ...], list[Result]]:
    """The months of which receipts tell otherwise, and the money of the viewer's units."""
    of_year, units = _of_year(year), _units()
    own = [row for row in of_year.money if row.unit_id in units]
    return months_apart(of_year.tables, own, units), own


def _of_year(year: int) -> YearOfMonths:
    session, on, at = db.session, today(), moment()

    def read() -> YearOfMonths:
        first, last = date(year, 1, 1), min(on, date(year, 12, 31))
        tables = month_tables(session, year, until=on, at=at)
        return YearOfMonths(
            tuple(tables), tuple(money_results(session, first=first, last=last, at=at))
        )

    return remembered(session, "months of results", year, on, read=read)


def _units() -> frozenset[int | None]:
    tree, seen = unit_tree(db.session), my_view().unit_ids
    tops = [node.unit.id for node in tree if node.unit.id in seen]
    return frozenset[int | None]().union(*(units_of_target(tree, top) for top in tops))


def month_name(month: Period) -> str:
    """「10月」, of a year that is named beside."""
    return f"{month.first.month}月"


def _receipts_of(month: Period) -> str:
    return url_for("receipts.listing", year=month.first.year, month=month.first.month)


def _row(table: MonthTable, parts: list[Tally], units: frozenset[int | None]) -> MonthRow:
    later = sum(row.unit_id in units for row in table.recognised_later)
    revoked = sum(row.unit_id in units for row in table.revoked_later)
    late = (("定稿后认定", later), ("取消认定", revoked))
    return MonthRow(
        name=month_name(table.month),
        basis=table.basis.label,
        tone=TONES.get(table.basis, "neutral"),
        cells=tuple(map(figures_in_cell, parts)),
        amount=amounts_text(tally(table.own, Metric.SIGNED, units).recognised.amounts),
        late="，".join(f"{label} {count} 项" for label, count in late if count),
    )
