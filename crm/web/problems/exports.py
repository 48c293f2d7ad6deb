"""The list of problems as a file."""

from collections.abc import Iterable, Mapping
from datetime import date

from flask import Response

from crm.base.clock import civil_date
from crm.base.sheets import Column, Format
from crm.problems.queries import SeenProblem
from crm.problems.rules import days_overdue
from crm.web.downloads import FILE_COUNT, Export, exported

COLUMNS = (
    Column("ref", "编号"),
    Column("matter", "困难问题"),
    Column("category", "类别"),
    Column("leads", "线索"),
    Column("raised_by", "提出人"),
    Column("raised_on", "提出日期"),
    Column("unit", "承办单位"),
    Column("person", "承办人"),
    Column("units", "协办单位"),
    Column("due_on", "期限"),
    Column("overdue", "逾期天数"),
    Column("state", "状态"),
    Column("again_on", "再研究日期"),
    Column("basis", "销号依据"),
    Column("closed_on", "销号日期"),
    Column("files", FILE_COUNT),
)


def file_of(
    problems: Iterable[SeenProblem], files: Mapping[int, int], on: date, form: Format
) -> Response:
    """The problems as a file with Chinese headings; formulas are made harmless.

    `files`: how many of them a problem has.
    """
    export = Export("困难问题", f"problems-{on:%Y%m%d}", COLUMNS, form)
    rows = (_row(seen, on) | {"files": files.get(seen.problem.id)} for seen in problems)
    return exported(export, rows)


def _row(seen: SeenProblem, on: date) -> dict[str, object]:
    problem = seen.problem
    return {
        "ref": problem.ref,
        "matter": problem.matter,
        "category": problem.category.name,
        "leads": "、".join(label.text for label in seen.leads),
        "raised_by": problem.raised_by.name,
        "raised_on": civil_date(problem.raised_at),
        "unit": problem.unit.name,
        "person": problem.person.name if problem.person else None,
        "units": "、".join(unit.name for unit in problem.units),
        "due_on": problem.due_on,
        # empty rather than 0, so that a filter finds the overdue ones
        "overdue": days_overdue(problem.state, problem.due_on, on) or None,
        "state": problem.state,
        "again_on": problem.again_on,
        "basis": problem.basis,
        "closed_on": civil_date(problem.closed_at) if problem.closed_at else None,
    }
