"""Pages of units for admins: the tree, add, rename, move."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.extensions import db
from crm.people import units
from crm.people.directory import headcounts, last_position
from crm.people.models import Unit
from crm.people.queries import unit_tree, units_below
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, row_id, show_refusal
from crm.web.people.forms import NewUnitForm, UnitForm, offer_units
from crm.web.transaction import moment, today, transaction

bp = Blueprint("units", __name__, url_prefix="/admin/units")
ONE = f"/<int(max={LARGEST_ID}):unit_id>"
TOP = "（无上级单位）"


@bp.get("")
def listing() -> ResponseReturnValue:
    """The tree, with how many people are posted in each unit today."""
    counts = headcounts(db.session, today())
    return render_template("people/units.html", nodes=unit_tree(db.session), counts=counts)


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new unit below the given parent."""
    parent_id = request.args.get("parent", type=row_id)
    # a new unit comes last among its siblings
    position = last_position(db.session, parent_id) + 1
    return _new_page(NewUnitForm(data={"parent_id": parent_id, "position": position}))


def _new_page(form: NewUnitForm) -> str:
    offer_units(form.parent_id, unit_tree(db.session), empty=TOP)
    return render_template("people/unit_new.html", form=form)


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Add the unit."""
    form = NewUnitForm()

    if form.validate():
        try:
            with transaction() as session:
                code = form.code.data or ""
                units.add_unit(
                    session, code=code, data=form.to_data(), by=signed_in(), now=moment()
                )
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已添加单位。", "success")
            return redirect(url_for(".listing"))

    return _new_page(form), 422


def _edit_page(form: UnitForm, unit: Unit) -> str:
    nodes = unit_tree(db.session)
    # a unit cannot move below itself
    offer_units(form.parent_id, nodes, empty=TOP, but=units_below(nodes, {unit.id}))
    return render_template("people/unit_edit.html", form=form, unit=unit)


@bp.get(ONE)
def edit(unit_id: int) -> ResponseReturnValue:
    """The form of a unit."""
    unit = db.session.get(Unit, unit_id) or abort(404)
    return _edit_page(UnitForm(obj=unit), unit)


@bp.post(ONE)
def change(unit_id: int) -> ResponseReturnValue:
    """Rename, move or reorder the unit."""
    unit, form = db.session.get(Unit, unit_id) or abort(404), UnitForm()

    if form.validate():
        try:
            with transaction() as session:
                units.change_unit(
                    session, unit=unit, data=form.to_data(), by=signed_in(), now=moment()
                )
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已保存。", "success")
            return redirect(url_for(".listing"))

    # read again: the refusal rolled the transaction back
    return _edit_page(form, db.session.get(Unit, unit_id) or abort(404)), 422
