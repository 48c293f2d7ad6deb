"""What happens to figures: assessed at the period's end, then frozen (REGIME 4, Closing)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.db import batches, insert_into
from crm.base.errors import Refused
from crm.base.periods import Period
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.quota_inputs import Edit, QuotaInputChanged
from crm.quotas.corrections import correct
from crm.quotas.facts import PersonFigure
from crm.quotas.frozen import NUMBERS, explanation_json, seen_corrections
from crm.quotas.live import explained_live_figures
from crm.quotas.locks import hold_edits, hold_freezes
from crm.quotas.models import Correction, FigureRecord, RuleVersion
from crm.quotas.permissions import figure_scope
from crm.quotas.queries import rules_for
from crm.quotas.rules import JudgingVersion


class Stage(StrEnum):
    """How far the closing of a figure has come."""

    ASSESSED = "assessed"
    FROZEN = "frozen"


def assess_period(db: Session, *, period: Period, at: datetime) -> Mapping[str, int]:
    """Keep everybody's figures as they stand at the period's end; a second time changes nothing."""
    hold_freezes(db)  # what changes a rule holds the same lock
    assessed = _keep(db, _live(db, period, at), Stage.ASSESSED, at)
    return {"assessed": assessed} if assessed else {}


def freeze_period(db: Session, *, period: Period, at: datetime, now: datetime) -> Mapping[str, int]:
    """Freeze everybody's figures as of `at`; what is frozen stays as it is.

    Done late, at `now`: what was edited in between makes corrections, as after any freeze.
    """
    hold_edits(db)
    frozen = _keep(db, _live(db, period, at), Stage.FROZEN, at)
    made = {"frozen": frozen} if frozen else {}
    if frozen:
        _record_freeze(db, period, at)

    if now > at and frozen:
        # everybody: what was edited in between is not known any more
        people = db.scalars(
            select(FigureRecord.person_id).where(FigureRecord.period == period.name).distinct()
        )
        edit = QuotaInputChanged(
            person_ids=frozenset(people),
            first_on=period.first,
            last_on=period.last,
            edit=Edit.EDITED_BEFORE_FREEZE_RAN,
            by_id=None,
            at=now,
        )
        corrected = correct(db, [edit], now=now)
        made |= {"corrections": corrected} if corrected else {}

    return made


def sign_correction(
    db: Session, *, correction: Correction, by: Person, now: datetime
) -> Correction:
    """Sign a correction; refused as `not_yours`, `own_correction`, `already_signed`."""
    db.refresh(correction, with_for_update=True)
    record_of = db.get_one(FigureRecord, correction.figure_id)
    me = viewer(db, by, civil_date(now))
    seen = select(Correction.id).join(FigureRecord, FigureRecord.id == Correction.figure_id)
    seen = seen.where(seen_corrections(figure_scope(db, me, civil_date(now))))
    if not me.judges or db.scalar(seen.where(Correction.id == correction.id)) is None:
        raise Refused("not_yours")
    if by.id in (correction.made_by_id, record_of.person_id):
        raise Refused("own_correction")
    if correction.signed_at is not None:
        raise Refused("already_signed")

    correction.signed_at, correction.signed_by_id = now, by.id
    record(db, "correction.signed", correction, by=by, at=now)

    return correction


def explain_correction(
    db: Session, *, correction: Correction, why: str, by: Person, now: datetime
) -> Correction:
    """Let the author say why; refused as `not_yours`, `already_signed`, `required`."""
    return _explain(db, correction, why.strip(), why.strip(), by=by, now=now)


def add_reason(
    db: Session, *, correction: Correction, reason: str, by: Person, now: datetime
) -> Correction:
    """Let the author add the reason to what was done; refused as `explain_correction` is."""
    return _explain(db, correction, f"{correction.why}（{reason}）", reason, by=by, now=now)


def _explain(  # noqa: PLR0913 - an explanation has that many parts
    db: Session, correction: Correction, why: str, reason: str, *, by: Person, now: datetime
) -> Correction:
    db.refresh(correction, with_for_update=True)
    if correction.made_by_id != by.id:
        raise Refused("not_yours")
    if correction.signed_at is not None:
        raise Refused("already_signed")
    if not reason:
        raise Refused("required", field="why")

    # the entry keeps the text before: the author may word it anew until it is signed
    before, after = changes(correction, {"why": why})
    correction.reason = reason
    record(db, "correction.explained", correction, by=by, at=now, before=before, after=after)

    return correction


def _record_freeze(db: Session, period: Period, at: datetime) -> None:
    """Write the freeze into the audit trail, for each rule that judged the period."""
    # remembered figures rest on this, too: the trail's head moves with all that they depend on
    judged = select(FigureRecord.rule_id).where(FigureRecord.period == period.name)
    for version in db.scalars(select(RuleVersion).where(RuleVersion.id.in_(judged))).all():
        record(db, "period.frozen", version, by=None, at=at, after={"frozen_period": period.name})


def _keep(db: Session, found: Sequence[PersonFigure], stage: Stage, at: datetime) -> int:
    """Write the figures down as of that stage, where nothing of it stands yet; how many."""
    versions = {
        (row.code, row.valid_from): row.id
        for row in db.execute(select(RuleVersion.id, RuleVersion.code, RuleVersion.valid_from))
    }
    rows = [_row(judged, versions, stage, at) for judged in found]
    return sum(_keep_some(db, part, stage) for part in batches(rows))


def _keep_some(db: Session, rows: Sequence[dict[str, object]], stage: Stage) -> int:
    insert = insert_into(db, FigureRecord).values(rows)
    of_stage = [name for name in rows[0] if name.startswith(f"{stage}_")]
    # assessed late, after the freeze, it leaves what the freeze wrote
    renewed = (
        [*of_stage, "judged_by", "explanation", "rule_id", "unit_id"]
        if stage is Stage.FROZEN
        else of_stage
    )
    kept = insert.on_conflict_do_update(
        index_elements=["rule_code", "person_id", "period"],
        set_={name: insert.excluded[name] for name in renewed},
        # what stands already stays: a second run changes nothing
        where=getattr(FigureRecord, f"{stage}_at").is_(None),
    )

    return len(db.scalars(kept.returning(FigureRecord.id)).all())


def _row(
    judged: PersonFigure, versions: Mapping[tuple[str, date], int], stage: Stage, at: datetime
) -> dict[str, object]:
    figure = judged.figure

    return {
        "rule_id": versions[figure.rule.code, figure.rule.valid_from],
        "rule_code": figure.rule.code,
        "person_id": judged.person_id,
        "period": figure.period.name,
        "first_on": figure.period.first,
        "last_on": figure.period.last,
        "unit_id": judged.unit_id,
        "judged_by": JudgingVersion.ENDED_STAYS.value,
        "explanation": explanation_json(figure),
        f"{stage}_at": at,
        **{f"{stage}_{name}": getattr(figure, name) for name in NUMBERS},
    }


def _live(db: Session, period: Period, at: datetime) -> list[PersonFigure]:
    return explained_live_figures(db, period=period, as_of=at, rules=rules_for(db, period))
