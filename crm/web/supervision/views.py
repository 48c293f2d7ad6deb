"""Pages of supervision orders: register, draft, one order and its printed form (REGIME 5)."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.base.refs import new_ref
from crm.base.sheets import Format
from crm.base.value_class import value_class
from crm.extensions import db
from crm.files.queries import counts_of
from crm.leads.queries import lead_by_id
from crm.people.queries import unit_tree
from crm.supervision import drafting
from crm.supervision.assignees import waiting_for
from crm.supervision.models import Order, OrderFile
from crm.supervision.notifications import tell
from crm.supervision.permissions import steps_of
from crm.supervision.queries import last_entry, lead_parties
from crm.supervision.register import OrderFilter, all_orders, orders_page, years_of
from crm.supervision.rules import About, OrderKind, OrderState, Origin
from crm.supervision.workflow import Step
from crm.web.auth import my_view, signed_in
from crm.web.edit_conflicts import CurrentRecord, has_conflict, version_of
from crm.web.forms import (
    LARGEST_ID,
    at_cursor,
    enum_arg,
    query_arguments,
    row_id,
    show_refusal,
    text_arg,
)
from crm.web.quotas.visible_figures import my_figure_scope, requested_figure
from crm.web.site import site
from crm.web.supervision.actions import act, dues_today, order_or_404, page
from crm.web.supervision.exports import file_of
from crm.web.supervision.files import FILES
from crm.web.supervision.forms import (
    FORMS,
    NewOrderForm,
    OrderForm,
    form_values,
    set_choices,
    value_labels,
)
from crm.web.supervision.rows import kind_name, order_line, paper_of, waiting_line
from crm.web.transaction import moment, today, transaction

bp = Blueprint("supervision", __name__, url_prefix="/supervision")
ORDER = f"/<int(max={LARGEST_ID}):order_id>"
FILES.register(bp, ORDER)
bp.post(f"{ORDER}/<any({','.join(FORMS)}):step>")(act)


@value_class
class Asked:
    """The requested view and filter of the register."""

    view: str  # waiting: what waits for me; all: the register
    by: OrderFilter

    @property
    def is_narrow(self) -> bool:
        """Whether anything narrows the register."""
        return self.by != OrderFilter()


@bp.get("")
def listing() -> ResponseReturnValue:
    """The orders that wait for me, or the register of all that I may see."""
    me, on = my_view(), today()
    waiting = waiting_for(db.session, me, moment(), my_figure_scope())
    asked = Asked(_view(bool(waiting)), _filter())

    if asked.view == "waiting":
        lines, newer, older = [waiting_line(item, on) for item in waiting], None, None
    else:
        found_page = orders_page(db.session, me, on, by=asked.by, cursor=request.args.get("at"))
        lines = [order_line(order, on) for order in found_page.items]
        newer, older = at_cursor(found_page.newer), at_cursor(found_page.older)

    return render_template(
        "supervision/list.html",
        asked=asked,
        lines=lines,
        newer=newer,
        older=older,
        tabs=_tabs(asked, len(waiting)),
        can_draft=me.oversees,
        **(_choices() if asked.view == "all" else {}),
    )


def _view(waits: bool) -> str:  # noqa: FBT001 - a claim, not a switch
    """The requested view; by default what waits for me, if anything does."""
    view = request.args.get("view")
    return view if view in ("waiting", "all") else ("waiting" if waits else "all")


def _filter() -> OrderFilter:
    return OrderFilter(
        text=text_arg("q"),
        state=enum_arg("state", OrderState),
        kind=enum_arg("kind", OrderKind),
        origin=enum_arg("origin", Origin),
        unit_id=request.args.get("unit", type=row_id),
        lead_id=request.args.get("lead", type=row_id),
        year=request.args.get("year", type=row_id),
        overdue_on=today() if request.args.get("overdue") else None,
    )


def _tabs(asked: Asked, waiting: int) -> list[dict[str, object]]:
    views = {"waiting": f"待我处理 {waiting}" if waiting else "待我处理", "all": "全部"}
    return [
        {"url": url_for(".listing", view=view), "label": label, "active": view == asked.view}
        for view, label in views.items()
    ]


def _choices() -> dict[str, object]:
    units = unit_tree(db.session)
    years = years_of(db.session, my_view(), today())
    # the file has the whole register: neither the tab nor the page of the list
    exported = {**query_arguments(), "view": None, "at": None}

    return {
        "states": [("", "全部状态"), *((state.value, state.label) for state in OrderState)],
        "kinds": [("", "时限不限"), *((kind.value, kind_name(kind)) for kind in OrderKind)],
        "origins": [("", "全部来源"), *((origin.value, origin.label) for origin in Origin)],
        "units": [("", "全部单位"), *((node.unit.id, node.unit.name) for node in units)],
        "years": [("", "全部年度"), *((year, f"{year}年") for year in years)],
        "exports": [
            (form.name, url_for(".export", suffix=form.value, **exported))  # type: ignore[arg-type]
            for form in Format
        ],
    }


@bp.get("/export<any('.csv', '.xlsx'):suffix>")
def export(suffix: str) -> ResponseReturnValue:
    """The register as a file: exactly what is filtered."""
    form = Format(suffix)
    orders = all_orders(db.session, my_view(), today(), by=_filter())
    files = counts_of(db.session, OrderFile, [order.id for order in orders])
    return file_of(orders, files, today(), form)


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new draft: empty, for a lead, or for a missed figure."""
    return _new_page(NewOrderForm(data=_defaults() | {"ref": new_ref("D", today())}))


