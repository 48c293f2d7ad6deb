"""A card of the board moved to another stage: where to, and from when (PROJECTS 2)."""

import json
from http import HTTPStatus

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Lead, Milestone
from crm.leads.rules import FINAL, Stage, moves
from crm.web.forms import enum_arg, is_saved
from crm.web.leads.action_forms import ReachForm
from crm.web.leads.board import board_query, card, heads, shown_stages
from crm.web.leads.detail import changeable_or_404
from crm.web.leads.listing import list_filters
from crm.web.leads.panel import Place, panel_of
from crm.web.leads.reaching import only_framework, reach_as_sent, undo_of
from crm.web.notices import flash_change
from crm.web.transaction import today
from crm.web.unseen_changes import position_shown, unseen_changes


@value_class
class Choice:
    """A stage to which the card may go, and the address of its form."""

    label: str
    url: str
    is_stop: bool


def choose(lead_id: int) -> ResponseReturnValue:
    """Where the card may go; of the stage that was chosen, the form."""
    return _page(lead_id)


def move(lead_id: int) -> ResponseReturnValue:
    """Move the card; the board shows the two columns anew."""
    unseen = unseen_changes(Lead, lead_id)
    lead, form = changeable_or_404(lead_id), ReachForm()
    before = lead.stage
    if unseen or _refusal(lead):
        return _page(lead_id, form, unseen), HTTPStatus.CONFLICT

    reached: list[Milestone] = []

    def change(session: Session) -> None:
        reached[:] = [reach_as_sent(session, lead, form)]

    form.kind.data = enum_arg("to", Stage)
    if form.validate() and is_saved(form, change):
        return _moved(lead_id, before, reached[0], form.kind.data)
    return _page(lead_id, form), HTTPStatus.UNPROCESSABLE_ENTITY


def _page(lead_id: int, sent: ReachForm | None = None, unseen: str = "") -> str:
    """The choice of a stage, or the form of the one that was chosen; in a window or as a page."""
    shown_at = position_shown()
    lead, to = changeable_or_404(lead_id), enum_arg("to", Stage)
    refusal = _refusal(lead)
    place = Place(lead, (), milestone_kinds(db.session), today())
    panel = panel_of(place, f"reach-{to}", sent) if to and not refusal else None

    return render_template(
        "leads/_move.html" if _is_part() else "leads/move.html",
        lead=lead,
        panel=panel,
        to=to,
        refusal=unseen or refusal,
        choices=[] if to else _choices(lead),
        action=_move_url(lead_id, to),
        shown_at=shown_at,
        board_url=_board_url(),
    )


def _refusal(lead: Lead) -> str:
    """Why the card cannot go to the column that was asked for; empty where it can."""
    to = enum_arg("to", Stage)
    if to is None or to in moves(lead.stage):
        return ""
    if to is lead.stage:
        return f"该线索现在就在“{to.label}”。"
    return (
        f"该线索已到“{lead.stage.label}”，不能退回“{to.label}”。"
        "登记有误的，请在线索页撤回或更正相应节点。"
    )


def _choices(lead: Lead) -> list[Choice]:
    return [
        Choice(stage.label, _move_url(lead.id, stage), stage in FINAL)
        for stage in moves(lead.stage)
    ]


def _move_url(lead_id: int, to: Stage | None) -> str:
    query = board_query()
    chosen = f"{'&' if query else '?'}to={to.value}" if to else ""
    return f"{url_for('leads.move', lead_id=lead_id)}{query}{chosen}"


def _board_url() -> str:
    return f"{url_for('leads.board')}{board_query()}"


def _is_part() -> bool:
    """Whether a script asks for a part of the board, and no whole page."""
    return "HX-Request" in request.headers


def _moved(lead_id: int, before: Stage, step: Milestone, asked: str) -> ResponseReturnValue:
    lead = changeable_or_404(lead_id)
    moved = f"“{lead.title}”已移到“{lead.stage.label}”。"
    message = only_framework(step, asked, lead.stage) or moved
    flash_change(message, undo=undo_of(lead_id, step, back=_board_url()))
    return _parts(lead, before, message) if _is_part() else redirect(_board_url())


def _parts(lead: Lead, before: Stage, message: str) -> Response:
    """The heads of the two columns and the card, which htmx puts into their places."""
    filters = list_filters()
    shown = shown_stages(filters)
    changed = [stage for stage in shown if stage in {before, lead.stage}]
    parts = render_template(
        "leads/_moved.html",
        heads=heads(filters, changed),
        card=card(lead.id) if lead.stage in shown else None,
        stage=lead.stage,
        query=board_query(),
    )
    answer = make_response(parts)
    answer.headers["HX-Trigger"] = json.dumps({"moved": {"lead": lead.id, "text": message}})
    return answer
