"""The start page: what waits, who is in danger, own figures and records, by what a person does."""

from collections.abc import Callable
from datetime import date, datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.extensions import db
from crm.jobs.health import Standstill, standstill
from crm.people.permissions import Viewer
from crm.people.rules import Role
from crm.web.auth import my_view
from crm.web.home.attention import attention_of
from crm.web.home.layout import Layout, Part, layout_of
from crm.web.home.overview import newest_digest, orders_of, targets_of, unit_board
from crm.web.home.own_parts import own_parts
from crm.web.home.quota_cards import quota_cards
from crm.web.home.todo import todo_items
from crm.web.quotas.visible_figures import my_figure_scope
from crm.web.transaction import moment, today

bp = Blueprint("myday", __name__)


@bp.get("/")
def show() -> ResponseReturnValue:
    me, now, on = my_view(), moment(), today()
    layout = layout_of(me)

    return render_template(
        "home/show.html",
        on=on,
        layout=layout,
        clock=_clock(db.session, me, now),
        quotas=quota_cards(db.session, me, on, now),
        todo_items=todo_items(db.session, me, on, now),
        has_records=Part.VISITS in layout,
        own=own_parts(db.session, me, layout, now),
        **_overview(db.session, me, layout, on, now),
    )


def _clock(session: Session, me: Viewer, now: datetime) -> Standstill | None:
    return standstill(session, now=now) if me.role is Role.ADMIN else None


def _overview(
    session: Session, me: Viewer, layout: Layout, on: date, now: datetime
) -> dict[str, object]:
    """What the viewer's units do, as far as the page has a part for it."""
    readings: dict[Part, Callable[[], object]] = {
        Part.ATTENTION: lambda: attention_of(session, me, my_figure_scope(), on, now),
        Part.TARGETS: lambda: targets_of(session, me, on),
        Part.ORDERS: lambda: orders_of(session, me, my_figure_scope(), now),
        Part.BOARD: lambda: unit_board(session, me, my_figure_scope(), on, now),
        Part.DIGEST: lambda: newest_digest(session, me),
    }
    return {part.value: read() for part, read in readings.items() if part in layout}
