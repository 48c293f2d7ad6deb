"""Edits of what is frozen: they change no figure, they make corrections (REGIME 4, Closing)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.quotas.frozen import RULE, corrections_of
from crm.quotas.models import Correction, FigureRecord, RuleVersion
from crm.quotas.queries import live_figures
from crm.quotas.rules import Figure, FigureStatus, Freeze, Rule, Way


@dataclass(frozen=True, slots=True)
class Touch:
    """That an edit may have changed a person's figures of the periods that hold these dates."""

    person_id: int
    first: date
    last: date
    by_id: int | None
    why: str
    entry_id: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a figure comes to."""

    required: int
    achieved: int
    status: FigureStatus


NOTHING_OWED = Result(0, 0, FigureStatus.EXEMPT)  # who does not hold the duty any more


def correct(db: Session, touches: Sequence[Touch], *, now: datetime) -> int:
    """Add a correction to each frozen figure that the facts now contradict; how many.

    The figures are held until the transaction ends, so that of two edits at once the second
    goes on from what the first made of them.
    """
    causes = _causes(db, touches)
    records = [record for record, _ in causes]
    before = {record.id: _as_frozen(record) for record in records}
    before |= {each.figure_id: _as_corrected(each) for each in corrections_of(db, before)}
    after = _results(db, records, now)
    made = [
        _correction(touch, record.id, before[record.id], after[record.id], now)
        for record, touch in causes
        if after[record.id] != before[record.id]
    ]
    db.add_all(made)

    return len(made)


def _causes(db: Session, touches: Sequence[Touch]) -> list[tuple[FigureRecord, Touch]]:
    """The frozen figures that are touched, each with the last edit that does."""
    if not touches:
        return []

    query = (
        select(FigureRecord)
        .where(
            FigureRecord.frozen_at.is_not(None),
            FigureRecord.person_id.in_({touch.person_id for touch in touches}),
            FigureRecord.first_on <= max(touch.last for touch in touches),
            FigureRecord.last_on >= min(touch.first for touch in touches),
        )
        .order_by(FigureRecord.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    by_person: defaultdict[int, list[Touch]] = defaultdict(list)
    for touch in touches:
        by_person[touch.person_id].append(touch)

    found = []

    for record in db.scalars(query).all():
        touching = [
            touch
            for touch in by_person[record.person_id]
            if touch.first <= record.last_on and touch.last >= record.first_on
        ]
        if touching:
            found.append((record, touching[-1]))

    return found


def _results(db: Session, records: Iterable[FigureRecord], now: datetime) -> dict[int, Result]:
    """What the facts make of each now, by the versions of the rules that judged the periods."""
    alike: defaultdict[tuple[str, int, Freeze], dict[int, int]] = defaultdict(dict)
    for record in records:
        alike[record.period, record.rule_id, _freeze(record)][record.person_id] = record.id

    rules = _rules(db, {rule_id for _, rule_id, _ in alike})
    results: dict[int, Result] = {}

    for (name, rule_id, freeze), ids in alike.items():
        found = live_figures(
            db,
            period=Period.parse(name),
            as_of=now,
            rules=[rules[rule_id]],
            person_ids=ids,
            freeze=freeze,
        )
        results |= dict.fromkeys(ids.values(), NOTHING_OWED)
        results |= {ids[each.person_id]: _result(each.figure) for each in found}

    return results


def _freeze(record: FigureRecord) -> Freeze:
    """When and how it was frozen; only frozen figures are asked for."""
    assert record.frozen_at is not None  # noqa: S101 - `_causes` reads no others
    return Freeze(record.frozen_at, Way(record.judged_by))


def _rules(db: Session, rule_ids: Collection[int]) -> dict[int, Rule]:
    query = select(RuleVersion.id, *RULE).where(RuleVersion.id.in_(rule_ids))
    return {row[0]: Rule(*row[1:]) for row in db.execute(query)}


def _result(figure: Figure) -> Result:
    return Result(figure.required, figure.achieved, figure.status)


def _as_frozen(record: FigureRecord) -> Result:
    required, achieved, status = (getattr(record, f"frozen_{each.name}") for each in fields(Result))
    return Result(required, achieved, status)


def _as_corrected(made: Correction) -> Result:
    return Result(made.to_required, made.to_achieved, made.to_status)


def _correction(
    touch: Touch, figure_id: int, before: Result, after: Result, now: datetime
) -> Correction:
    return Correction(
        figure_id=figure_id,
        entry_id=touch.entry_id,
        made_at=now,
        made_by_id=touch.by_id,
        why=touch.why,
        **{f"from_{each.name}": getattr(before, each.name) for each in fields(Result)},
        **{f"to_{each.name}": getattr(after, each.name) for each in fields(Result)},
    )
