"""The page of my tokens, with which programs ask the API in my name."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people import api_tokens
from crm.people.models import ApiToken
from crm.people.rules import LONGEST_TOKEN_DAYS, Scope, offered_scopes
from crm.web.auth import signed_in
from crm.web.errors import show_at_field
from crm.web.forms import LARGEST_ID, SelectChoice, cleaned, enum_choices
from crm.web.transaction import moment, today, transaction

bp = Blueprint("tokens", __name__, url_prefix="/me/tokens")
DAYS = [
    SelectChoice(days, words)
    for days, words in ((30, "30 天"), (90, "90 天"), (180, "180 天"), (LONGEST_TOKEN_DAYS, "一年"))
]


class TokenForm(FlaskForm):
    name = StringField(
        "用途",
        [DataRequired("请填写用途。"), Length(max=50, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    scopes = SelectMultipleField("权限", [DataRequired("请至少选择一项。")], coerce=Scope)
    days = RadioField("有效期", choices=DAYS, coerce=int, default=90)

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.scopes.choices = enum_choices(offered_scopes(signed_in().role))


@value_class
class TokenRow:
    """An open token."""

    id: int
    name: str
    scopes: str
    used: str
    expires: str


@bp.get("")
def listing() -> ResponseReturnValue:
    return _page(TokenForm(data={"scopes": [Scope.READ], "days": 90}))


@bp.post("")
def create() -> ResponseReturnValue:
    """Make a token, and show it this once."""
    form = TokenForm()
    if form.validate():
        try:
            with transaction() as session:
                token = api_tokens.make_token(
                    session,
                    person=signed_in(),
                    name=form.name.data or "",
                    scopes=form.scopes.data or [],
                    days=form.days.data,
                    now=moment(),
                )
        except Refused as refusal:
            show_at_field(form, refusal)
        else:
            return _page(TokenForm(formdata=None, data={"days": 90}), token)
    return _page(form), HTTPStatus.UNPROCESSABLE_ENTITY


@bp.post(f"/<int(max={LARGEST_ID}):token_id>/end")
def end(token_id: int) -> ResponseReturnValue:
    """End one of my tokens."""
    with transaction() as session:
        me = signed_in()
        is_ended = api_tokens.end_token(session, person=me, token_id=token_id, by=me, now=moment())
    if not is_ended:
        abort(HTTPStatus.NOT_FOUND)
    flash("令牌已撤销，使用它的程序不能再访问。", "success")
    return redirect(url_for(".listing"))


def _page(form: TokenForm, token: str = "") -> str:
    tokens = api_tokens.open_tokens(db.session, signed_in().id, now=moment())
    rows = [_row(one) for one in tokens]
    return render_template("account/tokens.html", form=form, tokens=rows, token=token)


def _row(token: ApiToken) -> TokenRow:
    return TokenRow(
        token.id,
        token.name,
        "、".join(scope.label for scope in token.granted),
        f"最近使用 {formatting.moment(token.used_at, today())}" if token.used_at else "尚未使用",
        formatting.moment(token.expires_at, today()),
    )
