"""Why an order arose: the figures missed or the milestone overdue, explained with links."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.periods import Period
from crm.leads.models import Milestone
from crm.quotas.facts import PersonFigure
from crm.quotas.frozen import frozen_figures
from crm.quotas.rules import FigureStatus
from crm.supervision.models import Order, Reminder
from crm.supervision.queries import periods_of
from crm.web.quotas.labels import frozen_note
from crm.web.quotas.visible_figures import figure_url, my_figure_scope


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing from which an order arose."""

    title: str
    note: str
    url: str | None  # none where it is not the viewer's to see
    status: FigureStatus | None = None


@dataclass(frozen=True, slots=True)
class Causes:
    """Why an order arose, and whether it still holds."""

    causes: tuple[Cause, ...]
    gone: str  # what has changed since, so that a draft may be dropped; else empty


def causes_of(db: Session, order: Order, now: datetime, on: date) -> Causes:
    """Why an order arose, its lead loaded."""
    if order.rule_code and order.person_id:
        return _of_figures(db, order, now, on)
    if order.milestone and order.planned_on and order.lead:
        return _of_milestone(db, order, on)
    return Causes((), "")


def _of_figures(db: Session, order: Order, now: datetime, on: date) -> Causes:
    found = [one for period in periods_of(order) for one in _figures(db, order, period, now)]
    reminded = _reminded(db, order)
    better = [one for one in found if _is_corrected(one)]
    told = "、".join(formatting.period_name(one.figure.period) for one in better)
    return Causes(
        tuple(_cause(one, reminded, on) for one in found),
        f"{told}定稿后有更正，已不再是未达标，请核实后决定是否继续督办。" if told else "",
    )


def _figures(db: Session, order: Order, period: Period, now: datetime) -> Iterator[PersonFigure]:
    code, person_id = order.rule_code or "", order.person_id or 0
    yield from frozen_figures(db, period=period, as_of=now, codes=[code], person_ids=[person_id])


def _reminded(db: Session, order: Order) -> dict[str, datetime]:
    query = select(Reminder.period, Reminder.made_at).where(
        Reminder.rule_code == order.rule_code, Reminder.person_id == order.person_id
    )
    return dict(db.execute(query).all())


def _is_corrected(one: PersonFigure) -> bool:
    settled = one.figure.settled
    corrected = settled.corrected if settled else None
    return corrected is not None and corrected.status is not FigureStatus.MISSED


def _cause(one: PersonFigure, reminded: dict[str, datetime], on: date) -> Cause:
    figure = one.figure
    made_at = reminded.get(figure.period.name)
    notes = [
        f"完成{figure.achieved}，应完成{figure.required}",
        frozen_note(figure),
        f"{formatting.moment(made_at, on)}已提醒" if made_at else "",
    ]
    url = figure_url(figure.rule.code, one.username, figure.period)

    return Cause(
        f"{formatting.period_name(figure.period)} {figure.rule.name}",
        "；".join(filter(None, notes)),
        url if my_figure_scope().sees_figure(one) else None,
        figure.status,
    )


def _of_milestone(db: Session, order: Order, on: date) -> Causes:
    lead, kind, planned_on = order.lead, order.milestone, order.planned_on
    assert lead is not None and kind is not None and planned_on is not None  # noqa: PT018, S101
    query = select(Milestone.reached_on).where(Milestone.lead_id == lead.id, Milestone.kind == kind)
    reached_on = db.scalar(query.order_by(Milestone.id.desc()).limit(1))
    gone = (
        f"“{kind.label}”已于{formatting.dated(reached_on, on)}完成，请核实后决定是否继续督办。"
        if reached_on
        else ""
    )
    title = f"{lead.title} {kind.label}"
    note = f"计划{formatting.dated(planned_on, on)}完成"

    return Causes((Cause(title, note, url_for("leads.show", lead_id=lead.id)),), gone)
