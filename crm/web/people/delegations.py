"""Rights handed on for a time (代理): given by their owner, ended by either or by an admin."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from crm.base import formatting
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.extensions import db
from crm.mailing.delegations import tell_of_delegation
from crm.people.choices import PeopleAsked
from crm.people.delegations import (
    DelegationData,
    delegate,
    delegation_of,
    delegations_of,
    end_delegation,
)
from crm.people.models import Delegation, Person
from crm.people.queries import by_username
from crm.people.rules import DELEGATING
from crm.web.auth import my_view, signed_in
from crm.web.choices.fields import PersonField, offer_people
from crm.web.date_fields import DateField
from crm.web.forms import LARGEST_ID, cleaned, is_saved, sensible_year
from crm.web.site import site
from crm.web.transaction import moment, today, transaction

bp = Blueprint("delegations", __name__)
MINE = "/me/delegations"
ONE = f"<int(max={LARGEST_ID}):delegation_id>"
USUAL = timedelta(days=6)  # a week, both dates included


class DelegationForm(FlaskForm):
    """To whom, from when to when, and why."""

    agent_id = PersonField("受托人", [DataRequired("请选择受托人。")])
    from_on = DateField("开始日期", [DataRequired("请选择开始日期。"), sensible_year])
    to_on = DateField("结束日期", [DataRequired("请选择结束日期。"), sensible_year])
    reason = StringField(
        "事由",
        [DataRequired("请填写事由。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )

    def to_data(self) -> DelegationData:
        """The data of a valid form."""
        values: dict[str, Any] = {
            name: self[name].data for name in ("agent_id", "from_on", "to_on", "reason")
        }
        return DelegationData(**values)


@value_class
class DelegationRow:
    """A delegation in a list of one person's."""

    sentence: str
    about: str
    end_url: str | None


def delegation_rows(person: Person, *, is_mine: bool, can_end: bool) -> tuple[DelegationRow, ...]:
    """What the person gave and has, with the way to end it."""
    on = today()

    def read() -> tuple[DelegationRow, ...]:
        return tuple(
            DelegationRow(
                f"{each.agent.name}代理{each.owner.name}",
                f"{_dates(each)}，{each.reason}",
                _end_url(each, person, is_mine=is_mine) if can_end else None,
            )
            for each in delegations_of(db.session, person.id, on)
        )

    return remembered(db.session, "delegation rows", person.id, is_mine, can_end, on, read=read)


def _dates(delegation: Delegation) -> str:
    first, last = (
        formatting.dated(each, today()) for each in (delegation.from_on, delegation.to_on)
    )
    return f"{first}至{last}"


def _end_url(delegation: Delegation, person: Person, *, is_mine: bool) -> str:
    if is_mine:
        return url_for("delegations.end_mine", delegation_id=delegation.id)
    return url_for("delegations.end", username=person.username, delegation_id=delegation.id)


@bp.get(MINE)
def mine() -> ResponseReturnValue:
    """What I gave and have, and the form to give."""
    return _page(DelegationForm(data={"from_on": today(), "to_on": today() + USUAL}))


def _page(form: DelegationForm) -> str:
    me, gives = signed_in(), signed_in().role in DELEGATING
    if gives:
        offer_people(db.session, PeopleAsked(my_view(), today(), without=me.id), form.agent_id)
    rows = delegation_rows(me, is_mine=True, can_end=True)
    return render_template("people/delegations.html", form=form, rows=rows, gives=gives)


@bp.post(MINE)
def give() -> ResponseReturnValue:
    """Hand my rights on."""
    form = DelegationForm()

    def apply(session: Session) -> None:
        me, now = signed_in(), moment()
        given = delegate(session, data=form.to_data(), by=me, now=now)
        tell_of_delegation(session, given, by=me, now=now, site=site())

    if form.validate() and is_saved(form, apply):
        flash("已授权，受托人将收到通知。", "success")
        return redirect(url_for(".mine"))
    return _page(form), 422


@bp.post(f"{MINE}/{ONE}/end")
def end_mine(delegation_id: int) -> ResponseReturnValue:
    """End one that I gave or have."""
    return _end(signed_in(), delegation_id, url_for(".mine"))


@bp.post(f"/admin/people/<username:username>/delegations/{ONE}/end")
def end(username: str, delegation_id: int) -> ResponseReturnValue:
    """End one of that person."""
    person = by_username(db.session, username) or abort(404)
    return _end(person, delegation_id, url_for("people.show", username=person.username))


def _end(person: Person, delegation_id: int, back: str) -> ResponseReturnValue:
    found = delegation_of(db.session, person.id, delegation_id) or abort(404)
    with transaction() as session:
        me, now = signed_in(), moment()
        if end_delegation(session, delegation=found, by=me, now=now):
            tell_of_delegation(session, found, by=me, now=now, site=site())
    flash("代理已结束。", "success")
    return redirect(back)
