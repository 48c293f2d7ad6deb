"""What a zone decides about recognition: units, evidence, exclusions, dates (PROJECTS 7)."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.results.models import ClaimKindSetting, ClaimKindSpan, Exclusion
from crm.results.rules import ClaimKind, Span


@value_class
class KindRow:
    """Of a kind of claim: the recognising unit, and what stands as evidence."""

    kind: ClaimKind
    unit_id: int | None
    evidence: str


def kind_rows(db: Session) -> Mapping[ClaimKind, KindRow]:
    """The kinds of claims as the zone has set them, in their order."""
    query = select(ClaimKindSetting.kind, ClaimKindSetting.unit_id, ClaimKindSetting.evidence)
    rows = remembered_long(
        *(db, "kinds of claims"),
        read=lambda: {row.kind: KindRow(*row) for row in db.execute(query)},
    )
    return {kind: rows[kind] for kind in ClaimKind if kind in rows}


def spans(db: Session) -> Sequence[Span]:
    """From when to when facts of each kind need a recognition."""
    query = select(ClaimKindSpan.kind, ClaimKindSpan.from_on, ClaimKindSpan.to_on)
    ordered = query.order_by(ClaimKindSpan.from_on, ClaimKindSpan.id)
    return remembered_long(
        db, "spans of claims", read=lambda: tuple(Span(*row) for row in db.execute(ordered))
    )


def exclusions(db: Session) -> Sequence[str]:
    """The cases in which nothing is recognised, as they are offered."""
    query = select(Exclusion.sentence).where(Exclusion.ended_at.is_(None))
    return db.scalars(query.order_by(Exclusion.position, Exclusion.id)).all()


def all_exclusions(db: Session) -> Sequence[Exclusion]:
    """The cases, also those that are not offered any more."""
    return db.scalars(select(Exclusion).order_by(Exclusion.position, Exclusion.id)).all()


def setting_of(db: Session, kind: ClaimKind) -> ClaimKindSetting | None:
    """The row of a kind."""
    return db.scalar(select(ClaimKindSetting).where(ClaimKindSetting.kind == kind))


def open_span_of(rows: Iterable[Span], kind: ClaimKind) -> Span | None:
    """The span of the kind that has no end."""
    return next((row for row in rows if row.kind is kind and row.to_on is None), None)
