"""The spans whose speed is told, with their norms, which an admin edits (PROJECTS 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.remembered import remembered_long
from crm.base.seed_files import read_seeds
from crm.base.value_class import value_class
from crm.people.models import Person
from crm.targets.models import SpeedSpan
from crm.targets.speed import MeasuredSpan, Norm, NormUnit


@value_class
class SpanData:
    """A span as an admin sets it."""

    begin: str
    end: str
    unit: NormUnit | None = None
    least: int | None = None
    most: int | None = None
    is_used: bool = True


@cache
def shipped_spans() -> tuple[SpanData, ...]:
    """The spans of seeds/speed.yaml."""
    rows: list[Mapping[str, str | int]] = read_seeds("speed.yaml")
    return tuple(
        SpanData(**{**row, "unit": NormUnit(row["unit"]) if "unit" in row else None})  # type: ignore[arg-type] # the file has these fields
        for row in rows
    )


def span_rows(db: Session) -> Sequence[SpeedSpan]:
    """All spans, those out of use, too."""
    return db.scalars(select(SpeedSpan).order_by(SpeedSpan.id)).all()


def spans(db: Session) -> tuple[MeasuredSpan, ...]:
    """The spans in use, in the order in which they were added."""
    return remembered_long(db, "speed spans", read=lambda: _read(db))


def _read(db: Session) -> tuple[MeasuredSpan, ...]:
    rows = span_rows(db)
    # none at all: `crm init` has not been run since the table is there
    return tuple(_span(row) for row in rows or shipped_spans() if row.is_used)


def _span(row: SpeedSpan | SpanData) -> MeasuredSpan:
    return MeasuredSpan(
        row.begin, row.end, Norm(row.unit, row.most, row.least) if row.unit else None
    )


def set_span(
    db: Session, *, data: SpanData, by: Person | None, now: datetime, span_id: int = 0
) -> SpeedSpan:
    """Add a span, or change that of the id.

    Refused as `required`, `same_milestone`, `span_known`, `least_above_most`.
    """
    values = _checked(data)
    row = db.get(SpeedSpan, span_id)
    is_new = row is None
    row = row or SpeedSpan(begin=data.begin, end=data.end, is_used=True)

    try:
        with db.begin_nested():
            db.add(row)
            before, after = changes(row, values)
    except IntegrityError as error:
        raise Refused("span_known", field="end") from error

    if is_new:
        record(db, "speed_span.added", row, by=by, at=now, after=values)
    elif after:
        record(db, "speed_span.changed", row, by=by, at=now, before=before, after=after)
    return row


def _checked(data: SpanData) -> dict[str, object]:
    """The columns; a norm has a number only where it is one of days or months."""
    if data.begin == data.end:
        raise Refused("same_milestone", field="end")
    has_number = data.unit in (NormUnit.DAYS, NormUnit.MONTHS)
    if has_number and not data.most:
        raise Refused("required", field="most")
    if has_number and data.least and data.most and data.least > data.most:
        raise Refused("least_above_most", field="least")
    return asdict(data) | ({} if has_number else {"least": None, "most": None})
