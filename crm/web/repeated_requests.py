"""A form that is sent again under its key is saved once, and answered as the first time.

Scripts send such forms, with the key in a header. They are answered without a redirect, which a
script could not tell from the way to the sign-in page: 201 leads on, 401 asks to sign in, and 409
under `X-Refused` says that nothing was saved, and why, though a page would lead on.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus

from flask import Blueprint, Flask, current_app, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from crm.base.answered_requests import Answer, AnsweredRequest, find_answered, keep_answer
from crm.base.audit_reading import has_changed
from crm.base.clock import civil_date
from crm.base.db import writing
from crm.base.db_faults import first_line
from crm.extensions import db
from crm.leads.models import Lead
from crm.people.models import Delegation, DutySeparation, Person, Posting, Unit
from crm.web.auth import me, signed_in
from crm.web.transaction import BEGIN_LATER, CHANGING, before_commit, is_api, moment, today

bp = Blueprint("repeats", __name__)
HEADER = "X-Request-Key"
# Later the figures in them may be others, and some no longer the person's to see.
MESSAGES_SHOWN_FOR = timedelta(hours=1)
# What they may name is seen by rights, units and leads; where any of these has changed since, or
# a day has begun with which some end, nothing of them is shown again.
SIGHT = (Person, Posting, Unit, Delegation, DutySeparation, Lead)
DIFFERS = "X-Differs"  # what was sent again is not what was saved
REFUSED = "X-Refused"
REASON = Markup('<p class="empty-title">{}</p>')  # as on a page of errors
REFUSALS = ("danger", "warning")  # categories of messages that say why nothing was saved
KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FLASHES = "_flashes"  # Flask's own place for messages of the next page


@dataclass(slots=True)
class KeyedRequest:
    """What is sent under a key, and how far it has come."""

    person_id: int
    key: str
    content: str
    is_saved: bool = False


@bp.get("/me/form-token")
def form_token() -> ResponseReturnValue:
    """A fresh token for a form that a script sends again, and whose session it is of."""
    return {"token": generate_csrf(), "person": signed_in().id, "now": moment().isoformat()}


def _is_keyed() -> bool:
    key = request.headers.get(HEADER, "")
    if is_api():  # its keys are in another header, and `crm.api` keeps them
        return False
    return request.method in CHANGING and KEY.fullmatch(key) is not None


def _keyed() -> KeyedRequest | None:
    # some take their lock before anything is read, and twice is as once
    if not _is_keyed() or request.endpoint in BEGIN_LATER or (person := me()) is None:
        return None
    sent = [item for item in request.form.items(multi=True) if item[0] != "csrf_token"]
    content = sha256(repr((request.path, sent)).encode()).hexdigest()
    return KeyedRequest(person.id, request.headers[HEADER], content)


def _dispatch_once(dispatch: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
    if (sent := _keyed()) is None:
        answer = dispatch()
        g.is_answered = request.endpoint in BEGIN_LATER
        return answer

    if known := find_answered(db.session, sent.person_id, sent.key):
        answer = _first_answer(known, sent)
    else:
        g.keyed_request = sent
        before_commit(_note)
        answer = dispatch()
        # sent twice at once: what refused this one may be the first, saved since
        if not sent.is_saved and (known := find_answered(db.session, sent.person_id, sent.key)):
            answer = _first_answer(known, sent)

    g.is_answered = True
    return answer


def _note(session: Session) -> None:
    sent: KeyedRequest = g.keyed_request
    if not sent.is_saved:  # once: some pages commit twice
        sent.is_saved = True
        session.add(
            AnsweredRequest(
                person_id=sent.person_id, key=sent.key, content=sent.content, made_at=moment()
            )
        )


def _first_answer(known: AnsweredRequest, sent: KeyedRequest) -> ResponseReturnValue:
    g.pop("keyed_request", None)
    place = known.location or url_for("myday.show")
    if known.content != sent.content:
        flash("此前提交的内容已保存，之后的修改未保存，请在此修改。", "warning")
        return redirect(place), {DIFFERS: "1"}
    if known.messages and _may_still_be_shown(known.made_at):
        session[FLASHES] = [tuple(message) for message in json.loads(known.messages)]
    else:
        flash("已保存，未重复提交。", "info")
    return redirect(place)


def _may_still_be_shown(made_at: datetime) -> bool:
    """Whether the messages of then hold nothing that the person has lost sight of since."""
    if moment() - made_at > MESSAGES_SHOWN_FOR or civil_date(made_at) != today():
        return False
    return not has_changed(db.session, [kind.__tablename__ for kind in SIGHT], since=made_at)


def _without_redirect(response: Response) -> Response:
    is_by_script = _is_keyed() or request.endpoint == "repeats.form_token"
    if not is_by_script or response.location is None:
        return response

    sent: KeyedRequest | None = g.get("keyed_request")
    reasons = [] if sent is None or sent.is_saved else _refusals()
    response.set_data(Markup().join(map(REASON.format, reasons)))
    if not g.get("is_answered"):  # sent to the door before the page was reached
        response.status_code = HTTPStatus.UNAUTHORIZED
    elif reasons:
        response.status_code = HTTPStatus.CONFLICT
        response.headers[REFUSED] = "1"
    else:
        response.status_code = HTTPStatus.CREATED
        if sent and sent.is_saved:
            response.call_on_close(_keeping(sent, response.location))
    return response


def _refusals() -> list[str]:
    """Why nothing was saved, in the words that the next page shows."""
    return [text for category, text in session.get(FLASHES, []) if category in REFUSALS]


def _keeping(sent: KeyedRequest, location: str) -> Callable[[], None]:
    """What keeps the answer; it runs when the answer is out, so that nobody waits for it."""
    answer = Answer(location, json.dumps(session.get(FLASHES, []), ensure_ascii=False))
    sessions, now, logger = db.sessionmaker, moment(), current_app.logger

    def keep() -> None:
        try:
            with writing(sessions) as own:
                keep_answer(own, sent.person_id, sent.key, answer, now)
        except DBAPIError as error:  # the change is made; only a repeat is answered less well
            logger.warning("answer not kept: %s", first_line(error))

    return keep


def init_app(app: Flask) -> None:
    """Look for the key at every run of a view, so that a run under the lock sees a first save."""
    dispatch = app.dispatch_request
    app.dispatch_request = lambda: _dispatch_once(dispatch)  # type: ignore[method-assign]
    app.after_request(_without_redirect)
