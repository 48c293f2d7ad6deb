"""Texts of refusals, and error pages."""

from collections.abc import Callable, Iterable
from datetime import date
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from crm.base import clock, formatting
from crm.base.db import is_conflict
from crm.base.db_faults import Fault, fault_of, first_line
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.sheets import Problem
from crm.extensions import login_manager
from crm.web.back_links import came_from
from crm.web.files.limits import upload_form_again
from crm.web.messages import CONFLICT, SENTENCES
from crm.web.replica import read_again
from crm.web.transaction import Outdated, undo

SECRETS = frozenset({"password", "old", "again"})  # never sent back to the browser
RETRY_SECONDS = 10
PAGES = {
    400: ("无法处理这个请求", "请返回上一页重试，已填写的内容仍保留在浏览器中。"),
    404: ("未找到该页面", "页面可能不存在，或不在您的权限范围内，请从菜单重新进入。"),
    405: ("操作方式不正确", "请返回首页，通过页面上的按钮重新操作。"),
    413: ("提交的内容过大", "请删减内容或改用较小的文件后重新提交；已填写的内容仍在原页面。"),
    429: ("操作过于频繁", "请一分钟后重试。"),
    500: (
        "系统出现异常",
        "本次操作未保存，请稍后重试；如多次出现，请联系系统管理员。",
    ),
    503: ("数据库暂时无法使用", "本次操作未保存，请稍后重试；如多次出现，请联系系统管理员。"),
}
# Of a page that was only read nothing could be saved.
READ_LATER = "请稍后重新加载；如多次出现，请联系系统管理员。"
UNUSABLE = {
    Fault.READ_ONLY: (
        "暂时无法保存",
        "数据库当前为只读状态，无法登录和保存。本次操作未保存，请稍后重试。",
    ),
    Fault.FULL: (
        "暂时无法保存",
        "数据库所在磁盘无法写入。本次操作未保存，请联系系统管理员。",
    ),
}


def _in_words(value: object) -> object:
    if isinstance(value, date):
        return formatting.dated(value, clock.civil_date(clock.now()))
    return value.label if isinstance(value, LabeledEnum) else value


def refusal_text(refusal: Refused) -> str:
    """The Chinese sentence of a refusal."""
    facts = {name: _in_words(value) for name, value in refusal.facts.items()}
    return SENTENCES[refusal.code].format(**facts)


def why_refused(require: Callable[[], object]) -> str:
    """The sentence in which the requirement refuses; empty where it is met."""
    try:
        require()
    except Refused as refusal:
        return refusal_text(refusal)
    return ""


def problem_sentences(problems: Iterable[Problem]) -> list[str]:
    """Problems or notices of a file, each with its line number."""
    return [
        f"第 {problem.line} 行：{refusal_text(problem.why)}"
        if problem.line
        else refusal_text(problem.why)
        for problem in problems
    ]


def show_at_field(form: FlaskForm, refusal: Refused) -> None:
    """Show the refusal at its field, or above the form."""
    field = form._fields.get(refusal.field or "")
    if field is None:
        form.form_errors.append(refusal_text(refusal))
    else:
        field.errors = [*field.errors, refusal_text(refusal)]


def _make_anonymous() -> None:
    # the layout names the signed-in person, whom a failed database cannot give
    g._login_user = login_manager.anonymous_user()  # noqa: SLF001 - Flask-Login's own place


def _page(code: int) -> ResponseReturnValue:
    if code >= 500:  # noqa: PLR2004 - where something broke, the page asks for nobody
        _make_anonymous()
    title, hint = PAGES.get(code, PAGES[400])
    context = {"title": title, "hint": hint}
    if code >= 500:  # noqa: PLR2004 - as above
        context |= _loaded_again()
    return render_template("error.html", **context), code


def _loaded_again() -> dict[str, str]:
    """What a page says that could not be read, and the way to read it again."""
    if request.method != "GET":
        return {}
    return {"hint": READ_LATER, "home": request.full_path.rstrip("?"), "action": "重新加载"}


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:  # noqa: PLR2004 - a redirect is no error
        return error
    if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and (form := upload_form_again()):
        return form
    try:
        return _page(error.code)
    except DBAPIError as unreachable:
        # the layout of any page reads the signed-in person
        return _database_error(unreachable)


def _csrf_error(_error: CSRFError) -> ResponseReturnValue:
    place = came_from() or url_for("myday.show")
    # the session has ended and its token with it: sign in first
    if "_user_id" not in session and request.endpoint != "auth.sign_in":
        return redirect(url_for("auth.login", next=place))
    title, hint = (
        "页面已过期",
        "登录状态已变化，请返回原页面重新提交，已填写的内容仍保留在浏览器中。",
    )
    context = {"title": title, "hint": hint, "home": place, "action": "返回原页面"}
    return render_template("error.html", **context), 400


def _conflict_error(error: IntegrityError | StaleDataError | Outdated) -> ResponseReturnValue:
    """A conflict with a concurrent change; when sent again, the form's checks name it."""
    if isinstance(error, IntegrityError) and not is_conflict(error):
        raise error
    reason = str(getattr(error, "orig", error)).partition("\n")[0]  # later lines hold values
    current_app.logger.warning("concurrent change: %s", reason)
    undo()
    page = render_template("error.html", title="本次未保存", hint=CONFLICT, **_sent_again())
    return page, 409


def _sent_again() -> dict[str, Any]:
    """The submitted fields, for the button that sends them again; passwords are left out."""
    if request.method == "GET":
        return {}
    left_out = SECRETS | {"csrf_token"}
    again = [item for item in request.form.items(multi=True) if item[0] not in left_out]
    return {"again": again, "home": came_from() or "/", "action": "返回原页面"}


def _database_error(error: DBAPIError) -> ResponseReturnValue:
    """A page for an unusable database; programming errors are raised again."""
    fault = fault_of(error)
    if fault is Fault.BROKEN and not isinstance(error, OperationalError):
        raise error
    if read_again(error):
        return _made_again()
    current_app.logger.error("database %s: %s", fault.value, first_line(error))
    _make_anonymous()
    title, hint = UNUSABLE.get(fault, PAGES[503])
    context = {"title": title, "hint": hint} | _sent_again()
    if fault not in UNUSABLE:
        context |= _loaded_again()
    page = render_template("error.html", **context)
    return page, 503, {"Retry-After": str(RETRY_SECONDS)}


def _made_again() -> ResponseReturnValue:
    try:
        return current_app.dispatch_request()
    except DBAPIError as error:
        return _database_error(error)


def init_app(app: Flask) -> None:
    """Register the error pages."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(IntegrityError, _conflict_error)
    app.register_error_handler(StaleDataError, _conflict_error)
    app.register_error_handler(Outdated, _conflict_error)
