"""Who may enter my visits for me (代录): granted and ended by its owner, or by an admin."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms.validators import DataRequired, Optional

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people import entry_grants
from crm.people.choices import PeopleAsked
from crm.people.entry_grants import GrantData
from crm.people.models import EntryGrant, Person
from crm.people.queries import by_username
from crm.web.auth import my_view, signed_in
from crm.web.choices.fields import PersonField, offer_people
from crm.web.date_fields import DateField
from crm.web.forms import LARGEST_ID, sensible_year, show_refusal
from crm.web.transaction import moment, today, transaction

bp = Blueprint("entry_grants", __name__)
MINE = "/me/entry-grants"
THEIRS = "/admin/people/<username:username>/entry-grants"
ONE = f"<int(max={LARGEST_ID}):grant_id>"
CHANGES_SHOWN = timedelta(days=7)


class GrantForm(FlaskForm):
    """Who may enter visits, and from which date to which."""

    agent_id = PersonField("代录人", [DataRequired("请选择代录人。")])
    from_on = DateField("开始日期", [DataRequired("请选择开始日期。"), sensible_year])
    to_on = DateField("结束日期", [Optional(), sensible_year])

    def to_data(self) -> GrantData:
        """The data of a valid form."""
        agent_id: Any = self.agent_id.data
        from_on: Any = self.from_on.data
        return GrantData(agent_id=agent_id, from_on=from_on, to_on=self.to_on.data)


@value_class
class GrantRow:
    """A grant in a list, with the links that the viewer may follow."""

    name: str
    dates: str
    end_url: str | None
    enter_url: str | None


@value_class
class GrantRows:
    """Who may enter visits for a person, and for whom that person may."""

    given: list[GrantRow]
    held: list[GrantRow]


def grant_rows(
    session: Session, person: Person, *, is_mine: bool, can_end: bool = True
) -> GrantRows:
    """The grants of a person that are not over, with the ways that the viewer may follow."""
    on = today()
    grants = [
        grant
        for grant in entry_grants.grants_of(session, person.id)
        if grant.to_on is None or grant.to_on >= on
    ]
    given = [
        GrantRow(
            grant.agent.name,
            _dates(grant),
            _end_url(grant, person, is_mine=is_mine) if can_end else None,
            None,
        )
        for grant in grants
        if grant.owner_id == person.id
    ]
    # a grant that begins later is shown, but nothing can be entered yet
    held = [
        GrantRow(
            grant.owner.name,
            _dates(grant),
            None,
            _enter_url(grant.owner_id) if grant.from_on <= on else None,
        )
        for grant in grants
        if grant.agent_id == person.id
    ]
    return GrantRows(given, held)


def sentence_of(grant: EntryGrant, person: Person) -> str:
    """A sentence on a grant that concerns the person."""
    agent, owner = (
        "您" if party.id == person.id else party.name for party in (grant.agent, grant.owner)
    )
    if grant.ended_at is not None:
        ended = formatting.moment(grant.ended_at, today())
        return f"{agent}为{owner}代录拜访的授权已于 {ended} 结束。"
    return f"{agent}可以为{owner}代录拜访：{_dates(grant)}。"


def _dates(grant: EntryGrant) -> str:
    begin = formatting.dated(grant.from_on, today())
    return f"{begin}至{formatting.dated(grant.to_on, today())}" if grant.to_on else f"{begin}起"


def _end_url(grant: EntryGrant, owner: Person, *, is_mine: bool) -> str:
    # REGIME 2: the owner or an admin ends it, each from a page of their own
    if is_mine:
        return url_for("entry_grants.end_mine", grant_id=grant.id)
    return url_for("entry_grants.end", username=owner.username, grant_id=grant.id)


def _enter_url(owner_id: int) -> str:
    return url_for("visits.new", whom=owner_id)


@bp.get(f"{MINE}/new")
def new_mine() -> ResponseReturnValue:
    """The form of an own grant."""
    return _page(GrantForm(data={"from_on": today()}), signed_in(), url_for("me.show"))


@bp.post(f"{MINE}/new")
def grant_mine() -> ResponseReturnValue:
    """Save an own grant."""
    return _grant(signed_in(), url_for("me.show"))


@bp.post(f"{MINE}/{ONE}/end")
def end_mine(grant_id: int) -> ResponseReturnValue:
    """End an own grant."""
    return _end(signed_in(), grant_id, url_for("me.show"))


@bp.get(f"{THEIRS}/new")
def new(username: str) -> ResponseReturnValue:
    """The form of a grant made by an admin."""
    return _page(GrantForm(data={"from_on": today()}), _person(username), _home(username))


@bp.post(f"{THEIRS}/new")
def grant(username: str) -> ResponseReturnValue:
    """Save the grant for the owner."""
    return _grant(_person(username), _home(username))


@bp.post(f"{THEIRS}/{ONE}/end")
def end(username: str, grant_id: int) -> ResponseReturnValue:
    """End a grant of that person."""
    return _end(_person(username), grant_id, _home(username))


def _person(username: str) -> Person:
    return by_username(db.session, username) or abort(404)


def _home(username: str) -> str:
    return url_for("people.show", username=username)


def _page(form: GrantForm, owner: Person, home: str) -> str:
    asked = PeopleAsked(my_view(), today(), without=owner.id)
    offer_people(db.session, asked, form.agent_id)
    return render_template(
        "people/entry_grant_new.html",
        form=form,
        owner=owner,
        home=home,
        is_mine=owner.id == signed_in().id,
    )


def _grant(owner: Person, home: str) -> ResponseReturnValue:
    form = GrantForm()

    if form.validate():
        try:
            with transaction() as session:
                entry_grants.grant_entry(
                    session, owner=owner, data=form.to_data(), by=signed_in(), now=moment()
                )
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已授权，代录人可在“我的一天”查看。", "success")
            return redirect(home)

    # read again: the refusal rolled the transaction back
    return _page(form, db.session.get_one(Person, owner.id), home), 422


def _end(owner: Person, grant_id: int, home: str) -> ResponseReturnValue:
    found = entry_grants.grant_of(db.session, owner.id, grant_id) or abort(404)
    with transaction() as session:
        entry_grants.end_grant(session, grant=found, by=signed_in(), now=moment())
    flash("代录授权已结束。", "success")
    return redirect(home)
