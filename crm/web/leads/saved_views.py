"""The page on which a person saves the list of leads as it is filtered and sorted (PROJECTS 2)."""

from urllib.parse import parse_qsl, urlencode

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length

from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.saved_views import remove_view, save_view, views_for
from crm.leads.view_models import LeadView
from crm.people.queries import unit_tree
from crm.people.rules import Role
from crm.web.auth import my_view, signed_in
from crm.web.forms import chosen_id, cleaned, is_saved
from crm.web.leads.own_filters import is_own_argument
from crm.web.transaction import moment, today, transaction

# What an address of the list may ask for; the page of it is not part of a view.
KEYS = ("who", "q", "stage", "industry", "park", "secrecy", "sort")
LONGEST = 1000


@value_class
class ViewLink:
    """A saved view in the menu of the list."""

    id: int
    name: str
    url: str
    shared_with: str | None  # the unit's name
    is_mine: bool
    is_shown: bool  # the list is filtered and sorted as it says


class ViewForm(FlaskForm):
    """The name of a view, and with whom a supervisor shares it."""

    name = StringField(
        "名称",
        [DataRequired("请填写名称。"), Length(max=20, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    unit_id = SelectField("共享给", coerce=chosen_id)
    query = HiddenField(filters=[lambda text: canonical(text or "")])


def canonical(query: str) -> str:
    """The filters and the order of an address, in one form, without anything else."""
    asked = dict(parse_qsl(query[:LONGEST]))
    if asked.get("who") != "mine":
        asked.pop("who", None)  # all is what the list shows anyway
    own = sorted(key for key in asked if is_own_argument(key))
    return urlencode({key: asked[key] for key in (*KEYS, *own) if asked.get(key)})


def view_links(page: str = "leads.listing") -> list[ViewLink]:
    """The views that I may use, on the list or on the board."""
    me, names = signed_in(), {node.unit.id: node.unit.name for node in unit_tree(db.session)}
    shown = canonical(request.query_string.decode("ascii", "replace"))
    return [
        ViewLink(
            view.id,
            view.name,
            f"{url_for(page)}?{view.query}",
            names.get(view.unit_id) if view.unit_id else None,
            view.owner_id == me.id,
            view.query == shown,
        )
        for view in views_for(db.session, me.id, today())
    ]


def views() -> ResponseReturnValue:
    """My saved views, and the form to save the list as it is."""
    query = canonical(request.query_string.decode("ascii", "replace"))
    return _page(ViewForm(formdata=None, data={"query": query}))


def save() -> ResponseReturnValue:
    """Save the view and show it."""
    form = ViewForm()
    _offer_units(form)

    def change(session: Session) -> None:
        save_view(
            session,
            name=form.name.data or "",
            query=form.query.data or "",
            unit_id=form.unit_id.data,
            by=signed_in(),
            now=moment(),
        )

    if form.validate() and is_saved(form, change):
        flash("视图已保存。", "success")
        return redirect(f"{url_for('leads.listing')}?{form.query.data}")
    return _page(form), 422


def remove(view_id: int) -> ResponseReturnValue:
    """Remove a view of mine."""
    with transaction() as session:
        view = session.get(LeadView, view_id)
        if view is None or view.owner_id != signed_in().id:
            abort(404)
        remove_view(session, view=view, by=signed_in(), now=moment())
    flash("视图已删除。", "success")
    return redirect(url_for("leads.views"))


def _page(form: ViewForm) -> str:
    _offer_units(form)
    own = [link for link in view_links() if link.is_mine]
    return render_template("leads/views.html", form=form, views=own)


def _offer_units(form: ViewForm) -> None:
    """A supervisor shares with the units that they oversee."""
    mine = my_view().unit_ids if signed_in().role is Role.SUPERVISOR else frozenset()
    units = [node.unit for node in unit_tree(db.session) if node.unit.id in mine]
    form.unit_id.choices = [
        SelectChoice("", "仅本人使用"),
        *(SelectChoice(unit.id, unit.name) for unit in units),
    ]
