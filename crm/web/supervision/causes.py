"""Why an order arose: the figures missed or the milestone overdue, explained with links."""

from collections.abc import Iterator
from datetime import date, datetime

from flask import url_for
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.leads.milestone_kinds import milestone_kinds
from crm.problems.permissions import may_see as may_see_problem
from crm.problems.rules import WORKING
from crm.quotas.facts import PersonFigure
from crm.quotas.frozen import frozen_figures
from crm.quotas.rules import FigureStatus
from crm.supervision.models import Order
from crm.supervision.problem_orders import is_of_problem, problem_of_order
from crm.supervision.queries import milestone_reached_on, periods_of, reminders_of
from crm.web.auth import my_view
from crm.web.quotas.labels import frozen_note
from crm.web.quotas.visible_figures import figure_url, my_figure_scope


@value_class
class Cause:
    """A missed figure or an overdue milestone."""

    title: str
    note: str
    url: str | None  # none if the viewer may not see it
    status: FigureStatus | None = None


@value_class
class Causes:
    """Why an order arose, and whether it still holds."""

    causes: tuple[Cause, ...]
    outdated: str  # why the cause may no longer hold, so that a draft may be dropped; else empty


def causes_of(db: Session, order: Order, now: datetime, on: date) -> Causes:
    """Why an order arose; its lead is loaded."""
    if order.rule_code and order.person_id:
        return _of_figures(db, order, now, on)
    if order.milestone and order.planned_on and order.lead:
        return _of_milestone(db, order, on)
    return _of_problem(db, order, on) if is_of_problem(order) else Causes((), "")


def _of_problem(db: Session, order: Order, on: date) -> Causes:
    problem = problem_of_order(db, order)
    if problem is None or not may_see_problem(db, my_view(), problem.id, on):
        return Causes((), "")

    url = url_for("problems.show", problem_id=problem.id)
    note = f"期限 {formatting.dated(problem.due_on, on)}，{problem.state.label}"
    is_waiting = problem.state in WORKING
    outdated = "" if is_waiting else f"困难问题{problem.state.label}，请核实后决定是否继续督办。"
    return Causes((Cause("困难问题逾期", note, url),), outdated)


def _of_figures(db: Session, order: Order, now: datetime, on: date) -> Causes:
    figures = [
        figure for period in periods_of(order) for figure in _figures(db, order, period, now)
    ]
    reminded_at = reminders_of(db, order)
    corrected = [
        formatting.period_name(row.figure.period) for row in figures if _is_no_longer_missed(row)
    ]

    return Causes(
        tuple(_cause(row, reminded_at, on) for row in figures),
        f"{'、'.join(corrected)}定稿后有更正，已不再是未达标，请核实后决定是否继续督办。"
        if corrected
        else "",
    )


def _figures(db: Session, order: Order, period: Period, now: datetime) -> Iterator[PersonFigure]:
    code, person_id = order.rule_code or "", order.person_id or 0
    yield from frozen_figures(db, period=period, as_of=now, codes=[code], person_ids=[person_id])


def _is_no_longer_missed(row: PersonFigure) -> bool:
    settled = row.figure.settled
    # REGIME 4: the frozen figure stays, so only a correction tells that it was wrong
    corrected = settled.corrected if settled else None
    return corrected is not None and corrected.status is not FigureStatus.MISSED


def _cause(row: PersonFigure, reminded_at: dict[str, datetime], on: date) -> Cause:
    figure = row.figure
    made_at = reminded_at.get(figure.period.name)
    notes = [
        f"完成{figure.achieved}，应完成{figure.required}",
        frozen_note(figure),
        f"{formatting.moment(made_at, on)}已提醒" if made_at else "",
    ]
    url = figure_url(figure.rule.code, row.username, figure.period)

    return Cause(
        f"{formatting.period_name(figure.period)} {figure.rule.name}",
        "；".join(filter(None, notes)),
        url if my_figure_scope().sees_figure(row) else None,
        figure.status,
    )


def _of_milestone(db: Session, order: Order, on: date) -> Causes:
    lead, kind, planned_on = order.lead, order.milestone, order.planned_on
    assert lead is not None and kind is not None and planned_on is not None  # noqa: PT018, S101

    name = milestone_kinds(db).names[kind]
    reached_on = milestone_reached_on(db, order)
    outdated = (
        f"“{name}”已于{formatting.dated(reached_on, on)}完成，请核实后决定是否继续督办。"
        if reached_on
        else ""
    )
    title = f"{lead.title} {name}"
    note = f"计划{formatting.dated(planned_on, on)}完成"

    return Causes((Cause(title, note, url_for("leads.show", lead_id=lead.id)),), outdated)
