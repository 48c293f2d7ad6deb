"""The weekly and monthly digests that a person received, by period."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.mailbox import messages_page, period_of
from crm.base.outbox import MessageKind, State
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.digests.kept import stored_digest
from crm.extensions import db
from crm.people.rules import Role
from crm.quotas.rules import FigureBasis
from crm.web.auth import signed_in
from crm.web.digests.comments import comment, later_comments, save
from crm.web.forms import row_id
from crm.web.reading import read_now, reason_not_mailed
from crm.web.transaction import moment

bp = Blueprint("digests", __name__)
bp.get("/digests/comment")(comment)
bp.post("/digests/comment")(save)
KINDS = (MessageKind.WEEKLY, MessageKind.MONTHLY)


@value_class
class DigestRow:
    id: int
    kind: MessageKind
    period: Period
    made_at: datetime
    basis: str  # as the subject says: the mail stays as it was sent
    is_kept_only: bool  # made late, when the next one was due already, so never mailed
    is_read: bool


@bp.get("/digests")
def listing() -> ResponseReturnValue:
    """The viewer's digests, the latest first, of both kinds or of one."""
    wanted = [kind for kind in KINDS if kind.value == request.args.get("kind")]
    before = request.args.get("before", type=row_id)
    page = messages_page(db.session, signed_in().id, kinds=wanted or KINDS, before=before)

    return render_template(
        "digests/listing.html",
        digests=_digest_rows(page.items),
        older=page.older,
        is_first=before is None,
        kinds=KINDS,
        kind=wanted[0] if wanted else None,
        can_comment=signed_in().role is Role.LEADER,
    )


@bp.get("/digests/<name>")
def show(name: str) -> ResponseReturnValue:
    """The viewer's digest of a week or month in full, as it was made; this marks it as read."""
    stored = stored_digest(db.session, signed_in(), _period(name)) or abort(404)
    message = stored.message
    # one of the time before digests were kept in full: its mail is all there is
    if stored.document is None:
        return redirect(url_for("mailbox.show", message_id=message.id))
    read_now(message)

    return render_template(
        "digests/show.html",
        document=stored.document,
        message=message,
        comments=later_comments(db.session, signed_in(), message, moment()),
        not_mailed_because=reason_not_mailed(message),
    )


def _period(name: str) -> Period:
    try:
        return Period.parse(name)
    except ValueError:
        abort(404)


def _digest_rows(rows: Iterable[Any]) -> list[DigestRow]:
    return [
        DigestRow(
            row.id,
            row.kind,
            Period.parse(period_of(row.dedupe_key)),
            row.made_at,
            _basis_in(row.subject),
            row.state is State.SKIPPED,
            row.read_at is not None,
        )
        for row in rows
    ]


def _basis_in(subject: str) -> str:
    # the figures may have settled since; the row tells what was sent
    return next(
        (basis.label for basis in FigureBasis if f"（{basis.label}" in subject),
        FigureBasis.PRELIMINARY.label,
    )
