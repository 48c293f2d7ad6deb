"""Signing in at the provider of the organization (统一认证), for accounts that exist here."""

from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Blueprint, Flask, abort, current_app, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.db import begin_to_write
from crm.base.logs import structlog
from crm.extensions import db, limiter
from crm.people.models import Person
from crm.people.queries import by_exact_username
from crm.settings import Settings
from crm.web.auth import BY_OIDC, let_in
from crm.web.forms import is_inside
from crm.web.transaction import moment, release, transaction

if TYPE_CHECKING:
    from crm.web.oidc_client import Provider

bp = Blueprint("oidc", __name__, url_prefix="/login/oidc")
log = structlog.get_logger()
DEPARTURE = "oidc_departure"  # in the cookie
LIFE_SECONDS = 600  # in which somebody comes back
AWAY = "{label}暂时无法使用，请稍后重试，或用账号和密码登录。"
NOT_OURS = "{label}已确认您的身份，但未找到对应的本系统账号或账号已停用，请联系系统管理员。"
TIMED_OUT = "登录已超时或已取消，请重新登录。"


class Kept(NamedTuple):
    """What a return is checked against."""

    state: str
    nonce: str
    verifier: str
    target: str
    at: float  # seconds since 1970


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings if settings.oidc_issuer else abort(404)


def _provider() -> "Provider":
    from crm.web.oidc_client import Provider  # noqa: PLC0415 - only where a provider is set

    own = _settings()
    back = own.base_url + url_for(".arrive")
    return Provider(own.oidc_issuer, own.oidc_client_id, own.oidc_client_secret, back)


def _back(sentence: str) -> ResponseReturnValue:
    flash(sentence.format(label=_settings().oidc_label), "warning")
    return redirect(url_for("auth.login"))


@bp.get("")
@limiter.limit("30 per minute")
def depart() -> ResponseReturnValue:
    """Lead to the provider."""
    provider = _provider()
    from crm.web import oidc_client  # noqa: PLC0415 - as above

    try:
        departure = oidc_client.depart(provider)
    except oidc_client.ProviderError as error:
        log.warning("oidc_provider_away", why=str(error))
        return _back(AWAY)

    target = request.args.get("next", "")
    kept = Kept(
        departure.state,
        departure.nonce,
        departure.verifier,
        target if is_inside(target) else url_for("myday.show"),
        moment().timestamp(),
    )
    session.clear()
    session[DEPARTURE] = list(kept)
    return redirect(departure.url)


@bp.get("/callback")
@limiter.limit("30 per minute")
def arrive() -> ResponseReturnValue:
    """Sign in whoever comes back from the provider and has an account here."""
    provider, kept = _provider(), session.pop(DEPARTURE, None)
    departure = Kept(*kept) if kept else None
    code = request.args.get("code", "")
    if (
        departure is None
        or not code
        or departure.state != request.args.get("state")
        or moment().timestamp() - departure.at > LIFE_SECONDS
    ):
        return _back(TIMED_OUT)
    from crm.web import oidc_client  # noqa: PLC0415 - as above

    release()  # the provider may be slow: no transaction is held meanwhile
    nonce, verifier = departure.nonce, departure.verifier
    try:
        claims = oidc_client.arrive(provider, code=code, nonce=nonce, verifier=verifier)
    except oidc_client.ProviderError as error:
        log.warning("oidc_sign_in_failed", why=str(error))
        return _back(AWAY)
    return _enter(claims, departure.target)


def _enter(claims: dict[str, Any], target: str) -> ResponseReturnValue:
    begin_to_write(db.session)
    with transaction() as db_session:
        person = _person(db_session, claims)
        place = let_in(db_session, person, target) if person else None
    if place is None:
        log.warning("oidc_unknown_account", address=request.remote_addr)
        return _back(NOT_OURS)
    session[BY_OIDC] = True
    return redirect(place)


def _person(db_session: Session, claims: dict[str, Any]) -> Person | None:
    """The person whose username the claim is, to the letter; accounts are never made here."""
    name = _settings().oidc_claim
    # an address that nobody has verified may be anybody's
    if name == "email" and claims.get("email_verified") is not True:
        return None
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        return None
    person = by_exact_username(db_session, value)
    return None if person is None or person.is_disabled(moment()) else person


@bp.get("/end")
@limiter.limit("30 per minute")
def end() -> ResponseReturnValue:
    """Sign out at the provider, too."""
    provider, back = _provider(), _settings().base_url + url_for("auth.login")
    from crm.web import oidc_client  # noqa: PLC0415 - as above

    try:
        place = oidc_client.end_url(provider, back)
    except oidc_client.ProviderError:
        place = None
    return redirect(place) if place else _back("请在{label}的页面退出。")


def init_app(app: Flask) -> None:
    """Tell the sign-in page of the provider."""

    @app.context_processor
    def _label() -> dict[str, str]:
        settings: Settings = current_app.config["SETTINGS"]
        return {"oidc_label": settings.oidc_label if settings.oidc_issuer else ""}
