"""Pages of compliance: the board of a period, one figure explained, late visits, corrections."""

from collections.abc import Sequence

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from crm.base import formatting
from crm.base.periods import Period, PeriodKind
from crm.base.remembered import CHARACTERS, remembered_until
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people.models import Person
from crm.people.queries import UnitNode, unit_tree, units_below
from crm.planner.queries import may_plan_for
from crm.quotas.frozen import count_corrections, of_author, seen_corrections
from crm.quotas.pending_visits import visits_to_judge
from crm.quotas.queries import PersonFigure, period_kinds, unchanged_until
from crm.quotas.rules import FigureStatus
from crm.quotas.status_reasons import THIS, gap_of
from crm.supervision import permissions
from crm.web.auth import my_view
from crm.web.corrections.rows import correction_rows
from crm.web.corrections.views import give_reason, sign
from crm.web.forms import LARGEST_ID, date_arg, enum_arg, text_arg
from crm.web.page_templates import part_of_page
from crm.web.quotas.board import BoardScope, make_board, usual_kind
from crm.web.quotas.explanation import explain
from crm.web.quotas.late_visits import late_visits
from crm.web.quotas.visible_figures import my_figure_scope, period_or_404, requested_figure
from crm.web.transaction import moment, today
from crm.web.unseen_changes import position_shown

bp = Blueprint("compliance", __name__)
CORRECTION = f"/compliance/corrections/<int(max={LARGEST_ID}):correction_id>"
bp.post(f"{CORRECTION}/sign")(sign)
bp.post(f"{CORRECTION}/give_reason")(give_reason)
MOST_CORRECTIONS = 100
PERIOD_TABS = {
    PeriodKind.WEEK: "按周",
    PeriodKind.XUN: "按旬",
    PeriodKind.MONTH: "按月",
    PeriodKind.QUARTER: "按季度",
    PeriodKind.YEAR: "按年",
}
# so many to choose from; earlier ones are reached step by step
CHOICES = {
    PeriodKind.WEEK: 26,
    PeriodKind.XUN: 18,
    PeriodKind.MONTH: 13,
    PeriodKind.QUARTER: 8,
    PeriodKind.YEAR: 5,
}


@value_class
class BoardFilters:
    """The period, unit and status that the address asks for."""

    period: Period
    unit: str  # a unit's code; empty: all that the viewer sees
    status: FigureStatus | None
    shows_all: bool  # whether nobody is folded

    def url(self, **changed: str | None) -> str:
        """The board's address with these filters changed."""
        same = {
            "period": self.period.name,
            "unit": self.unit or None,
            "status": self.status,
            "all": "1" if self.shows_all else None,
        }
        return url_for("compliance.board", **{**same, **changed})  # type: ignore[arg-type]


@value_class
class ShownBoard:
    """A board as its viewer reads it."""

    html: Markup
    basis: str

    def __len__(self) -> int:
        """How much it holds, as the memory counts it."""
        return len(self.html) // CHARACTERS


@bp.get("/compliance")
def board() -> ResponseReturnValue:
    """The figures of a period; with `tab` the visits that wait for me, or the corrections."""
    tabs = {"waiting": _late_visits_page, "corrections": _corrections_page}
    if page := tabs.get(request.args.get("tab", "")):
        return page()

    kinds = period_kinds(db.session)
    filters, units = _filters(kinds), _my_units()
    unit_ids = _unit_ids(units, filters.unit)
    scope = BoardScope(units, unit_ids, my_figure_scope(), filters.status, filters.shows_all)

    return render_template(
        "quotas/board.html",
        filters=filters,
        board=_shown_board(filters, scope),
        tabs=_tabs(kinds, filters.period),
        units=[("", "全部单位"), *((node.unit.code, _indented(node, units)) for node in units)],
        **_period_links(filters),
    )


def _shown_board(filters: BoardFilters, scope: BoardScope) -> ShownBoard:
    """The board as I see it, which is remembered: a supervisor comes back to it all day."""
    me, period = my_view(), filters.period

    def read() -> ShownBoard:
        made = make_board(db.session, me, period, moment(), scope)
        html = part_of_page(
            "quotas/_board.html", board=made, filters=filters, **_period_names(period)
        )
        return ShownBoard(html, made.basis)

    return remembered_until(
        *(db.session, "board", me.person_id, me.role, filters),
        at=moment(),
        read=read,
        until=lambda: unchanged_until(db.session, scope.figures, period, moment()),
    )


def _filters(kinds: Sequence[PeriodKind]) -> BoardFilters:
    """The period by its name, or by its kind and a date in it; else the month of today."""
    kind = enum_arg("kind", PeriodKind) or usual_kind(kinds)
    period = Period.holding(kind, date_arg("on") or today())
    if name := text_arg("period"):
        period = period_or_404(name)
    status = enum_arg("status", FigureStatus)
    return BoardFilters(period, text_arg("unit"), status, shows_all=text_arg("all") == "1")


def _my_units() -> list[UnitNode]:
    """The units of which I see figures, in the order of the tree."""
    return [node for node in unit_tree(db.session) if node.unit.id in my_figure_scope().unit_ids]


