"""The zone's own fields of the scenario, and their values, each through its service."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial

from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.demo.events import OwnFieldEvent, OwnValuesEvent, ScheduledCall
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import OwnFieldRow, OwnValuesRow
from crm.leads.models import Lead
from crm.leads.own_field_models import OwnKind
from crm.leads.own_field_setup import OwnFieldData, add_field
from crm.leads.own_fields import own_fields
from crm.leads.service import change_own_values
from crm.people.models import Person

ADDED_DAYS = -60  # before DATE
ADDED, ENTERED = time(9, 30), time(17, 20)


def own_field_events(
    fields: Sequence[OwnFieldRow], values: Sequence[OwnValuesRow], dates: RelativeDates
) -> list[OwnFieldEvent | OwnValuesEvent]:
    """The fields in their order, and what was entered in them."""
    added_at = at_civil(dates.workday_until(dates.read(ADDED_DAYS)), ADDED)
    dated = {row.name for row in fields if row.kind is OwnKind.DATE}

    def typed(name: str, value: str | int) -> str:
        return f"{dates.read(value)}" if name in dated else f"{value}"

    entered = [
        OwnValuesEvent(
            row,
            {name: typed(name, value) for name, value in row.values.items()},
            at_civil(dates.workday_until(dates.read(row.day)), ENTERED),
        )
        for row in values
    ]
    added = [OwnFieldEvent(row, place, added_at) for place, row in enumerate(fields, start=1)]
    return [*added, *entered]


@dataclass
class OwnFieldWriter:
    """Writes fields and values with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    leads: Mapping[str, Lead]
    admin: str

    def calls(self, event: OwnFieldEvent | OwnValuesEvent) -> Iterator[ScheduledCall]:
        """The event at its moment."""
        if isinstance(event, OwnFieldEvent):
            yield event.at, partial(self._add, event)
        else:
            yield event.at, partial(self._enter, event)

    def _add(self, event: OwnFieldEvent, now: datetime) -> None:
        row = event.row
        data = OwnFieldData(
            name=row.name,
            kind=row.kind,
            hint=row.hint,
            position=event.place,
            new_choices=row.choices,
        )
        add_field(self.db, data=data, by=self.people[self.admin], now=now)

    def _enter(self, event: OwnValuesEvent, now: datetime) -> None:
        fields = {field.name: field for field in own_fields(self.db)}
        read = {name: fields[name].read(text) for name, text in event.typed.items()}
        values = {fields[name].code: value for name, value in read.items()}
        lead, by = self.leads[event.row.lead], self.people[event.row.by]
        change_own_values(self.db, lead=lead, values=values, by=by, now=now)
