"""Sign-in, sign-out, and the person behind a request."""

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from crm.base.db import begin_to_write, writing
from crm.base.db_faults import first_line
from crm.base.errors import Refused
from crm.base.logs import structlog
from crm.extensions import db, login_manager
from crm.people import login_attempts, sessions
from crm.people.accounts import require_in_time
from crm.people.first_run import is_nobody_there
from crm.people.login_attempts import MINUTE, Admission
from crm.people.models import Person
from crm.people.permissions import Viewer, viewer
from crm.people.queries import by_username
from crm.people.second_factor import has_second_factor
from crm.people.service import verify
from crm.people.sessions import OpenSession
from crm.web.back_links import came_from
from crm.web.errors import show_at_field
from crm.web.forms import cleaned, is_inside
from crm.web.known_browsers import browser_known_to, remember_browser
from crm.web.pending_sign_in import clear_but_first_step, keep_first_step
from crm.web.transaction import CHANGING, is_api, moment, release, today, transaction

bp = Blueprint("auth", __name__)
log = structlog.get_logger()
PROVED_AT = "proved_at"  # in the cookie: when the person last proved who they are
BY_OIDC = "by_oidc"  # in the cookie: the session was begun at the provider
PROOF_SECONDS = 900  # for which that lets them change how they sign in
UNSEEN = (
    "static",
    "health.lives",
    "health.is_ready",
    "metrics.show",
)  # requests that are nobody's use of the application


class SignedIn(UserMixin):
    """Flask-Login's user: an open session, identified by its token."""

    def __init__(self, token: str, opened: OpenSession) -> None:
        self.token = token
        self.opened = opened
        self.login = opened.login

    def get_id(self) -> str:
        """The value that the cookie holds."""
        return self.token


class LoginForm(FlaskForm):
    """Username and password."""

    username = StringField("账号", [InputRequired("请填写账号。")], filters=[cleaned])
    password = PasswordField("密码", [InputRequired("请填写密码。")])


@login_manager.user_loader  # type: ignore[untyped-decorator]
def _load(token: str) -> SignedIn | None:
    opened = sessions.find(db.session, token, now=moment())
    return SignedIn(token, opened) if opened else None


def open_session() -> OpenSession | None:
    """The session of this request, or none."""
    # nobody is Flask-Login's anonymous user; each attribute of the proxy is a look-up of its own
    user = current_user._get_current_object()  # noqa: SLF001 - Werkzeug documents it
    return user.opened if isinstance(user, SignedIn) else None


def me() -> Person | None:
    """The signed-in person, or none."""
    opened = open_session()
    return opened.login.person if opened else None


def signed_in() -> Person:
    """The signed-in person; the access table refuses everyone else before."""
    # none: the session was ended while this request ran, and is read again after a refusal
    return me() or abort(redirect_to_login())  # type: ignore[arg-type] # a response that ends it


def redirect_to_login() -> ResponseReturnValue:
    """Redirect to the sign-in page, which leads on to the page or the submitted form."""
    clear_but_first_step()  # messages of an ended session are not for the next person
    if request.method == "GET":
        return redirect(url_for("auth.login", next=request.full_path.rstrip("?")))
    flash("登录已过期，刚才的操作未保存，请重新登录后继续。", "warning")
    return redirect(url_for("auth.login", next=came_from()))


def my_view() -> Viewer:
    """What the signed-in person may see today."""
    if "viewer" not in g:
        g.viewer = viewer(db.session, signed_in(), today())
    return g.viewer  # type: ignore[no-any-return]


def _target() -> str:
    """Where to go after signing in: a path of this application only."""
    target = request.args.get("next", "")
    return target if is_inside(target) else url_for("myday.show")


@bp.get("/login")
def login() -> ResponseReturnValue:
    """The sign-in form."""
    if me():
        return redirect(_target())
    if is_nobody_there(db.session):
        return redirect(url_for("setup.show"))
    if "_user_id" in session:  # the session ended; its messages are not for the next person
        session.clear()
    return render_template("login.html", form=LoginForm())


@bp.post("/login")
def sign_in() -> ResponseReturnValue:
    """Check the password and start a session under a new token."""
    form = LoginForm()
    if form.validate():
        try:
            return redirect(_enter(form))
        except Refused as refusal:
            show_at_field(form, refusal)
            if refusal.code == "too_many_tries":
                return render_template("login.html", form=form), 429, {"Retry-After": str(MINUTE)}
    return render_template("login.html", form=form), 422


