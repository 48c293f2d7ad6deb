"""Recognition as shipped, from seeds/results.yaml: what a zone begins with (PROJECTS 7)."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.seed_files import read_seeds
from crm.people.models import Unit
from crm.results.models import ClaimKindSetting, ClaimKindSpan, Exclusion
from crm.results.rules import ClaimKind


def plant(db: Session, *, from_on: date, now: datetime) -> int:
    """Add the kinds where there are none; how many.

    From that date on facts need a recognition, so that no figure of the past moves.
    """
    if db.scalar(select(ClaimKindSetting.id).limit(1)) is not None:
        return 0

    shipped = read_seeds("results.yaml")
    units = dict(db.execute(select(Unit.code, Unit.id)).all())
    for row in shipped["kinds"]:
        kind = ClaimKind(row["kind"])
        setting = ClaimKindSetting(
            kind=kind, unit_id=units.get(row["unit"]), evidence=row["evidence"]
        )
        db.add(setting)
        if row["is_on"]:
            db.add(ClaimKindSpan(kind=kind, from_on=from_on, to_on=None))
        after: dict[str, object] = {
            "kind": kind,
            "unit_id": setting.unit_id,
            "evidence": setting.evidence,
        }
        after["from_on"] = from_on if row["is_on"] else None
        record(db, "claim_kind.added", setting, by=None, at=now, after=after)

    for place, sentence in enumerate(shipped["exclusions"], start=1):
        exclusion = Exclusion(sentence=sentence, position=place)
        db.add(exclusion)
        after = {"sentence": sentence}
        record(db, "claim_exclusion.added", exclusion, by=None, at=now, after=after)
    db.flush()
    return len(shipped["kinds"])
