"""At which level of nudges each person stood at the last noon, so that a recovery is known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.db import batches, insert_into
from crm.base.outbox import Message
from crm.digests.models import NudgeLevel
from crm.digests.rules import NUDGED
from crm.quotas.queries import PersonFigure

CALM_NOONS = 3  # REGIME 5: after so many noons running at neither level one is nudged again

Key: TypeAlias = tuple[str, int]  # rule, person
Counts: TypeAlias = Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class NudgeState:
    """How often a figure came to a level anew, and how many noons running it has been at none."""

    count: int = 0
    calm_noons: int = 0
    noon_at: datetime | None = None  # none: at no noon yet

    def after(self, noon_at: datetime, *, is_behind: bool) -> "NudgeState":
        """How it stands after that noon; the same one twice changes nothing."""
        if self.noon_at and noon_at <= self.noon_at:
            return self
        if not is_behind:
            return NudgeState(self.count, self.calm_noons + 1, noon_at)
        is_anew = self.count == 0 or self.calm_noons >= CALM_NOONS
        return NudgeState(self.count + is_anew, 0, noon_at)


def keep_levels(db: Session, judged: Sequence[PersonFigure], at: datetime) -> Counts:
    """Note how the figures of one period stand at this noon; by figure, the count of its nudges.

    A noon that was skipped is none: it neither counts nor breaks a run. Periods that are over
    need no level any more.
    """
    db.execute(delete(NudgeLevel).where(NudgeLevel.last_on < civil_date(at)))
    before = _before(db, judged) if judged else {}
    states = {
        _key(one): before.get(_key(one), NudgeState()).after(
            at, is_behind=one.figure.status in NUDGED
        )
        for one in judged
    }
    rows = [_row(one, states[_key(one)]) for one in judged]

    for part in batches(rows):
        insert = insert_into(db, NudgeLevel).values(part)
        changed = {name: insert.excluded[name] for name in NudgeState.__dataclass_fields__}
        keys = ["rule_code", "person_id", "period"]
        db.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed))

    return {key: state.count for key, state in states.items()}


def _key(one: PersonFigure) -> Key:
    return one.figure.rule.code, one.person_id


def _before(db: Session, judged: Sequence[PersonFigure]) -> dict[Key, NudgeState]:
    """How they stood at the noon before; who was nudged before levels were kept, once."""
    period = judged[0].figure.period.name
    kept = db.scalars(select(NudgeLevel).where(NudgeLevel.period == period))
    before = {
        (row.rule_code, row.person_id): NudgeState(row.count, row.calm_noons, row.noon_at)
        for row in kept
    }
    new = [one for one in judged if _key(one) not in before]
    return before | dict.fromkeys(_nudged(db, new, period), NudgeState(count=1))


def _nudged(db: Session, figures: Iterable[PersonFigure], period: str) -> Iterator[Key]:
    """Of these figures those of which a nudge lies in the outbox."""
    keys = {
        f"nudge:{one.figure.rule.code}:{one.username}:{period}:{level.value}": _key(one)
        for one in figures
        for level in NUDGED
    }
    for part in batches(list(keys)):
        some = Message.dedupe_key.in_(part)
        for key in db.scalars(select(Message.dedupe_key).where(some)):
            yield keys[key]


def _row(one: PersonFigure, state: NudgeState) -> dict[str, object]:
    return {
        "rule_code": one.figure.rule.code,
        "person_id": one.person_id,
        "period": one.figure.period.name,
        "last_on": one.figure.period.last,
        "count": state.count,
        "calm_noons": state.calm_noons,
        "noon_at": state.noon_at,
    }
