"""Pages of people for admins: the list, a person with their history, a new one, the account."""

from collections.abc import Callable
from dataclasses import asdict

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.extensions import db
from crm.people import accounts, api_tokens, postings, second_factor, service
from crm.people.directory import Account, people_page
from crm.people.models import Person
from crm.people.queries import by_username
from crm.people.rules import Duty, Role
from crm.people.sign_in_profiles import password_rules
from crm.web.access import ACCESS
from crm.web.access_check import begin_write_late
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.forms import LARGEST_ID, at_cursor, show_refusal
from crm.web.people import postings as posting_pages
from crm.web.people.detail import found, home_of, person_page
from crm.web.people.first_passwords import (
    asked_people,
    give_first_passwords_page,
    offer_of_list,
)
from crm.web.people.forms import FIELDS, NewPersonForm, PersonForm, offer_all_units
from crm.web.transaction import moment, release, today, transaction

bp = Blueprint("people", __name__, url_prefix="/admin/people")
ONE = "/<username:username>"
POSTING = f"{ONE}/postings/<int(max={LARGEST_ID}):posting_id>"
# The pages of postings have a module of their own and this blueprint's endpoints.
bp.get(f"{ONE}/postings/new")(posting_pages.new_posting)
bp.post(f"{ONE}/postings/new")(posting_pages.add_posting)
bp.get(POSTING)(posting_pages.edit_posting)
bp.post(POSTING)(posting_pages.change_posting)
bp.post(f"{POSTING}/remove")(posting_pages.remove_posting)
bp.get(f"{ONE}/transfer")(posting_pages.new_transfer)
bp.post(f"{ONE}/transfer")(posting_pages.transfer)
bp.get(f"{ONE}/leaving")(posting_pages.new_leaving)
bp.post(f"{ONE}/leaving")(posting_pages.leave)
bp.post("/first-passwords", endpoint="give_first_passwords")(give_first_passwords_page)


@bp.get("")
def listing() -> ResponseReturnValue:
    """The people of the zone, by the pinyin of their names."""
    asked = asked_people()
    page = people_page(db.session, asked, now=moment(), on=today(), cursor=request.args.get("at"))

    return render_template(
        "people/list.html",
        lines=page.items,
        asked=asked,
        is_narrow=any(asdict(asked).values()),
        now=moment(),
        duties=[("", "全部职务"), *((duty.value, duty.label) for duty in Duty)],
        roles=[("", "全部角色"), *((role.value, role.label) for role in Role)],
        accounts=[("", "全部账号"), *((state.value, state.label) for state in Account)],
        newer=at_cursor(page.newer),
        older=at_cursor(page.older),
        can_change=signed_in().role in ACCESS["people.new"],
        offer=offer_of_list(db.session, asked),
    )


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new person."""
    return _new_page(NewPersonForm(data={"role": Role.RECRUITER, "from_on": today()}))


def _new_page(form: NewPersonForm) -> str:
    offer_all_units(db.session, form.unit_id)
    return render_template("people/new.html", form=form)


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Enter a person, with the first posting where there is one."""
    form = NewPersonForm()
    if form.validate():
        try:
            with transaction() as session:
                person = _enter(session, form)
        except Refused as refusal:
            show_refusal(form, refusal, FIELDS)
        else:
            flash("人员已添加，生成临时密码后即可登录。", "success")
            return redirect(home_of(person))
    return _new_page(form), 422


def _enter(session: Session, form: NewPersonForm) -> Person:
    me, now = signed_in(), moment()
    data = form.posting(session)
    person = service.add_person(
        session, username=form.account(), role=form.role.data, by=me, now=now, **form.contact()
    )
    if data:
        postings.post(session, person=person, data=data, by=me, now=now)
    return person


@bp.get(ONE)
def show(username: str) -> ResponseReturnValue:
    """A person with their postings, absences and account."""
    return person_page(found(username))


@bp.get(f"{ONE}/edit")
def edit(username: str) -> ResponseReturnValue:
    """The form to change a person's data."""
    person = found(username)
    return render_template("people/edit.html", form=PersonForm(obj=person), person=person)


@bp.post(f"{ONE}/edit")
def change(username: str) -> ResponseReturnValue:
    """Save the changed data."""
    person, form = found(username), PersonForm()

    if form.validate():
        try:
            with transaction() as session:
                role, me, now = form.role.data, signed_in(), moment()
                service.change_person(
                    session, person=person, role=role, by=me, now=now, **form.contact()
                )
        except Refused as refusal:
            show_refusal(form, refusal, FIELDS)
        else:
            flash("已保存。", "success")
            return redirect(home_of(person))

    return render_template("people/edit.html", form=form, person=found(username)), 422


@bp.post(f"{ONE}/password")
def give_password(username: str) -> ResponseReturnValue:
    """Make a temporary password, and show it this once."""
    known, rules = found(username).username, password_rules(db.session)
    password = accounts.temporary_password(rules, known)
    # hashing is slow: no transaction is held meanwhile
    release()
    hashed = service.hash_password(known, password, rules=rules)
    begin_write_late()

    try:
        with transaction() as session:
            # looked up again under the write lock
            person = by_username(session, known) or abort(404)
            service.give_password(
                session, person=person, password_hash=hashed, by=signed_in(), now=moment()
            )
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
        return redirect(url_for(".show", username=username))

    person = found(username)

    return render_template(
        "people/password.html",
        person=person,
        password=password,
        days=accounts.TEMPORARY_DAYS,
        until=accounts.temporary_until(person),
    )


def _do(
    username: str, done: str, change: Callable[..., object], **given: object
) -> ResponseReturnValue:
    """Change the account as that service does, and say so on the person's page."""
    me, now = signed_in(), moment()
    try:
        with transaction() as session:
            person = by_username(session, username) or abort(404)
            change(session, person=person, by=me, now=now, **given)
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash(done, "success")
    return redirect(url_for(".show", username=username))


@bp.post(f"{ONE}/disable")
def disable(username: str) -> ResponseReturnValue:
    """Close the account at once."""
    done = "账号已停用，其登录均已退出。"
    return _do(username, done, accounts.disable_person, at=moment())


@bp.post(f"{ONE}/enable")
def enable(username: str) -> ResponseReturnValue:
    """Open the account again."""
    return _do(username, "账号已恢复。", accounts.enable_person)


@bp.post(f"{ONE}/sign-out")
def sign_out(username: str) -> ResponseReturnValue:
    """End all of the person's sessions."""
    done = "该账号的登录均已退出。"
    return _do(username, done, accounts.sign_out_elsewhere, but_id=None)


@bp.post(f"{ONE}/end-tokens")
def end_tokens(username: str) -> ResponseReturnValue:
    """End all of the person's tokens of the API."""
    return _do(username, "该账号的接口令牌均已撤销。", api_tokens.end_all)


@bp.post(f"{ONE}/second-factor/reset")
def reset_second_factor(username: str) -> ResponseReturnValue:
    """Remove the person's second factor, as a telephone was lost."""
    done = "两步验证已重置，其登录均已退出。"
    return _do(username, done, second_factor.reset_second_factor)