def _enter(form: LoginForm) -> str:
    """Sign in whoever knows the password, or ask for the second step; the address of what follows.

    Refused as `too_many_tries`, `wrong_password`, `password_over`.
    """
    wrong, now = Refused("wrong_password", field="password"), moment()
    typed = form.username.data or ""
    known = by_username(db.session, typed)
    browser = browser_known_to(known.id) if known else None
    attempt = login_attempts.attempt_of(
        db.session, known, typed=typed, address=request.remote_addr or "", browser=browser
    )
    # hashing is slow: no transaction is held meanwhile
    release()
    check_password(known, form.password.data or "", attempt, wrong)

    begin_to_write(db.session)
    with transaction() as db_session:
        # read again under the write lock
        person = db_session.get(Person, attempt.person_id)
        if not person or not known or person.password_hash != known.password_hash:
            raise wrong  # changed in the meantime
        require_in_time(person, now)
        login_attempts.uncount_attempt(db_session, attempt, now=now)
        return let_in(db_session, person, _target())


def let_in(db_session: Session, person: Person, target: str) -> str:
    """Begin the person's session, or ask for the second step; the address of what follows."""
    if has_second_factor(db_session, person.id):
        keep_first_step(person, target)
        return url_for("second_step.show")
    begin_session(person)
    remember_browser(person.id)
    return target


def check_password(
    person: Person | None, password: str, attempt: login_attempts.Attempt, wrong: Refused
) -> None:
    """Raise `wrong` where it is not the person's password; refused as `too_many_tries`.

    Counts and notes in short transactions of its own; the hashing is done under no lock.
    """
    now = moment()
    with writing(db.sessionmaker) as own:
        admission = login_attempts.count_attempt(own, attempt, now=now)

    too_many = Refused("too_many_tries", field=wrong.field)
    if admission is Admission.REFUSED:
        log.warning("too_many_tries", person=attempt.person_id, address=attempt.address)
        raise too_many
    if not verify(person, password, now=now):
        with writing(db.sessionmaker) as own:
            count = login_attempts.note_failure(own, attempt, now=now)
        log.warning(
            "wrong_password", person=attempt.person_id, address=attempt.address, failures=count
        )
        # else the answer would tell which accounts there are, and that this one was tried
        raise too_many if admission is Admission.SPARED else wrong


def begin_session(person: Person) -> None:
    """Sign the person in at this browser, under a new token."""
    token = sessions.begin(
        db.session,
        person=person,
        address=request.remote_addr,
        browser=str(request.user_agent)[:200],
        now=moment(),
    )

    opened = sessions.find(db.session, token, now=moment())
    assert opened is not None  # noqa: S101 - just begun
    # nothing from before the sign-in survives it (session fixation)
    session.clear()
    session.permanent = True
    note_proof()
    login_user(SignedIn(token, opened))


def note_proof() -> None:
    """Note that the person has just proved who they are."""
    session[PROVED_AT] = moment().timestamp()


def has_proved_lately() -> bool:
    """Whether the person has proved who they are in the last minutes."""
    proved_at: float = session.get(PROVED_AT, 0)
    return moment().timestamp() - proved_at < PROOF_SECONDS


@bp.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End the session in the database, not only in the browser."""
    with transaction() as db_session:
        sessions.end(db_session, login=current_user.login, by=signed_in(), now=moment())
    logout_user()
    is_by_oidc = BY_OIDC in session
    session.clear()
    flash("已退出登录。", "success")
    # its own session goes on: the page offers to end it, too
    answer = redirect(url_for("auth.login", out="oidc" if is_by_oidc else None))
    answer.headers["Clear-Site-Data"] = '"cache"'  # otherwise the back button shows cached pages
    return answer


def _note_seen(response: Response) -> Response:
    """Update `seen_at`, at most every five minutes, in a short transaction of its own."""
    if is_api() or request.method in CHANGING or request.endpoint in UNSEEN or not current_user:
        return response
    opened = open_session()
    if opened and moment() - opened.login.seen_at > sessions.SEEN_EVERY:
        db.session.rollback()
        try:
            with writing(db.sessionmaker) as own:
                sessions.note_use(own, opened.login.id, now=moment())
        except DBAPIError as error:  # the page was read all the same
            current_app.logger.warning("seen_at not kept: %s", first_line(error))
    return response


def init_app(app: Flask) -> None:
    """Register sign-in."""
    login_manager.session_protection = None  # phones change address on the road
    app.config["PERMANENT_SESSION_LIFETIME"] = sessions.LONGEST
    # a session in the database lasts that long from its begin, and so need its cookie: it is signed
    # and sent again only when it changes
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.register_blueprint(bp)
    app.after_request(_note_seen)
