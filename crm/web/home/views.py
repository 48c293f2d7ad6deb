"""The start page: quotas, visits, follow-ups, the to-do list, and overseen units in danger."""

from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.extensions import db
from crm.jobs.health import Standstill, standstill
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS, Role
from crm.quotas.queries import own_figures, working_calendar
from crm.quotas.rules import Figure
from crm.quotas.status_reasons import status_reason
from crm.quotas.wording import unit_of
from crm.web.auth import my_view
from crm.web.home.records import grants_of, records_of
from crm.web.home.team import Team, team_of
from crm.web.home.todo import todo_items
from crm.web.quotas.labels import ESTIMATED_CALENDAR, period_label
from crm.web.quotas.visible_figures import figure_url, my_figure_scope
from crm.web.transaction import moment, today

bp = Blueprint("myday", __name__)


@dataclass(frozen=True, slots=True)
class QuotaCard:
    """A figure of the viewer, with a sentence on what is missing."""

    title: str
    period: str
    figure: Figure
    unit: str
    missing: str
    url: str


@bp.get("/")
def show() -> ResponseReturnValue:
    me, now, on = my_view(), moment(), today()
    grants = grants_of(db.session, me.person, on)

    return render_template(
        "home/show.html",
        on=on,
        clock=_clock(db.session, me, now),
        quotas=_quotas(db.session, me, on, now),
        # REGIME 2: a reader has figures of units, and no records
        records=records_of(db.session, me, grants.owners, now) if me.role in WITH_RECORDS else None,
        grants=grants.sentences,
        todo_items=todo_items(db.session, me, on, now),
        team=_team(db.session, me, on, now),
    )


def _quotas(session: Session, me: Viewer, on: date, now: datetime) -> list[QuotaCard]:
    figures = own_figures(session, me.person_id, on, now)
    calendar = working_calendar(session) if figures else None
    cards = []

    for figure in figures:
        period = figure.period
        url = figure_url(figure.rule.code, me.person.username, period)
        missing = f"{status_reason(figure)}。"
        if calendar and calendar.is_estimated(period):
            missing += ESTIMATED_CALENDAR
        unit = unit_of(figure.rule)
        period_name = period_label(period, on)
        cards.append(QuotaCard(figure.rule.name, period_name, figure, unit, missing, url))

    return cards


def _clock(session: Session, me: Viewer, now: datetime) -> Standstill | None:
    return standstill(session, now=now) if me.role is Role.ADMIN else None


def _team(session: Session, me: Viewer, on: date, now: datetime) -> Team | None:
    sees_units = me.oversees and me.unit_ids
    return team_of(session, me, my_figure_scope(), on, now) if sees_units else None
