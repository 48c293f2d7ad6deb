"""The scenario's targets, set by an admin through the service."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from functools import partial

from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.base.money import WAN
from crm.demo.events import ScheduledCall, TargetEvent
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import TargetRow
from crm.people.models import Person, Unit
from crm.targets.rules import TargetMeasure
from crm.targets.service import TargetInput, set_target

SET_DAYS = -150  # before DATE, before anything of the year is judged by them
SET = time(9, 15)


def target_event(row: TargetRow, dates: RelativeDates) -> TargetEvent:
    """A target of the date's year."""
    return TargetEvent(row, dates.on.year, at_civil(dates.read(SET_DAYS), SET))


@dataclass
class TargetWriter:
    """Writes targets with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    units: Mapping[str, Unit]
    admin: str

    def calls(self, event: TargetEvent) -> Iterator[ScheduledCall]:
        """The target at its moment."""
        yield event.at, partial(self._set, event)

    def _set(self, event: TargetEvent, now: datetime) -> None:
        row = event.row
        counted = row.wan is None
        values = TargetInput(
            year=event.year,
            unit_id=self.units[row.unit].id,
            metric=row.metric,
            tier=row.tier,
            measure=TargetMeasure.COUNT if counted else TargetMeasure.AMOUNT,
            value=Decimal(row.count or 0) if row.wan is None else row.wan * WAN,
            currency=row.currency,
        )
        set_target(self.db, values=values, by=self.people[self.admin], now=now)
