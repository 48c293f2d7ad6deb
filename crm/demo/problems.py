"""The scenario's problems, each step through its service at its own moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.demo.events import ProblemEvent, ProblemStepEvent, ScheduledCall
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import ProblemRow, ProblemStepRow
from crm.leads.models import Lead
from crm.people.models import Person, Unit
from crm.problems.models import Problem, ProblemCategory
from crm.problems.raising import ProblemData, raise_problem
from crm.problems.service import StepInput, take_step
from crm.quotas.queries import working_calendar

RAISED = time(9)
FIRST_STEP = time(10)  # the steps of one day follow by the hour


def problem_event(row: ProblemRow, dates: RelativeDates) -> ProblemEvent:
    """A problem with the moments of its steps."""
    steps = tuple(
        ProblemStepEvent(
            step, _moment(dates, step, n), None if step.to is None else dates.read(step.to)
        )
        for n, step in enumerate(row.steps)
    )
    raised_at = at_civil(dates.workday_until(dates.read(row.day)), RAISED)
    return ProblemEvent(row, raised_at, dates.read(row.due), steps)


def _moment(dates: RelativeDates, step: ProblemStepRow, n: int) -> datetime:
    on: date = dates.workday_until(dates.read(step.day))
    return at_civil(on, FIRST_STEP) + n * timedelta(hours=1)


@dataclass
class ProblemWriter:
    """Writes one problem with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    units: Mapping[str, Unit]
    leads: Mapping[str, Lead]
    event: ProblemEvent
    problem: Problem | None = None

    def calls(self) -> Iterator[ScheduledCall]:
        """The problem, then each step."""
        yield self.event.raised_at, self._raise
        for step in self.event.steps:
            yield step.at, partial(self._take, step)

    def _raise(self, now: datetime) -> None:
        row = self.event.row
        category = select(ProblemCategory).where(ProblemCategory.code == row.category)
        data = ProblemData(
            matter=row.matter,
            category_id=self.db.scalars(category).one().id,
            lead_ids=[self.leads[ref].id for ref in row.leads],
            due_on=self.event.due_on,
            unit_id=self.units[row.unit].id if row.unit else None,
            unit_ids=[self.units[code].id for code in row.units],
        )
        self.problem = raise_problem(
            self.db,
            data=data,
            by=self.people[row.by],
            calendar=working_calendar(self.db),
            now=now,
        )

    def _take(self, event: ProblemStepEvent, now: datetime) -> None:
        assert self.problem is not None  # noqa: S101 - it was raised before
        row = event.row
        given = StepInput(
            text=row.text, unit_id=self.units[row.unit].id if row.unit else None, on=event.to_on
        )
        take_step(
            self.db,
            problem=self.problem,
            step=row.step,
            by=self.people[row.by],
            calendar=working_calendar(self.db),
            now=now,
            given=given,
        )
