"""Visits as rows of the list: company and project first, in the columns that the person chose."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from flask import after_this_request, current_app, request
from werkzeug.wrappers import Response

from crm.base import clock
from crm.base.sheets import Column
from crm.visits.redaction import SeenVisit
from crm.visits.rules import MARKED_LATE_AFTER_DAYS, Status, is_logged_late
from crm.web.visits.rows import WAITING, Chip, chips, entered_by, names_of, when_label

COLUMNS = {
    "city": "城市",
    "kind": "类型",
    "leader": "带队人",
    "companions": "参加人数",
    "met": "会见人",
    "channel": "方式",
    "status": "状态",
    "next_step": "下一步",
}
USUAL = ("city", "kind", "leader", "companions", "status", "next_step")
YEAR_SECONDS = 365 * 86_400

DONE = Chip(Status.DONE.label, "plain")
LATE = Chip("补录", "neutral")


class TableRow(NamedTuple):
    """One visit in the table; words that the viewer may not read are empty.

    A named tuple, as thirty frozen rows of this width take 50 µs more to make.
    """

    id: int
    name: str  # the companies, else who was met
    project: str
    when: str
    city: str
    kind: str
    channel: str
    leader: str
    companions: str  # their names
    companion_count: int
    met: str
    next_step: str
    chips: tuple[Chip, ...]
    is_cancelled: bool
    can_finish: bool


def table_row(
    visit: SeenVisit, now: datetime, *, me: int, waiting_ids: Collection[int]
) -> TableRow:
    companions = [person.name for person in visit.participants]
    name, project = names_of(visit)
    people = {visit.leader.id, *(person.id for person in visit.participants)}

    return TableRow(
        id=visit.id,
        name=name,
        project=project,
        when=when_label(visit, clock.civil_date(now)),
        city=visit.city,
        kind=visit.kind.label,
        channel=visit.channel.label,
        leader=visit.leader.name,
        companions="、".join(companions),
        companion_count=len(companions),
        met=visit.met or "",
        next_step=visit.next_step or "",
        chips=_chips(visit, now, is_waiting=visit.id in waiting_ids),
        is_cancelled=visit.status is Status.CANCELLED,
        can_finish=visit.status is Status.PLANNED and visit.ends_at <= now and me in people,
    )


def _chips(visit: SeenVisit, now: datetime, *, is_waiting: bool) -> tuple[Chip, ...]:
    found = chips(visit, now)
    if by := entered_by(visit):
        found = (*found, Chip("代录", "neutral", by))
    if is_waiting:
        found = (*found, WAITING)
    elif is_logged_late(visit.last_on, visit.logged_at, MARKED_LATE_AFTER_DAYS):
        found = (*found, LATE)
    return found or (DONE,)


def sheet_columns(chosen: Collection[str]) -> list[Column]:
    """The columns of the table in a file: what names a visit, then those chosen."""
    labels = COLUMNS | {"companions": "参加人"}  # by name, where the screen has room for a number
    names = (("name", "企业"), ("project", "项目"), ("when", "日期"))
    return [Column(*each) for each in (*names, *((code, labels[code]) for code in chosen))]


def sheet_row(row: TableRow) -> dict[str, object]:
    """A row of the table in a file."""
    status = "、".join(chip.text for chip in row.chips)
    return row._asdict() | {"companions": row.companions, "status": status}


def chosen_columns(me: int) -> tuple[str, ...]:
    """The columns that the person chose at this browser, now or before."""
    if "columns" in request.args:
        columns = _known(request.args.getlist("columns"))
        _remember(me, columns)
        return columns
    kept = request.cookies.get(_cookie(me))
    return USUAL if kept is None else _known(kept.split("."))


def _known(names: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in COLUMNS if name in names)


def _cookie(me: int) -> str:
    return f"visit_columns_{me}"


def _remember(me: int, columns: tuple[str, ...]) -> None:
    @after_this_request
    def _keep(response: Response) -> Response:
        response.set_cookie(
            _cookie(me),
            ".".join(columns),
            max_age=YEAR_SECONDS,
            path="/visits",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response
