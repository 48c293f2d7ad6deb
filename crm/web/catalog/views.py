"""The pages where an admin keeps the industries and the sources of leads."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, IntegerField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from crm.extensions import db
from crm.leads.catalog import add_entry, change_entry, entries
from crm.leads.catalog_models import CatalogEntry, CatalogKind
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, cleaned, is_saved
from crm.web.transaction import moment

bp = Blueprint("catalog", __name__, url_prefix="/admin/catalog")
ENTRY = f"/<int(max={LARGEST_ID}):entry_id>"
MOST = 9999


class NewForm(FlaskForm):
    name = StringField(
        "名称",
        [DataRequired("请填写名称。"), Length(max=20, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )


class EntryForm(NewForm):
    position = IntegerField(
        "排序",
        [InputRequired("请填写排序。"), NumberRange(0, MOST, f"请填写 0 到 {MOST} 之间的整数。")],
    )
    is_offered = BooleanField("启用")


@bp.get("")
def listing() -> ResponseReturnValue:
    """Both lists in their order."""
    lists = [(kind, entries(db.session, kind)) for kind in CatalogKind]
    return render_template("catalog/listing.html", lists=lists)


@bp.get("/<any('industry', 'source'):kind>/new")
def new(kind: str) -> ResponseReturnValue:
    return _page(NewForm(formdata=None), CatalogKind(kind))


@bp.post("/<any('industry', 'source'):kind>/new")
def create(kind: str) -> ResponseReturnValue:
    form = NewForm()

    def change(session: Session) -> None:
        name = form.name.data or ""
        add_entry(session, kind=CatalogKind(kind), name=name, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, change):
        flash("已添加。", "success")
        return redirect(url_for(".listing"))
    return _page(form, CatalogKind(kind)), 422


@bp.get(ENTRY)
def edit(entry_id: int) -> ResponseReturnValue:
    entry = _entry_or_404(entry_id)
    return _page(EntryForm(formdata=None, obj=entry), entry.kind, entry)


@bp.post(ENTRY)
def change(entry_id: int) -> ResponseReturnValue:
    form = EntryForm()

    def save(session: Session) -> None:
        position: Any = form.position.data  # a valid form has it
        change_entry(
            session,
            entry=_entry_or_404(entry_id),
            name=form.name.data or "",
            position=position,
            is_offered=bool(form.is_offered.data),
            by=signed_in(),
            now=moment(),
        )

    if form.validate() and is_saved(form, save):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    # read again: the refusal rolled the transaction back
    entry = _entry_or_404(entry_id)
    return _page(form, entry.kind, entry), 422


def _entry_or_404(entry_id: int) -> CatalogEntry:
    return db.session.get(CatalogEntry, entry_id) or abort(404)


def _page(form: NewForm, kind: CatalogKind, entry: CatalogEntry | None = None) -> str:
    return render_template("catalog/edit.html", form=form, kind=kind, entry=entry)
