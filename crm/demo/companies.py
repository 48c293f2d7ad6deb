"""The scenario's changes and merges of companies' records, each through its service."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.demo.events import CompanyEvent, MergeEvent, ScheduledCall
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import CompanyRow, MergeRow
from crm.leads import service as leads_service
from crm.leads.company_changes import CompanyChange, change_company
from crm.leads.merged import Mergeable
from crm.leads.models import Company, Lead
from crm.people.models import Person
from crm.reassignment.merges import Pair, merge

ENTERED, MERGED = time(11), time(15)


def company_event(row: CompanyRow, dates: RelativeDates) -> CompanyEvent:
    """A company's change with its moment."""
    return CompanyEvent(row, _moment(dates, row.day, ENTERED))


def merge_event(row: MergeRow, dates: RelativeDates) -> MergeEvent:
    """A merge, with the moments at which the duplicate was entered and merged."""
    return MergeEvent(row, _moment(dates, row.day, ENTERED), _moment(dates, row.merged, MERGED))


def _moment(dates: RelativeDates, day: str | int, at: time) -> datetime:
    return at_civil(dates.workday_until(dates.read(day)), at)


@dataclass
class CompanyWriter:
    """Writes what happened to companies with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    leads: Mapping[str, Lead]

    def calls(self, event: CompanyEvent | MergeEvent) -> Iterator[ScheduledCall]:
        """Each step at its own moment."""
        if isinstance(event, CompanyEvent):
            yield event.at, partial(self._change, event.row)
        else:
            yield event.entered_at, partial(self._enter, event.row)
            yield event.merged_at, partial(self._merge, event.row)

    def _change(self, row: CompanyRow, now: datetime) -> None:
        company = self.db.get_one(Company, self.leads[row.lead].company_id)
        data = CompanyChange(
            credit_code=row.code, group_name=row.group, country=row.country, aliases=row.aliases
        )
        change_company(self.db, company=company, data=data, by=self.people[row.by], now=now)

    def _enter(self, row: MergeRow, now: datetime) -> None:
        by = self.people[row.by]
        data = leads_service.LeadData(
            ref=row.ref,
            company=leads_service.CompanyData(name=row.company),
            title=row.title,
            tracker_id=by.id,
        )
        leads_service.add_lead(self.db, data=data, by=by, now=now)

    def _merge(self, row: MergeRow, now: datetime) -> None:
        duplicate = self.db.scalars(select(Lead).where(Lead.ref == row.ref)).one()
        kept = self.leads[row.lead]
        pairs = (
            Pair(Mergeable.LEAD, kept.id, duplicate.id),
            Pair(Mergeable.COMPANY, kept.company_id, duplicate.company_id),
        )
        for pair in pairs:
            merge(self.db, pair=pair, by=self.people[row.merger], now=now)
