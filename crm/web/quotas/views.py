"""Pages of compliance: the board of a period, one figure explained, what waits for a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base import formatting
from crm.base.periods import Period, PeriodKind
from crm.extensions import db
from crm.people.queries import UnitNode, unit_tree, units_below
from crm.quotas.frozen import count_corrections, of_author, seen_corrections
from crm.quotas.queries import PersonFigure, period_kinds
from crm.quotas.rules import FigureStatus
from crm.quotas.verdicts import to_judge
from crm.supervision import permissions
from crm.web.auth import my_view
from crm.web.corrections.views import give_reason, lines, sign
from crm.web.forms import LARGEST_ID, date_arg, text_arg, word_arg
from crm.web.quotas.board import Scope, board_of
from crm.web.quotas.explanation import explain
from crm.web.quotas.late_visits import late_visits
from crm.web.quotas.visible_figures import figure_asked_for, my_figures, period_named
from crm.web.transaction import moment, today

bp = Blueprint("compliance", __name__)
for step in (sign, give_reason):
    bp.post(f"/compliance/corrections/<int(max={LARGEST_ID}):correction_id>/{step.__name__}")(step)
MOST_CORRECTIONS = 100
BY = {
    PeriodKind.WEEK: "按周",
    PeriodKind.XUN: "按旬",
    PeriodKind.MONTH: "按月",
    PeriodKind.QUARTER: "按季度",
    PeriodKind.YEAR: "按年",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the board was asked for."""

    period: Period
    unit: str  # a unit's code; empty: all that one sees
    status: FigureStatus | None

    def url(self, **changed: str | None) -> str:
        """The board's address with something else asked for."""
        same = {"period": self.period.name, "unit": self.unit or None, "status": self.status}
        return url_for("compliance.board", **{**same, **changed})  # type: ignore[arg-type]


@bp.get("/compliance")
def board() -> ResponseReturnValue:
    """The figures of a period, or with `tab` what waits for my verdict, or the corrections."""
    if page := {"waiting": _waiting_page, "corrections": _corrections_page}.get(
        request.args.get("tab", "")
    ):
        return page()

    kinds = period_kinds(db.session)
    asked, units = _asked(kinds), _my_units()
    scope = Scope(units, _chosen(units, asked.unit), my_figures(), asked.status)

    return render_template(
        "quotas/board.html",
        asked=asked,
        board=board_of(db.session, my_view(), asked.period, moment(), scope),
        tabs=_tabs(kinds, asked.period),
        units=[("", "全部单位"), *((one.unit.code, _indented(one, units)) for one in units)],
        **_around(asked),
    )


def _asked(kinds: Sequence[PeriodKind]) -> Asked:
    """The period by its name, or by its kind and a date in it; else the month of today."""
    kind = word_arg("kind", PeriodKind) or _usual(kinds)
    period = Period.holding(kind, date_arg("on") or today())
    if name := text_arg("period"):
        period = period_named(name)
    return Asked(period, text_arg("unit"), word_arg("status", FigureStatus))


def _usual(kinds: Sequence[PeriodKind]) -> PeriodKind:
    """The kind that the board begins with: the month, where any rule has it."""
    return next((kind for kind in kinds if kind is PeriodKind.MONTH), (*kinds, PeriodKind.MONTH)[0])


def _my_units() -> list[UnitNode]:
    """The units of which I see figures, in the order of the tree."""
    return [one for one in unit_tree(db.session) if one.unit.id in my_figures().unit_ids]


def _chosen(units: Sequence[UnitNode], code: str) -> frozenset[int]:
    """The unit of that code with all below it; without a code, all that I see."""
    if not code:
        return frozenset(one.unit.id for one in units)
    return units_below(units, {one.unit.id for one in units if one.unit.code == code} or abort(404))


def _indented(one: UnitNode, units: Sequence[UnitNode]) -> str:
    return "　" * (one.depth - units[0].depth) + one.unit.name


def _tabs(
    kinds: Sequence[PeriodKind], period: Period | None, here: str = ""
) -> list[dict[str, object]]:
    """The kinds of period that a rule has, what waits for a verdict of mine, and corrections."""
    on = min(today(), period.last) if period else today()
    tabs: list[dict[str, object]] = [
        {
            "url": url_for(".board", period=Period.holding(kind, on).name),
            "label": BY[kind],
            "active": period is not None and kind is period.kind,
        }
        for kind in kinds
    ]
    me = my_view()
    corrects = me.oversees or count_corrections(db.session, of_author(me.person_id)) > 0
    beside = [("waiting", "待确认", me.judges), ("corrections", "更正", corrects)]
    tabs += [
        {"url": url_for(".board", tab=name), "label": label, "active": name == here}
        for name, label, is_mine in beside
        if is_mine
    ]

    return tabs


def _around(asked: Asked) -> dict[str, object]:
    """The addresses of the periods beside the one that is shown."""
    period, on = asked.period, today()
    current = Period.holding(period.kind, on)
    return {
        "label": formatting.period_name(period),
        "previous": asked.url(period=period.before.name),
        "next": asked.url(period=period.after.name) if period.last < on else None,
        "current": asked.url(period=current.name) if period != current else None,
    }


def _waiting_page() -> ResponseReturnValue:
    if not my_view().judges:
        abort(404)
    visits = to_judge(db.session, my_view(), moment())
    return render_template(
        "quotas/waiting.html",
        late=late_visits(db.session, my_view(), visits, moment()),
        tabs=_tabs(period_kinds(db.session), None, "waiting"),
    )


def _corrections_page() -> ResponseReturnValue:
    me = my_view()
    mine = of_author(me.person_id)
    if not me.oversees and not count_corrections(db.session, mine):
        abort(404)
    seen = mine | seen_corrections(my_figures()) if me.oversees else mine
    return render_template(
        "corrections/list.html",
        corrections=lines(db.session, me, seen, most=MOST_CORRECTIONS),
        tabs=_tabs(period_kinds(db.session), None, "corrections"),
        here=url_for(".board", tab="corrections"),
    )


@bp.get("/compliance/figure")
def figure() -> ResponseReturnValue:
    """How one figure came about; mine, or that of somebody whose figures I see by name."""
    of = figure_asked_for()
    me, missed = my_view(), of.figure.status is FigureStatus.MISSED
    may_draft = missed and of.person_id != me.person_id and permissions.may_draft(me, of.unit_id)
    return render_template(
        "quotas/figure.html",
        explained=explain(db.session, my_view(), of, moment()),
        here=request.full_path,
        back=url_for(".board", period=of.figure.period.name),
        drafting=_drafting(of) if may_draft else None,
    )


def _drafting(of: PersonFigure) -> str:
    figure = of.figure
    return url_for(
        "supervision.new",
        rule=figure.rule.code,
        person=of.username,
        period=figure.period.name,
    )
