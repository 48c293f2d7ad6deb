"""Tables of visits that were looked at; what their columns are is remembered for the unit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial

from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.base.sheets import Format, write_records
from crm.demo.events import ScheduledCall, TableEvent
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import TableRow
from crm.imports.service import begin, choose_columns
from crm.people.models import Person
from crm.visits.rules import Kind

UPLOADED = time(16, 50)


def table_event(row: TableRow, dates: RelativeDates) -> TableEvent:
    """The table with dates in place of relative ones."""
    records = [(dates.read(day).isoformat(), *map(str, cells)) for day, *cells in row.rows]
    return TableEvent(
        row.by,
        at_civil(dates.read(row.day), UPLOADED),
        row.name,
        records=[tuple(row.columns), *records],
        codes=tuple(row.columns.values()),
    )


@dataclass
class TableWriter:
    """Uploads tables, up to the page that shows their rows."""

    db: Session
    people: Mapping[str, Person]

    def calls(self, event: TableEvent) -> Iterator[ScheduledCall]:
        """The table at its moment."""
        yield event.at, partial(self._look_at, event)

    def _look_at(self, event: TableEvent, now: datetime) -> None:
        by, content = self.people[event.by], write_records(event.records, Format.CSV)
        run = begin(self.db, content=content, file_name=event.name, by=by, now=now)
        choose_columns(
            self.db,
            run=run,
            codes=event.codes,
            usual={"kind": Kind.OUTREACH, "city": ""},
            by=by,
            now=now,
        )
