"""The supervision orders of the zone's story: each step through its service, at its moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.demo.dates import Days
from crm.demo.files import OrderRow
from crm.demo.values import Happening, OrderTold, StepTold
from crm.leads.models import Lead
from crm.people.models import Person, Unit
from crm.supervision import drafting, service
from crm.supervision.models import Order
from crm.supervision.rules import Step

FIRST = time(9)


def tell_order(row: OrderRow, when: Days) -> OrderTold:
    """An order with the moments of its steps, each an hour later in its day than the one before."""
    steps = tuple(
        StepTold(
            step,
            at_civil(when.workday_until(when.read(step.day)), FIRST) + n * timedelta(hours=1),
            None if step.to is None else when.read(step.to),
        )
        for n, step in enumerate(row.steps, start=1)
    )
    return OrderTold(row, steps)


@dataclass
class OrderWriter:
    """Writes an order down, with those whom the chronicle knows by then."""

    db: Session
    people: Mapping[str, Person]
    units: Mapping[str, Unit]
    leads: Mapping[str, Lead]
    told: OrderTold
    order: Order | None = None

    def happenings(self) -> Iterator[Happening]:
        """The draft, then the steps."""
        yield self.told.steps[0].at - timedelta(hours=1), self._draft
        for step in self.told.steps:
            yield step.at, partial(self._take, step)

    def _draft(self, now: datetime) -> None:
        row, officer = self.told.row, self.people[self.told.row.officer]
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

    def _take(self, told: StepTold, now: datetime) -> None:
        assert self.order is not None  # noqa: S101 - it was drafted an hour before
        row, order, by = told.row, self.order, self.people[told.row.by]

        match row.step:
            case Step.ISSUE:
                service.issue_order(self.db, order=order, by=by, now=now)
            case Step.RECEIVE:
                service.receive_order(self.db, order=order, by=by, now=now)
            case Step.PROGRESS:
                service.add_progress(self.db, order=order, text=row.text, by=by, now=now)
            case Step.ANSWER:
                service.answer_order(self.db, order=order, text=row.text, by=by, now=now)
            case Step.ACCEPT:
                service.accept_order(self.db, order=order, basis=row.text, by=by, now=now)
            case Step.EXTEND if told.to_on:
                service.ask_extension(
                    *(self.db,),
                    order=order,
                    new_due_on=told.to_on,
                    reason=row.text,
                    by=by,
                    now=now,
                )
            case _:
                raise ValueError(row.step)
