"""The button 撤销 beside the message of a step, while nothing has been built on that step."""

from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any

from flask import current_app, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import TypeAdapter

from crm.base.errors import Refused
from crm.extensions import db
from crm.quotas.frozen import frozen_periods
from crm.visits.models import Visit
from crm.visits.rules import Status
from crm.visits.taking_back import UNDO_WITHIN, Unrecorded, undoable_entry_id
from crm.web.auth import signed_in
from crm.web.notices import Undo
from crm.web.transaction import moment

_unrecorded = TypeAdapter(Unrecorded)


def undo_offer(visit: Visit, was: Unrecorded, dates: Collection[date]) -> Undo | None:
    """The way back from the step that was just made; none where a freeze has used the visit."""
    if is_frozen({visit.leader_id, *was.late_by}, dates):
        return None
    return undo_of_step(visit, was, dates)


def undo_of_step(visit: Visit, was: Unrecorded, dates: Collection[date]) -> Undo | None:
    """The same of a visit that no freeze has used."""
    row = f"v{visit.id}"
    if visit.status is Status.CANCELLED:
        return Undo(url_for("visits.restore", visit_id=visit.id), {}, row)

    entry_id = undoable_entry_id(db.session, visit, by=signed_in(), now=moment())
    if entry_id is None:
        return None
    values = _unrecorded.dump_python(was, mode="json")
    days = min(dates).isoformat(), max(dates).isoformat()
    token = _signer(current_app.config["SECRET_KEY"]).dumps([visit.id, entry_id, values, *days])
    return Undo(url_for("visits.undo", visit_id=visit.id), {"step": str(token)}, row)


def is_frozen(people: Collection[int], dates: Collection[date]) -> bool:
    """Whether a figure of one of the people is frozen for one of the dates."""
    return bool(frozen_periods(db.session, people, min(dates), max(dates)))


def offered_step(visit: Visit | None) -> tuple[int, Unrecorded]:
    """The entry and what it does not name, as offered; refused as `not_undoable`.

    So it is, too, where the visit is no longer the person's to see.
    """
    signed = _signed_step()
    if visit is None or signed is None:
        raise Refused("not_undoable")
    offered_id, entry_id, values, *days = signed
    was = _unrecorded.validate_python(values)
    # a freeze may have come since, also of the dates that come back
    if offered_id != visit.id or is_frozen(
        {visit.leader_id, *was.late_by}, [*map(date.fromisoformat, days)]
    ):
        raise Refused("not_undoable")
    return entry_id, was


def was_offered(visit_id: int) -> bool:
    """Whether the request names a step of that visit whose undoing was offered."""
    signed = _signed_step()
    return signed is not None and signed[0] == visit_id


def _signed_step() -> list[Any] | None:
    try:
        signer = _signer(current_app.config["SECRET_KEY"])
        found = signer.loads(request.form.get("step", ""), max_age=UNDO_WITHIN.seconds)
    except BadSignature:
        return None
    return list(found)


@cache
def _signer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="undo-step-of-visit")
