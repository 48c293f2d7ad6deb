"""Edits change no frozen figure, they make corrections of it (REGIME 4, Closing)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache

from sqlalchemy import BindParameter, Select, bindparam, select, true
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.pending import take
from crm.base.periods import Period
from crm.people.quota_inputs import QuotaInputChanged
from crm.quotas.facts import is_listed
from crm.quotas.frozen import RULE, corrections_of
from crm.quotas.live import live_figures
from crm.quotas.locks import hold_freezes
from crm.quotas.models import Correction, FigureRecord, RuleVersion
from crm.quotas.rules import Figure, FigureResult, FigureStatus, Freeze, JudgingVersion, Rule

NOTHING_OWED = FigureResult(0, 0, FigureStatus.EXEMPT)  # who does not hold the duty any more


def apply_edits(db: Session) -> int:
    """Make the corrections that the edits of this transaction need; how many."""
    edits = take(db, QuotaInputChanged)
    if not edits:
        return 0

    db.flush()
    # a freeze under way ends first: else its figures would miss these edits
    hold_freezes(db)
    reaching = [edit for edit in edits if edit.may_reach_frozen]
    return correct(db, reaching, now=max(edit.at for edit in edits))


def correct(db: Session, edits: Sequence[QuotaInputChanged], *, now: datetime) -> int:
    """Add a correction to each frozen figure that the facts now contradict; how many.

    The figures are held until the transaction ends, so that of two edits at once the second
    goes on from what the first made of them.
    """
    causes = _causes(db, edits)
    if not causes:
        return 0

    records = [record for record, _ in causes]
    before = {record.id: _as_frozen(record) for record in records}
    before |= {made.figure_id: _as_corrected(made) for made in corrections_of(db, before)}
    after = _results(db, records, now)
    made = [
        _correction(edit, record.id, before[record.id], after[record.id], now)
        for record, edit in causes
        if after[record.id] != before[record.id]
    ]
    db.add_all(made)

    return len(made)


def _causes(
    db: Session, edits: Sequence[QuotaInputChanged]
) -> list[tuple[FigureRecord, QuotaInputChanged]]:
    """The frozen figures that the edits concern, each with the last edit that does."""
    if not edits:
        return []

    people = _people(edits)
    listed = is_listed(people)
    values: dict[str, object] = {
        "first": min(edit.first_on for edit in edits),
        "last": max(edit.last_on for edit in edits),
        "people": people if listed else [],
    }
    ids = db.scalars(_frozen_ids(listed=listed), values).all()
    if not ids:  # as for most visits that are logged
        return []
    records = [row for part in batches(ids) for row in db.scalars(_OF_IDS, {"ids": part})]

    by_person = _by_person(edits)
    found = []

    for record in records:
        last = max(
            (
                number
                for number in (*by_person[record.person_id], *by_person[None])
                if edits[number].concerns(record.person_id, record.first_on, record.last_on)
            ),
            default=None,
        )
        if last is not None:
            found.append((record, edits[last]))

    return found


# Put together once, as others wait for the lock under which it is run; of the table, as a session
# works less for it than for the class.
@cache
def _frozen_ids(*, listed: bool) -> Select[int]:
    """The frozen figures of the dates, of a few people or of everybody; they are held."""
    among: BindParameter[list[int]] = bindparam("people", expanding=True)
    figure = FigureRecord.__table__.c
    return (
        select(figure.id)
        .where(
            figure.frozen_at.is_not(None),
            figure.first_on <= bindparam("last"),
            figure.last_on >= bindparam("first"),
            figure.person_id.in_(among) if listed else true(),
        )
        .order_by(figure.id)
        .with_for_update()
    )


_OF_IDS = (
    select(FigureRecord)
    .where(FigureRecord.id.in_(bindparam("ids", expanding=True)))
    .order_by(FigureRecord.id)
    .execution_options(populate_existing=True)
)


def _by_person(edits: Sequence[QuotaInputChanged]) -> defaultdict[int | None, list[int]]:
    """The numbers of the edits that concern each person, and under None of those for everybody."""
    found: defaultdict[int | None, list[int]] = defaultdict(list)
    for number, edit in enumerate(edits):
        for person_id in (None,) if edit.person_ids is None else edit.person_ids:
            found[person_id].append(number)
    return found


def _people(edits: Iterable[QuotaInputChanged]) -> set[int] | None:
    """Everybody whom the edits concern; None means everyone."""
    people: set[int] = set()
    for edit in edits:
        if edit.person_ids is None:
            return None
        people |= edit.person_ids
    return people


def _results(
    db: Session, records: Iterable[FigureRecord], now: datetime
) -> dict[int, FigureResult]:
    """What the facts make of each now, by the versions of the rules that judged the periods."""
    # figures that are judged alike are judged together
    alike: defaultdict[tuple[str, int, Freeze], dict[int, int]] = defaultdict(dict)
    for record in records:
        alike[record.period, record.rule_id, _freeze(record)][record.person_id] = record.id

    rules = _rules(db, {rule_id for _, rule_id, _ in alike})
    results: dict[int, FigureResult] = {}

    for (name, rule_id, freeze), ids in alike.items():
        found = live_figures(
            db,
            period=Period.parse(name),
            as_of=now,
            rules=[rules[rule_id]],
            person_ids=ids,
            freeze=freeze,
        )
        # first for all: whoever has no figure any more owes nothing
        results |= dict.fromkeys(ids.values(), NOTHING_OWED)
        results |= {ids[judged.person_id]: _result(judged.figure) for judged in found}

    return results


def _freeze(record: FigureRecord) -> Freeze:
    """When and how it was frozen; the record must be frozen."""
    assert record.frozen_at is not None  # noqa: S101 - `_causes` reads no others
    return Freeze(record.frozen_at, JudgingVersion(record.judged_by))


def _rules(db: Session, rule_ids: Collection[int]) -> dict[int, Rule]:
    query = select(RuleVersion.id, *RULE).where(RuleVersion.id.in_(rule_ids))
    return {row[0]: Rule(*row[1:]) for row in db.execute(query)}


def _result(figure: Figure) -> FigureResult:
    return FigureResult(figure.required, figure.achieved, figure.status)


def _as_frozen(record: FigureRecord) -> FigureResult:
    required, achieved, status = (
        getattr(record, f"frozen_{field.name}") for field in fields(FigureResult)
    )
    return FigureResult(required, achieved, status)


def _as_corrected(made: Correction) -> FigureResult:
    return FigureResult(made.to_required, made.to_achieved, made.to_status)


def _correction(
    edit: QuotaInputChanged,
    figure_id: int,
    before: FigureResult,
    after: FigureResult,
    now: datetime,
) -> Correction:
    return Correction(
        figure_id=figure_id,
        made_at=now,
        made_by_id=edit.by_id,
        why=edit.description,
        reason=edit.reason,
        **{f"from_{field.name}": getattr(before, field.name) for field in fields(FigureResult)},
        **{f"to_{field.name}": getattr(after, field.name) for field in fields(FigureResult)},
    )
