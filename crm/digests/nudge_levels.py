"""How often each figure fell behind anew, kept from noon to noon (REGIME 5).

A figure that recovered for three noons in a row and falls behind again is nudged again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.db import batches, insert_into
from crm.base.outbox import Message
from crm.base.value_class import value_class
from crm.digests.models import NudgeLevel
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import IN_DANGER

CALM_NOONS = 3  # REGIME 5: after so many noons in a row at neither level, nudges start anew

Key: TypeAlias = tuple[str, int]  # rule, person
Counts: TypeAlias = Mapping[Key, int]


@value_class
class NudgeState:
    """How often a figure fell behind anew, and for how many noons in a row it has not been."""

    count: int = 0
    calm_noons: int = 0
    noon_at: datetime | None = None  # None: no noon yet

    def after(self, noon_at: datetime, *, is_behind: bool) -> "NudgeState":
        """The state after that noon; the same noon twice changes nothing."""
        if self.noon_at and noon_at <= self.noon_at:
            return self
        if not is_behind:
            return NudgeState(self.count, self.calm_noons + 1, noon_at)
        is_anew = self.count == 0 or self.calm_noons >= CALM_NOONS
        return NudgeState(self.count + is_anew, 0, noon_at)


def update_levels(db: Session, judged: Sequence[PersonFigure], at: datetime) -> Counts:
    """Store the state of one period's figures at this noon; return each figure's nudge count.

    A noon that was skipped neither counts nor breaks a run. Levels of past periods are deleted.
    """
    db.execute(delete(NudgeLevel).where(NudgeLevel.last_on < civil_date(at)))
    before = _before(db, judged) if judged else {}
    states = {
        _key(found): before.get(_key(found), NudgeState()).after(
            at, is_behind=found.figure.status in IN_DANGER
        )
        for found in judged
    }
    rows = [_row(found, states[_key(found)]) for found in judged]

    for part in batches(rows):
        insert = insert_into(db, NudgeLevel).values(part)
        changed = {name: insert.excluded[name] for name in NudgeState.__dataclass_fields__}
        keys = ["rule_code", "person_id", "period"]
        db.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed))

    return {key: state.count for key, state in states.items()}


def _key(found: PersonFigure) -> Key:
    return found.figure.rule.code, found.person_id


def _before(db: Session, judged: Sequence[PersonFigure]) -> dict[Key, NudgeState]:
    """The states at the noon before; a figure nudged before levels were kept counts as once."""
    period = judged[0].figure.period.name
    kept = db.scalars(select(NudgeLevel).where(NudgeLevel.period == period))
    before = {
        (row.rule_code, row.person_id): NudgeState(row.count, row.calm_noons, row.noon_at)
        for row in kept
    }
    new = [found for found in judged if _key(found) not in before]
    return before | dict.fromkeys(_nudged(db, new, period), NudgeState(count=1))


def _nudged(db: Session, figures: Iterable[PersonFigure], period: str) -> Iterator[Key]:
    """Those of the figures with a nudge in the outbox."""
    keys = {
        f"nudge:{found.figure.rule.code}:{found.username}:{period}:{level.value}": _key(found)
        for found in figures
        for level in IN_DANGER
    }
    for part in batches(list(keys)):
        sent = select(Message.dedupe_key).where(Message.dedupe_key.in_(part))
        for key in db.scalars(sent):
            yield keys[key]


def _row(found: PersonFigure, state: NudgeState) -> dict[str, object]:
    return {
        "rule_code": found.figure.rule.code,
        "person_id": found.person_id,
        "period": found.figure.period.name,
        "last_on": found.figure.period.last,
        "count": state.count,
        "calm_noons": state.calm_noons,
        "noon_at": state.noon_at,
    }
