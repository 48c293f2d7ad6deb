"""Changing what a zone decides about recognition, by an admin (PROJECTS 7)."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.people.models import Person, Unit
from crm.people.rules import SYSTEM
from crm.results.models import ClaimKindSetting, ClaimKindSpan, Exclusion


def change_kind(  # noqa: PLR0913 - a kind has that many parts
    db: Session,
    *,
    setting: ClaimKindSetting,
    unit_id: int,
    evidence: str,
    by: Person,
    now: datetime,
) -> None:
    """Set who recognises a kind, and on what evidence; refused as `no_such_unit`."""
    _require_admin(by)
    if db.get(Unit, unit_id) is None:
        raise Refused("no_such_unit", field="unit_id")

    before, after = changes(setting, {"unit_id": unit_id, "evidence": evidence.strip()})
    if after:
        record(db, "claim_kind.changed", setting, by=by, at=now, before=before, after=after)


def switch_kind(  # noqa: PLR0913 - a switch has that many parts
    db: Session,
    *,
    setting: ClaimKindSetting,
    is_on: bool,
    from_on: date,
    by: Person,
    now: datetime,
) -> None:
    """Let facts of a kind need a recognition from that date on, or not any more.

    Refused as `switches_the_past`: no figure of the past moves.
    """
    _require_admin(by)
    span = open_span(db, setting)
    if is_on is (span is not None):
        return
    if from_on < civil_date(now):
        raise Refused("switches_the_past", field="from_on")

    if span is None:
        db.add(ClaimKindSpan(kind=setting.kind, from_on=from_on, to_on=None))
    elif span.from_on >= from_on:  # never begun
        db.delete(span)
    else:
        span.to_on = from_on - DAY

    action = "claim_kind.switched_on" if is_on else "claim_kind.switched_off"
    record(db, action, setting, by=by, at=now, after={"kind": setting.kind, "from_on": from_on})


def open_span(db: Session, setting: ClaimKindSetting) -> ClaimKindSpan | None:
    """The span of the kind that has no end yet."""
    query = select(ClaimKindSpan).where(
        ClaimKindSpan.kind == setting.kind, ClaimKindSpan.to_on.is_(None)
    )
    return db.scalar(query.with_for_update())


def keep_exclusion(  # noqa: PLR0913 - a case has that many parts
    db: Session,
    *,
    exclusion: Exclusion | None,
    sentence: str,
    is_offered: bool,
    by: Person,
    now: datetime,
) -> Exclusion:
    """Add a case in which nothing is recognised, or change it; earlier decisions keep their words.

    Refused as `required` and `known_exclusion`.
    """
    _require_admin(by)
    words = sentence.strip()
    if not words:
        raise Refused("required", field="sentence")
    same = db.scalar(select(Exclusion).where(Exclusion.sentence == words))
    if same is not None and same is not exclusion:
        raise Refused("known_exclusion", field="sentence")

    if exclusion is None:
        places = db.scalars(select(Exclusion.position)).all()
        exclusion = Exclusion(sentence=words, position=max(places, default=0) + 1, ended_at=None)
        db.add(exclusion)
        record(db, "claim_exclusion.added", exclusion, by=by, at=now, after={"sentence": words})
        return exclusion

    ended_at = None if is_offered else exclusion.ended_at or now
    before, after = changes(exclusion, {"sentence": words, "ended_at": ended_at})
    if after:
        record(db, "claim_exclusion.changed", exclusion, by=by, at=now, before=before, after=after)
    return exclusion


def _require_admin(by: Person) -> None:
    if by.role not in SYSTEM:
        raise Refused("not_yours")