def _defaults() -> dict[str, Any]:
    values = {"officer_id": signed_in().id}
    if text_arg("rule"):
        return values | _of_figure()
    return values | _of_lead() if text_arg("lead") else values


def _of_figure() -> dict[str, Any]:
    requested = requested_figure()
    figure = requested.figure
    tally = f"完成{figure.achieved}，应完成{figure.required}"
    when = formatting.period_name(figure.period)

    return {
        "rule": figure.rule.code,
        "period": figure.period.name,
        "figure_of": str(requested.person_id),
        "about": About.PERSON,
        "origin": Origin.PROBLEM,
        "unit_id": requested.unit_id,
        "person_id": requested.person_id,
        "matter": f"{requested.name}“{figure.rule.name}”{when}未完成（{tally}）",
        "demand": "请查明原因，提出整改措施，抓好落实，并按期反馈。",
    }


def _of_lead() -> dict[str, Any]:
    lead_id = request.args.get("lead", type=row_id)
    lead = lead_by_id(db.session, my_view(), lead_id or 0, today()) or abort(404)
    parties = lead_parties(db.session, lead.id, today())

    return {
        "about": About.PROJECT,
        "lead_id": lead.id,
        # a unit out of scope could not be chosen either
        "unit_id": parties.unit_id if parties.unit_id in my_view().unit_ids else None,
        "person_id": parties.tracker_id,
        "matter": f"{lead.title}：",
    }


def _new_page(form: NewOrderForm) -> str:
    set_choices(db.session, form, my_view(), today())
    return render_template("supervision/new.html", form=form, dues=dues_today())


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Save a new draft; a form sent twice makes one draft."""
    form = NewOrderForm()

    if form.validate():
        try:
            with transaction() as session:
                order = drafting.draft_order(
                    session, data=form.as_new_order(), by=signed_in(), now=moment()
                )
                tell(session, order=order, entry=last_entry(session, order), site=site())
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("草稿已保存，经办人下达后生效。", "success")
            return redirect(url_for(".show", order_id=order.id))

    return _new_page(form), 422


@bp.get(ORDER)
def show(order_id: int) -> ResponseReturnValue:
    """One order with the steps that I may take."""
    return page(order_id)


@bp.get(f"{ORDER}/print")
def paper(order_id: int) -> ResponseReturnValue:
    """The printed form of an order."""
    return render_template(
        "supervision/print.html", paper=paper_of(order_or_404(order_id)), order_id=order_id
    )


def _changeable_or_404(order_id: int) -> Order:
    order = order_or_404(order_id)
    return order if Step.CHANGE in steps_of(db.session, my_view(), order, today()) else abort(404)


def _current(order: Order) -> CurrentRecord:
    return CurrentRecord(order, form_values(order), value_labels(order))


def _edit_page(form: OrderForm, order: Order) -> str:
    set_choices(db.session, form, my_view(), today())
    return render_template("supervision/edit.html", form=form, order=order, dues=dues_today())


@bp.get(f"{ORDER}/edit")
def edit(order_id: int) -> ResponseReturnValue:
    """The form of an existing draft."""
    order = _changeable_or_404(order_id)
    current = _current(order)
    return _edit_page(
        OrderForm(data={**current.values, "seen": version_of(db.session, current)}), order
    )


@bp.post(f"{ORDER}/edit")
def change(order_id: int) -> ResponseReturnValue:
    """Change the draft."""
    # of two edits at once the second waits here, and then sees the first
    lock_row(db.session, Order, order_id)
    order, form = _changeable_or_404(order_id), OrderForm()

    if form.validate() and not has_conflict(db.session, form, _current(order)):
        try:
            with transaction() as session:
                data = form.as_data(order.origin, lead_id=order.lead_id)
                drafting.change_draft(session, order=order, data=data, by=signed_in(), now=moment())
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已保存。", "success")
            return redirect(url_for(".show", order_id=order_id))

    # read again: a refusal rolled the transaction back
    return _edit_page(form, _changeable_or_404(order_id)), 422
