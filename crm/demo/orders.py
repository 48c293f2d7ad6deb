"""The scenario's supervision orders, each step through its service at its own moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.demo.events import OrderEvent, ScheduledCall, StepEvent
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import OrderRow
from crm.leads.models import Lead
from crm.people.models import Person, Unit
from crm.supervision import drafting, service
from crm.supervision.models import Order

FIRST = time(9)  # when the draft is made; the steps follow by the hour


def order_event(row: OrderRow, dates: RelativeDates) -> OrderEvent:
    """An order with the moments of its steps, an hour apart."""
    steps = tuple(
        StepEvent(
            step,
            at_civil(dates.workday_until(dates.read(step.day)), FIRST) + n * timedelta(hours=1),
            None if step.to is None else dates.read(step.to),
        )
        for n, step in enumerate(row.steps, start=1)
    )
    return OrderEvent(row, steps)


@dataclass
class OrderWriter:
    """Writes one order with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    units: Mapping[str, Unit]
    leads: Mapping[str, Lead]
    event: OrderEvent
    order: Order | None = None

    def calls(self) -> Iterator[ScheduledCall]:
        """The draft, then each step."""
        yield self.event.steps[0].at - timedelta(hours=1), self._draft
        for step in self.event.steps:
            yield step.at, partial(self._take, step)

    def _draft(self, now: datetime) -> None:
        row, officer = self.event.row, self.people[self.event.row.officer]
        data = drafting.OrderData(
            kind=row.kind,
            origin=row.origin,
            about=row.about,
            matter=row.matter,
            demand=row.demand,
            unit_id=self.units[row.unit].id,
            unit_ids=[self.units[code].id for code in row.units],
            person_id=self.people[row.person].id if row.person else None,
            lead_id=self.leads[row.lead].id if row.lead else None,
            officer_id=officer.id,
        )

        self.order = drafting.draft_order(self.db, data=data, by=officer, now=now)

    def _take(self, event: StepEvent, now: datetime) -> None:
        assert self.order is not None  # noqa: S101 - it was drafted an hour before
        service.take_step(
            self.db,
            order=self.order,
            step=event.row.step,
            by=self.people[event.row.by],
            now=now,
            text=event.row.text,
            new_due_on=event.to_on,
        )
