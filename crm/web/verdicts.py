"""The visits that wait for a verdict of whoever looks at the board (REGIME 3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import clock, spoken
from crm.people.queries import Viewer
from crm.quotas.verdicts import to_judge as to_judge
from crm.visits.models import Visit
from crm.visits.scope import judgeable
from crm.visits.seen import shown
from crm.web.visit_lines import VisitLine, line


@dataclass(frozen=True, slots=True)
class Late:
    """A visit that was logged late and counts only once it is confirmed."""

    line: VisitLine
    why: str


def late_ones(db: Session, viewer: Viewer, visits: list[Visit], now: datetime) -> list[Late]:
    """These visits, as the viewer may see them, with how late they were logged."""
    on = clock.civil_date(now)
    return [
        Late(line(seen, now), _how_late(seen.last_on, seen.logged_at, on))
        for seen in shown(db, viewer, visits, on)
    ]


def judged_by(db: Session, viewer: Viewer, visit_ids: Collection[int]) -> frozenset[int]:
    """Which of the visits the viewer may confirm or reject."""
    query = select(Visit.id).where(Visit.id.in_(visit_ids), judgeable(viewer))
    return frozenset(db.scalars(query))


def _how_late(last_on: date, logged_at: datetime | None, today: date) -> str:
    logged_on = clock.civil_date(logged_at) if logged_at else last_on
    return f"结束 {(logged_on - last_on).days} 天后登记（{spoken.dated(logged_on, today)}）"
