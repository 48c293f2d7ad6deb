"""The outbox: what waits, what failed and why, and sending it again by hand."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.base.formatting import moment as moment_text
from crm.base.outbox import State
from crm.extensions import db
from crm.jobs import resend
from crm.jobs.outbox_pages import NEEDS_A_LOOK, OutboxRow, counts_by_state, outbox_page
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.forms import LARGEST_ID, enum_arg, row_id
from crm.web.transaction import moment, today, transaction

bp = Blueprint("outbox", __name__, url_prefix="/admin/outbox")
TONES = {State.FAILED: "bad", State.HELD: "bad", State.AMBIGUOUS: "warn", State.SENT: "good"}
RESENDABLE = (State.FAILED, State.HELD, State.AMBIGUOUS)


@bp.get("")
def listing() -> ResponseReturnValue:
    """What is not sent yet, or of one state."""
    state = enum_arg("state", State)
    before = request.args.get("before", type=row_id)
    states = (state,) if state else NEEDS_A_LOOK
    rows, older = outbox_page(db.session, states=states, before=before)
    return render_template(
        "outbox/listing.html",
        rows=[(row, _receiver(row), _when(row)) for row in rows],
        state=state,
        counts=counts_by_state(db.session),
        states=(*NEEDS_A_LOOK, State.SENT, State.SKIPPED),
        tones=TONES,
        resendable=RESENDABLE,
        is_first=before is None,
        older=url_for(".listing", state=state, before=older) if older else None,
    )


@bp.post(f"/<int(max={LARGEST_ID}):message_id>/send")
def send(message_id: int) -> ResponseReturnValue:
    """Queue a message again."""
    try:
        with transaction() as session:
            by, now = signed_in(), moment()
            resend.send(session, [message_id], again=False, why="", by=by, now=now)
    except Refused as refusal:
        flash(refusal_text(refusal), "warning")
    else:
        flash("已重新列入待发。", "success")
    return redirect(url_for(".listing"))


@bp.post("/retry")
def retry() -> ResponseReturnValue:
    """Queue all failed messages again."""
    with transaction() as session:
        count = resend.retry(session, kind=None, why="", by=signed_in(), now=moment())
    flash(f"已将 {count} 封发送失败的重新列入待发。", "success")
    return redirect(url_for(".listing"))


def _receiver(row: OutboxRow) -> str:
    if row.channel is None:
        return f"{row.reader}（邮件）"
    return f"{row.channel} · {row.reader}" if row.reader else f"{row.channel}（群）"


def _when(row: OutboxRow) -> str:
    made = moment_text(row.made_at, today())
    if row.state in (State.PENDING, State.AMBIGUOUS):
        return f"{made} 生成，{moment_text(row.due_at, today())} 起发送"
    return f"{made} 生成"