def _unit_ids(units: Sequence[UnitNode], code: str) -> frozenset[int]:
    """The unit of that code with all below it; without a code, all that I see."""
    if not code:
        return frozenset(node.unit.id for node in units)
    chosen = {node.unit.id for node in units if node.unit.code == code}
    return units_below(units, chosen or abort(404))


def _indented(node: UnitNode, units: Sequence[UnitNode]) -> str:
    return "　" * (node.depth - units[0].depth) + node.unit.name


def _tabs(
    kinds: Sequence[PeriodKind], period: Period | None, current: str = ""
) -> list[dict[str, object]]:
    """The kinds of period that a rule has, late visits to judge, and corrections."""
    # the tabs stay at the shown time, but never beyond today
    on = min(today(), period.last) if period else today()
    by_period: list[dict[str, object]] = [
        {
            "url": url_for(".board", period=Period.holding(kind, on).name),
            "label": PERIOD_TABS[kind],
            "active": period is not None and kind is period.kind,
        }
        for kind in kinds
    ]

    me = my_view()
    corrects = me.oversees or count_corrections(db.session, of_author(me.person_id)) > 0
    others = [("waiting", "待确认", me.judges_any), ("corrections", "更正", corrects)]

    return by_period + [
        {"url": url_for(".board", tab=name), "label": label, "active": name == current}
        for name, label, is_offered in others
        if is_offered
    ]


def _period_links(filters: BoardFilters) -> dict[str, object]:
    """The name of the shown period, its neighbours' addresses, and the periods to choose from."""
    period, on = filters.period, today()
    current = Period.holding(period.kind, on)
    return {
        **_period_names(period),
        "periods": _choices(period, current),
        "previous": filters.url(period=period.before.name),
        "next": filters.url(period=period.after.name) if period.last < on else None,
        "current": filters.url(period=current.name) if period != current else None,
    }


def _period_names(period: Period) -> dict[str, str]:
    name = formatting.period_name(period)
    return {"label": name, "this": THIS[period.kind] if today() in period else name}


def _choices(shown: Period, current: Period) -> list[tuple[str, str]]:
    """The latest periods with their names, the latest first, and the shown one among them."""
    found = [current]
    while len(found) < CHOICES[current.kind]:
        found.append(found[-1].before)
    if shown not in found:
        found = sorted([*found, shown], reverse=True)
    return [(period.name, formatting.period_name(period)) for period in found]


def _late_visits_page() -> ResponseReturnValue:
    if not my_view().judges_any:
        abort(404)
    shown_at = position_shown()
    visits = visits_to_judge(db.session, my_view(), moment())
    return render_template(
        "quotas/waiting.html",
        visits=late_visits(db.session, my_view(), visits, moment(), shown_at=shown_at),
        tabs=_tabs(period_kinds(db.session), None, "waiting"),
    )


def _corrections_page() -> ResponseReturnValue:
    me = my_view()
    mine = of_author(me.person_id)
    # whoever made an edit sees its corrections without overseeing anybody
    if not me.oversees and not count_corrections(db.session, mine):
        abort(404)
    seen = mine | seen_corrections(my_figure_scope()) if me.oversees else mine
    return render_template(
        "corrections/list.html",
        corrections=correction_rows(db.session, me, seen, most=MOST_CORRECTIONS),
        tabs=_tabs(period_kinds(db.session), None, "corrections"),
        page_url=url_for(".board", tab="corrections"),
    )


@bp.get("/compliance/figure")
@bp.get("/figures/<period>/<username:person>")
@bp.get("/figures/<period>/<rule>/<username:person>")
def figure(**_named: str) -> ResponseReturnValue:
    """The explanation of a figure: mine, or of somebody whose figures I see by name.

    Mails name the figure in the query; pages name it in the path, which is shorter, and the board
    without the rule where the person has one figure in the period.
    """
    judged = requested_figure()
    return render_template(
        "quotas/figure.html",
        explanation=explain(db.session, my_view(), judged, moment()),
        page_url=request.full_path.rstrip("?"),
        back=url_for(".board", period=judged.figure.period.name),
        plan_url=_plan_url(judged),
        draft_order_url=_draft_order_url(judged),
    )


def _plan_url(judged: PersonFigure) -> str | None:
    """Where to plan visits of somebody behind; none where I may not, or nothing is missing."""
    figure = judged.figure
    is_running = today() in figure.period
    if not is_running or gap_of(figure) <= figure.planned:
        return None
    person = db.session.get_one(Person, judged.person_id)
    if not may_plan_for(db.session, my_view(), person, today()):
        return None
    is_mine = person.id == my_view().person_id
    name = None if is_mine else judged.username
    return url_for("planner.show", person=name, until=figure.period.kind.value)


def _draft_order_url(judged: PersonFigure) -> str | None:
    """Where to draft a supervision order about a missed figure; none where I may not."""
    me, figure = my_view(), judged.figure
    # nobody drafts an order against themself
    is_missed = figure.status is FigureStatus.MISSED and judged.person_id != me.person_id
    if not (is_missed and permissions.may_draft(me, judged.unit_id)):
        return None
    return url_for(
        "supervision.new",
        rule=figure.rule.code,
        person=judged.username,
        period=figure.period.name,
    )
