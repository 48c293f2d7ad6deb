"""The mailbox: every message that one was sent, to be read without a mail program."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from crm.base.mailbox import mark_read, message_of, messages_page
from crm.base.outbox import Message, State
from crm.extensions import db
from crm.jobs.delivery import NO_ADDRESS
from crm.mailing.rules import IN_APP_ONLY
from crm.transactions import transaction
from crm.web.auth import signed_in
from crm.web.digests.comments import added_later
from crm.web.forms import LARGEST_ID, row_id
from crm.web.transaction import moment

bp = Blueprint("mailbox", __name__)
ONE = f"/mailbox/<int(max={LARGEST_ID}):message_id>"

# DESIGN 8: a mail's HTML has inline styles, so it is a response of its own. Beyond that text, its
# links may lead the whole page on: without it they would open inside the frame, which pages refuse.
BODY_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)


@bp.get("/mailbox")
def listing() -> ResponseReturnValue:
    """One's messages, the latest first."""
    before = request.args.get("before", type=row_id)
    found = messages_page(db.session, signed_in().id, before=before)
    return render_template("account/mailbox.html", letters=found, is_first=before is None)


@bp.get(ONE)
def show(message_id: int) -> ResponseReturnValue:
    """One message; opening it is noted."""
    letter = _mine(message_id)
    if letter.read_at is None:
        with transaction(db.sessionmaker) as own:  # a page that reads has no write lock of its own
            mark_read(own, message_id, now=moment())
    later = added_later(db.session, signed_in(), letter, moment())
    return render_template("account/message.html", letter=letter, way=_way(letter), later=later)


@bp.get(f"{ONE}/body")
def body(message_id: int) -> ResponseReturnValue:
    """The message's HTML under a policy of its own, for the frame on its page."""
    headers = {"Content-Security-Policy": BODY_CSP, "Content-Type": "text/html; charset=utf-8"}
    return _mine(message_id).body_html, headers


def _way(letter: Message) -> str | None:
    """Why it came here and not by mail; none where it did, or may yet."""
    is_told = letter.state is State.SKIPPED or letter.note in (IN_APP_ONLY, NO_ADDRESS)
    return f"{letter.note}。" if is_told and letter.note else None


def _mine(message_id: int) -> Message:
    return message_of(db.session, signed_in().id, message_id) or abort(404)
