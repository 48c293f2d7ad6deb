"""The register of supervision orders as a file."""

from collections.abc import Iterable, Mapping
from datetime import date

from flask import Response

from crm.base.clock import civil_date
from crm.base.sheets import Column, Format
from crm.supervision.models import Order
from crm.supervision.rules import days_overdue
from crm.web.downloads import FILE_COUNT, Export, exported
from crm.web.supervision.rows import units_of

COLUMNS = (
    Column("number", "编号"),
    Column("matter", "督办事项"),
    Column("demand", "办理要求"),
    Column("unit", "牵头单位"),
    Column("units", "配合单位"),
    Column("person", "责任人"),
    Column("officer", "经办人"),
    Column("origin", "来源"),
    Column("kind", "时限类别"),
    Column("issued_on", "下达日期"),
    Column("due_on", "办理期限"),
    Column("overdue", "逾期天数"),
    Column("state", "状态"),
    Column("basis", "销号依据"),
    Column("accepted_on", "销号日期"),
    Column("files", FILE_COUNT),
)


def file_of(orders: Iterable[Order], files: Mapping[int, int], on: date, form: Format) -> Response:
    """The orders as a file with Chinese headings; formulas are made harmless.

    `files`: how many of them an order has.
    """
    export = Export("督办单", f"supervision-{on:%Y%m%d}", COLUMNS, form)
    rows = (_row(order, on) | {"files": files.get(order.id)} for order in orders)
    return exported(export, rows)


def _row(order: Order, on: date) -> dict[str, object]:
    issued_on = civil_date(order.issued_at) if order.issued_at else None
    accepted_on = civil_date(order.accepted_at) if order.accepted_at else None

    return {
        "number": order.number_text,
        "matter": order.matter,
        "demand": order.demand,
        "unit": order.unit.name,
        "units": units_of(order),
        "person": order.person.name if order.person else None,
        "officer": order.officer.name if order.officer else None,
        "origin": order.origin,
        "kind": order.kind,
        "issued_on": issued_on,
        "due_on": order.due_on,
        # empty rather than 0, so that a filter finds the overdue orders
        "overdue": days_overdue(order.state, order.due_on, on) or None,
        "state": order.state,
        "basis": order.basis,
        "accepted_on": accepted_on,
    }
