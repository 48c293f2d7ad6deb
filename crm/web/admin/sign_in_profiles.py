"""The page of the profiles of signing in: which one holds, and what each asks."""

from dataclasses import dataclass, fields
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import InputRequired, NumberRange, Optional

from crm.extensions import db
from crm.people.rules import Role
from crm.people.sign_in_models import SignInProfile
from crm.people.sign_in_profiles import ProfileData, change_profile, choose_profile, profiles
from crm.web.auth import signed_in
from crm.web.forms import WholeNumber, enum_choices, is_saved
from crm.web.transaction import moment, transaction

bp = Blueprint("sign_in_profiles", __name__, url_prefix="/admin/sign-in")
ONE = "/<code>"
DAY_MINUTES = 1_440
LONGEST_IDLE = 20_160  # minutes in two weeks
KINDS = [SelectChoice(str(n), f"{n} 种" if n else "不要求") for n in (0, 2, 3, 4)]


def _between(first: int, last: int) -> str:
    return f"请填写 {first} 至 {last} 之间的整数。"


def _number(label: str, first: int, last: int, *, optional: bool = False) -> WholeNumber:
    words = _between(first, last)
    presence = Optional() if optional else InputRequired(words)
    return WholeNumber(label, [presence, NumberRange(first, last, words)], message=words)


class ProfileForm(FlaskForm):
    """What a profile asks."""

    shortest = _number("密码最短长度", 8, 64)
    character_kinds = SelectField("密码字符种类", choices=KINDS, coerce=int)
    bars_common = BooleanField("禁用常见密码、账号和连续按键")
    history = _number("不重复最近密码（次）", 0, 24)
    expires_days = _number("密码有效期（天）", 7, 730, optional=True)
    idle_minutes = _number("无操作自动退出（分钟）", 10, LONGEST_IDLE)
    second_factor_roles = SelectMultipleField(
        "须使用两步验证的角色", choices=enum_choices(Role), coerce=Role
    )

    def to_data(self) -> ProfileData:
        """The data of a valid form."""
        values: Any = {name: self[name].data for name in (f.name for f in fields(ProfileData))}
        roles = frozenset(self.second_factor_roles.data or ())
        return ProfileData(**values | {"second_factor_roles": roles})


@dataclass(frozen=True, slots=True)
class ProfileCard:
    """A profile as the page shows it."""

    code: str
    name: str
    is_chosen: bool
    facts: list[tuple[str, str]]


@bp.get("")
def listing() -> ResponseReturnValue:
    """All profiles, with the one that holds."""
    cards = [_card(profile) for profile in profiles(db.session)]
    return render_template("admin/sign_in_profiles.html", cards=cards)


def _card(profile: SignInProfile) -> ProfileCard:
    kinds = f"，含 {profile.character_kinds} 种字符" if profile.character_kinds else ""
    common = "，禁用常见密码" if profile.bars_common else ""
    roles = [role.label for role in Role if role in profile.second_factor_roles]
    facts = [
        ("密码", f"至少 {profile.shortest} 个字符{kinds}{common}"),
        ("有效期", f"{profile.expires_days} 天" if profile.expires_days else "不限"),
        ("历史密码", f"不重复最近 {profile.history} 次" if profile.history else "不限"),
        ("无操作退出", _span(profile.idle_minutes)),
        ("两步验证", "、".join(roles) + "须使用" if roles else "自愿使用"),
    ]
    return ProfileCard(profile.code, profile.name, profile.is_chosen, facts)


def _span(minutes: int) -> str:
    if minutes % DAY_MINUTES == 0:
        return f"{minutes // DAY_MINUTES} 天"
    return f"{minutes} 分钟"


@bp.get(ONE)
def edit(code: str) -> ResponseReturnValue:
    """The form of what a profile asks."""
    profile = _found(code)
    return _page(ProfileForm(formdata=None, obj=profile), profile)


@bp.post(ONE)
def change(code: str) -> ResponseReturnValue:
    """Save what a profile asks."""
    form = ProfileForm()

    def apply(session: Session) -> None:
        profile, data = _found(code), form.to_data()
        change_profile(session, profile=profile, data=data, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, apply):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    return _page(form, _found(code)), 422


def _page(form: ProfileForm, profile: SignInProfile) -> str:
    return render_template("admin/sign_in_profile.html", form=form, profile=profile)


@bp.post(f"{ONE}/choose")
def choose(code: str) -> ResponseReturnValue:
    """Let a profile hold from now on."""
    with transaction() as session:
        choose_profile(session, profile=_found(code), by=signed_in(), now=moment())
    flash("登录策略已启用，对所有人员即时生效。", "success")
    return redirect(url_for(".listing"))


def _found(code: str) -> SignInProfile:
    found = (profile for profile in profiles(db.session) if profile.code == code)
    return next(found, None) or abort(404)
