"""The mailbox: every message of the signed-in person, readable without a mail program."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.mailbox import message_of, messages_page, period_of
from crm.base.outbox import Message
from crm.digests.kept import is_kept
from crm.extensions import db
from crm.web.auth import signed_in
from crm.web.digests.comments import later_comments
from crm.web.forms import LARGEST_ID, row_id
from crm.web.reading import read_now, reason_not_mailed
from crm.web.transaction import moment

bp = Blueprint("mailbox", __name__)
MESSAGE = f"/mailbox/<int(max={LARGEST_ID}):message_id>"

# A mail's HTML has inline styles, so it is served as a response with its own policy. The
# sandbox lets its links replace the whole page: inside the frame our pages refuse to open.
BODY_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)


@bp.get("/mailbox")
def listing() -> ResponseReturnValue:
    before = request.args.get("before", type=row_id)
    messages = messages_page(db.session, signed_in().id, before=before)
    return render_template("account/mailbox.html", messages=messages, is_first=before is None)


@bp.get(MESSAGE)
def show(message_id: int) -> ResponseReturnValue:
    """A message, which this marks as read; of a digest, its own page."""
    message = _own_message(message_id)
    if is_kept(db.session, message):
        return redirect(url_for("digests.show", name=period_of(message.dedupe_key)))
    read_now(message)

    return render_template(
        "account/message.html",
        message=message,
        not_mailed_because=reason_not_mailed(message),
        later_comments=later_comments(db.session, signed_in(), message, moment()),
    )


@bp.get(f"{MESSAGE}/body")
def body(message_id: int) -> ResponseReturnValue:
    """The message's HTML, for the frame on its page."""
    headers = {"Content-Security-Policy": BODY_CSP, "Content-Type": "text/html; charset=utf-8"}
    return _own_message(message_id).body_html, headers


def _own_message(message_id: int) -> Message:
    return message_of(db.session, signed_in().id, message_id) or abort(404)
