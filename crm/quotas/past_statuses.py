"""How each figure ended in the periods before: what a row of the board shows as six marks."""

from collections.abc import Mapping
from typing import TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.base.remembered import remembered_long
from crm.quotas.models import Correction, FigureRecord
from crm.quotas.rules import FigureStatus

PERIODS = 6

Statuses: TypeAlias = tuple[FigureStatus | None, ...]  # by period; none: nothing was assessed
PastStatuses: TypeAlias = Mapping[tuple[str, int], Statuses]  # by rule code and person


def periods_before(period: Period) -> list[Period]:
    """The last six periods before this one, in order."""
    found = [period.before]
    while len(found) < PERIODS:
        found.append(found[-1].before)
    return found[::-1]


def past_statuses(db: Session, period: Period) -> PastStatuses:
    """The statuses of the last six periods, in order, as frozen or else as assessed.

    A signed correction stands in place of the frozen status. Nothing is judged for it.
    """
    return remembered_long(db, "past statuses", period, read=lambda: _read(db, period))


def _read(db: Session, period: Period) -> dict[tuple[str, int], Statuses]:
    places = {past.name: place for place, past in enumerate(periods_before(period))}
    signed = (Correction.figure_id == FigureRecord.id) & Correction.signed_at.is_not(None)
    query = (
        select(
            *(FigureRecord.rule_code, FigureRecord.person_id, FigureRecord.period),
            func.coalesce(
                Correction.to_status, FigureRecord.frozen_status, FigureRecord.assessed_status
            ),
        )
        .outerjoin(Correction, signed)
        .where(FigureRecord.period.in_(places))
        .order_by(Correction.id)  # of several corrections the last stands
    )
    found: dict[tuple[str, int], list[FigureStatus | None]] = {}

    for code, person_id, name, status in db.execute(query):
        statuses = found.setdefault((code, person_id), [None] * PERIODS)
        statuses[places[name]] = status

    return {key: tuple(statuses) for key, statuses in found.items()}
