"""The pages on which an admin names the zone's side milestones (PROJECTS 1)."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from crm.extensions import db
from crm.leads.milestone_kinds import KindData, add_kind, change_kind, side_kinds
from crm.leads.models import MilestoneKind
from crm.leads.rules import LINE
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, WholeNumber, cleaned, is_saved
from crm.web.transaction import moment

bp = Blueprint("milestone_kinds", __name__, url_prefix="/admin/milestones")
KIND = f"/<int(max={LARGEST_ID}):kind_id>"
WHOLE = "请填写 0 到 999 之间的整数。"


class KindForm(FlaskForm):
    """A side milestone: what it is called, where it stands, whether it is offered."""

    name = StringField(
        "名称",
        [DataRequired("请填写名称。"), Length(max=12, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    position = WholeNumber(
        "排序", [InputRequired(WHOLE), NumberRange(0, 999, WHOLE)], message=WHOLE
    )
    is_used = BooleanField("启用", default=True)

    def to_data(self) -> KindData:
        return KindData(self.name.data or "", self.position.data or 0, is_used=self.is_used.data)


@bp.get("")
def listing() -> ResponseReturnValue:
    """The side milestones in their order; the stages of the line are shown and fixed."""
    return render_template("milestones/kinds.html", kinds=side_kinds(db.session), stages=LINE)


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new kind, which comes last."""
    last = max((kind.position for kind in side_kinds(db.session)), default=0)
    return _page(KindForm(formdata=None, data={"position": last + 1, "is_used": True}))


@bp.post("/new")
def create() -> ResponseReturnValue:
    form = KindForm()

    def change(session: Session) -> None:
        add_kind(session, data=form.to_data(), by=signed_in(), now=moment())

    return _saved(form, change, "已添加节点。")


@bp.get(KIND)
def edit(kind_id: int) -> ResponseReturnValue:
    kind = _kind_or_404(kind_id)
    return _page(KindForm(obj=kind), kind)


@bp.post(KIND)
def change(kind_id: int) -> ResponseReturnValue:
    """Rename or move a kind, or take it out of use."""
    form = KindForm()
    _kind_or_404(kind_id)

    def apply(session: Session) -> None:
        kind = session.get_one(MilestoneKind, kind_id)
        change_kind(session, kind=kind, data=form.to_data(), by=signed_in(), now=moment())

    return _saved(form, apply, "已保存。", kind_id)


def _saved(
    form: KindForm, change: Callable[[Session], None], message: str, kind_id: int | None = None
) -> ResponseReturnValue:
    if form.validate() and is_saved(form, change):
        flash(message, "success")
        return redirect(url_for(".listing"))
    return _page(form, _kind_or_404(kind_id) if kind_id else None), 422


def _page(form: KindForm, kind: MilestoneKind | None = None) -> str:
    return render_template("milestones/kind.html", form=form, kind=kind)


def _kind_or_404(kind_id: int) -> MilestoneKind:
    # the stages of the line are fixed
    kinds = {kind.id: kind for kind in side_kinds(db.session)}
    return kinds.get(kind_id) or abort(404)
