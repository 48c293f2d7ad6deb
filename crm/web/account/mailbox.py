"""The mailbox: every message of the signed-in person, readable without a mail program."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from crm.base.mailbox import mark_read, message_of, messages_page
from crm.base.outbox import Message, State
from crm.extensions import db
from crm.jobs.batch_delivery import NO_ADDRESS
from crm.mailing.rules import IN_APP_ONLY
from crm.transactions import transaction
from crm.web.auth import signed_in
from crm.web.digests.comments import later_comments
from crm.web.forms import LARGEST_ID, row_id
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
    """A message, which this marks as read."""
    message = _own_message(message_id)
    if message.read_at is None:
        with transaction(db.sessionmaker) as session:  # a GET request holds no write lock
            mark_read(session, message_id, now=moment())

    return render_template(
        "account/message.html",
        message=message,
        not_mailed_because=_reason_not_mailed(message),
        later_comments=later_comments(db.session, signed_in(), message, moment()),
    )


@bp.get(f"{MESSAGE}/body")
def body(message_id: int) -> ResponseReturnValue:
    """The message's HTML, for the frame on its page."""
    headers = {"Content-Security-Policy": BODY_CSP, "Content-Type": "text/html; charset=utf-8"}
    return _own_message(message_id).body_html, headers


def _reason_not_mailed(message: Message) -> str | None:
    """Why it is only in the mailbox; None where it was mailed, or still may be."""
    is_final = message.state is State.SKIPPED or message.note in (IN_APP_ONLY, NO_ADDRESS)
    return f"{message.note}。" if is_final and message.note else None


def _own_message(message_id: int) -> Message:
    return message_of(db.session, signed_in().id, message_id) or abort(404)
