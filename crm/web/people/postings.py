"""Pages of a person's postings: add, correct, transfer, leave."""

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.extensions import db
from crm.people import postings
from crm.people.directory import posting_of
from crm.people.models import Person, Posting
from crm.web.access import ACCESS
from crm.web.auth import signed_in
from crm.web.change_reasons import explained
from crm.web.corrections.rows import corrections_notice
from crm.web.forms import show_refusal
from crm.web.people.detail import found, home_of
from crm.web.people.forms import (
    FIELDS,
    AnyPostingForm,
    LeavingForm,
    PostingForm,
    as_typed,
    offer_all_units,
)
from crm.web.people.reassignment import open_count, page_url
from crm.web.transaction import moment, today


def _saved(form: FlaskForm, change: Callable[[Session], object]) -> bool:
    """Whether the change was saved; a refusal is shown at its field."""
    try:
        # REGIME 4: a posting of the past may correct frozen figures, which asks for a reason
        with explained() as session:
            change(session)
    except Refused as refusal:
        show_refusal(form, refusal, FIELDS)
        return False
    flash("已保存。" + corrections_notice(), "success")
    return True


def _page(kind: str, form: PostingForm, person: Person, **context: object) -> str:
    offer_all_units(db.session, form.unit_id)
    left = open_count(db.session, person)
    return render_template(
        f"people/{kind}.html", form=form, person=person, open_count=left, **context
    )


def new_posting(username: str) -> ResponseReturnValue:
    """The form of a new posting."""
    form = AnyPostingForm(data={"is_primary": True, "from_on": today()})
    return _page("posting", form, found(username), posting=None)


def add_posting(username: str) -> ResponseReturnValue:
    """Add the posting; on request it reopens the account of somebody who had left."""
    person, form = found(username), AnyPostingForm()
    add = postings.come_back if "reopen" in request.form else postings.post

    def change(session: Session) -> None:
        data = form.to_data(session, is_primary=form.is_primary.data)
        add(session, person=person, data=data, by=signed_in(), now=moment())

    if form.validate() and _saved(form, change):
        return redirect(home_of(person))
    # read again: the refusal rolled the transaction back
    return _page("posting", form, found(username), posting=None), 422


def _posting(username: str, posting_id: int) -> Posting:
    """The person's posting, or 404."""
    return posting_of(db.session, username, posting_id) or abort(404)


def edit_posting(username: str, posting_id: int) -> ResponseReturnValue:
    """The form that corrects a posting."""
    posting = _posting(username, posting_id)
    return _page("posting", AnyPostingForm(data=as_typed(posting)), posting.person, posting=posting)


def change_posting(username: str, posting_id: int) -> ResponseReturnValue:
    """Save the corrected posting, also of the past."""
    posting, form = _posting(username, posting_id), AnyPostingForm()

    def change(session: Session) -> None:
        data = form.to_data(session, is_primary=form.is_primary.data)
        postings.change_posting(session, posting=posting, data=data, by=signed_in(), now=moment())

    if form.validate() and _saved(form, change):
        return redirect(home_of(posting.person))
    # read again: the refusal rolled the transaction back
    posting = _posting(username, posting_id)
    return _page("posting", form, posting.person, posting=posting), 422


def remove_posting(username: str, posting_id: int) -> ResponseReturnValue:
    """Remove a posting entered by mistake."""
    posting = _posting(username, posting_id)
    with explained() as session:
        person = posting.person
        postings.remove_posting(
            session, posting=posting, person=person, by=signed_in(), now=moment()
        )
    flash("已删除这段任职。" + corrections_notice(), "success")
    return redirect(home_of(person))


def new_transfer(username: str) -> ResponseReturnValue:
    """The form of a transfer."""
    return _page("transfer", PostingForm(data={"from_on": today()}), found(username))


def transfer(username: str) -> ResponseReturnValue:
    """End the primary posting the day before and start the next."""
    person, form = found(username), PostingForm()

    def change(session: Session) -> None:
        data = form.to_data(session)
        postings.transfer(session, person=person, data=data, by=signed_in(), now=moment())

    if form.validate() and _saved(form, change):
        return redirect(_next(person))
    # read again: the refusal rolled the transaction back
    return _page("transfer", form, found(username)), 422


def new_leaving(username: str) -> ResponseReturnValue:
    """The form by which a person leaves."""
    return _leaving_page(LeavingForm(data={"last_on": today()}), found(username))


def _leaving_page(form: LeavingForm, person: Person) -> str:
    left = open_count(db.session, person)
    return render_template("people/leaving.html", form=form, person=person, open_count=left)


def _next(person: Person) -> str:
    """The next page: the hand-over of what is open in the person's name, else their page."""
    may_hand_over = signed_in().role in ACCESS["reassignment.show"]
    return page_url(person) if may_hand_over and open_count(db.session, person) else home_of(person)


def leave(username: str) -> ResponseReturnValue:
    """End all postings on the date, and close the account."""
    person, form = found(username), LeavingForm()

    def change(session: Session) -> None:
        last_on: Any = form.last_on.data
        at_once = bool(form.at_once.data)
        me, now = signed_in(), moment()
        postings.leave(session, person=person, last_on=last_on, at_once=at_once, by=me, now=now)

    if form.validate() and _saved(form, change):
        return redirect(_next(person))
    return _leaving_page(form, found(username)), 422
