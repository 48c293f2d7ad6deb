"""The calendar (日历): visits, stays and absences by week and month, and the feed (ENTRY 4)."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base import formatting
from crm.base.periods import Period, PeriodKind
from crm.extensions import db
from crm.people.absence_approval import absences_between
from crm.people.permissions import colleagues_in
from crm.people.queries import UnitNode, units_below
from crm.people.rules import Role
from crm.quotas.queries import working_calendar
from crm.visits.calendar import MOST, movable_ids, visits_between
from crm.web.auth import my_view, signed_in
from crm.web.forms import date_arg, text_arg
from crm.web.transaction import today
from crm.web.visit_calendar.feed import feed
from crm.web.visit_calendar.rows import Shown, cells, questions, whole_weeks

bp = Blueprint("visit_calendar", __name__)
bp.get("/calendar/<token>.ics")(feed)
WAYS = {PeriodKind.WEEK: "周", PeriodKind.MONTH: "月"}


@bp.get("/calendar")
def show() -> ResponseReturnValue:
    """The week or month of a date: mine, or of a unit that I oversee."""
    kind = PeriodKind.MONTH if text_arg("view") == "month" else PeriodKind.WEEK
    period = Period.holding(kind, date_arg("on") or today())
    unit = text_arg("unit")
    shown, leaders = _shown(period, _people(unit), is_own=not unit)
    calendar = working_calendar(db.session)
    left = [on for on in calendar.workdays(period.first, period.last) if on >= today()]
    is_week = kind is PeriodKind.WEEK
    this_week = f"{formatting.period_short(period)}余下的工作日"

    return render_template(
        "visit_calendar/show.html",
        cells=cells(shown, period, today(), calendar),
        questions=questions(shown, leaders, left if is_week else [], week=this_week),
        is_week=is_week,
        is_full=len(shown.visits) == MOST,
        label=formatting.period_name(period),
        ways=[
            {"url": _url(view=way.value), "label": label, "active": way is kind}
            for way, label in WAYS.items()
        ],
        units=_unit_choices(),
        unit=unit,
        view=kind.value,
        on=period.first,
        previous=_url(on=period.before.first.isoformat()),
        next=_url(on=period.after.first.isoformat()),
        current=_url(on=None) if today() not in period else None,
        here=request.full_path.rstrip("?"),
    )


def _url(**changed: str | None) -> str:
    same = {name: text_arg(name) or None for name in ("view", "on", "unit")}
    return url_for(".show", **{**same, **changed})  # type: ignore[arg-type]


def _units() -> list[UnitNode]:
    me = my_view()
    return [node for node in me.tree if node.unit.id in me.unit_ids] if me.oversees else []


def _unit_choices() -> list[tuple[str, str]]:
    units = _units()
    names = [
        (node.unit.code, "　" * (node.depth - units[0].depth) + node.unit.name) for node in units
    ]
    return [("", "我的日历"), *names] if names else []


def _people(unit: str) -> dict[int, tuple[str, Role]]:
    """Whose calendar it is, with names and roles; 404 for a unit that I do not oversee."""
    me = signed_in()
    if not unit:
        return {me.id: (me.name, me.role)}
    chosen = {node.unit.id for node in _units() if node.unit.code == unit} or abort(404)
    units = units_below(my_view().tree, chosen) & my_view().unit_ids
    return {row.id: (row.name, row.role) for row in colleagues_in(db.session, units, today())}


def _shown(
    period: Period, people: Mapping[int, tuple[str, Role]], *, is_own: bool
) -> tuple[Shown, Sequence[int]]:
    first, last = whole_weeks(period)
    visits = visits_between(db.session, my_view(), list(people), first, last, today())
    shown = Shown(
        visits,
        absences_between(db.session, my_view(), list(people), first, last, on=today()),
        movable_ids(db.session, my_view(), visits, today()),
        {person_id: name for person_id, (name, _) in people.items()},
        is_own,
    )
    return shown, sorted(person for person, (_, role) in people.items() if role is Role.LEADER)
