"""The pages where an admin keeps the categories of problems."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from crm.extensions import db
from crm.people.queries import unit_tree
from crm.problems.categories import (
    CategoryData,
    add_category,
    categories,
    change_category,
    last_position,
)
from crm.problems.models import ProblemCategory
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, chosen_id, cleaned, is_saved
from crm.web.transaction import moment

bp = Blueprint("problem_categories", __name__, url_prefix="/admin/problem-categories")
CATEGORY = f"/<int(max={LARGEST_ID}):category_id>"
MOST = 9999


class CategoryForm(FlaskForm):
    name = StringField(
        "名称",
        [DataRequired("请填写名称。"), Length(max=20, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    position = IntegerField(
        "排序",
        [
            InputRequired("请填写排序。"),
            NumberRange(0, MOST, f"请填写 0 到 {MOST} 之间的整数。"),
        ],
    )
    unit_id = SelectField("默认承办单位", coerce=chosen_id, validate_choice=False)
    is_offered = BooleanField("启用", default=True)

    def category_data(self) -> CategoryData:
        """The data of a valid form."""
        position: Any = self.position.data
        return CategoryData(
            name=self.name.data or "",
            position=position,
            unit_id=self.unit_id.data,
            is_offered=bool(self.is_offered.data),
        )


@bp.get("")
def listing() -> ResponseReturnValue:
    """The categories in their order."""
    names = {node.unit.id: node.unit.name for node in unit_tree(db.session)}
    rows = [(row, names.get(row.unit_id or 0, "统筹单位")) for row in categories(db.session)]
    return render_template("problems/categories.html", rows=rows)


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new category, which comes last."""
    position = last_position(db.session) + 1
    return _form_page(CategoryForm(formdata=None, data={"position": position, "is_offered": True}))


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Add the category."""
    form = CategoryForm()

    def change(session: Session) -> None:
        add_category(session, data=form.category_data(), by=signed_in(), now=moment())

    if form.validate() and is_saved(form, change):
        flash("类别已添加。", "success")
        return redirect(url_for(".listing"))
    return _form_page(form), 422


@bp.get(CATEGORY)
def edit(category_id: int) -> ResponseReturnValue:
    """The form of a category."""
    category = _category_or_404(category_id)
    return _form_page(CategoryForm(formdata=None, obj=category), category)


@bp.post(CATEGORY)
def change(category_id: int) -> ResponseReturnValue:
    """Change the category."""
    form = CategoryForm()

    def save(session: Session) -> None:
        change_category(
            session,
            category=_category_or_404(category_id),
            data=form.category_data(),
            by=signed_in(),
            now=moment(),
        )

    if form.validate() and is_saved(form, save):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    # read again: the refusal rolled the transaction back
    return _form_page(form, _category_or_404(category_id)), 422


def _category_or_404(category_id: int) -> ProblemCategory:
    return db.session.get(ProblemCategory, category_id) or abort(404)


def _form_page(form: CategoryForm, category: ProblemCategory | None = None) -> str:
    units = [SelectChoice(str(node.unit.id), node.unit.name) for node in unit_tree(db.session)]
    form.unit_id.choices = [SelectChoice("", "统筹单位"), *units]
    return render_template("problems/category.html", form=form, category=category)
