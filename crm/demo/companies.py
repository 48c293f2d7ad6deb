"""What the scenario does with records of companies and leads, each through its service."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.mail import Site
from crm.demo.events import (
    AssistanceEvent,
    CompanyEvent,
    MergeEvent,
    ProposalEvent,
    RecordEvent,
    ScheduledCall,
)
from crm.demo.files import Files
from crm.demo.record_rows import AssistanceRow, CompanyRow, MergeRow, ProposalRow
from crm.demo.relative_dates import RelativeDates
from crm.leads import service as leads_service
from crm.leads.assistance import offer_assistance
from crm.leads.company_changes import CompanyChange, change_company
from crm.leads.company_proposals import ProposalData, decline, propose, take_over
from crm.leads.merged import Mergeable
from crm.leads.models import Company, Lead
from crm.leads.proposal_models import CompanyProposal
from crm.leads.roles import give_role
from crm.leads.rules import LeadRoleKind
from crm.people.models import Person, Unit
from crm.people.queries import primary_posting
from crm.reassignment.merges import Pair, merge

ENTERED, MERGED, DECIDED = time(11), time(15), time(16)


def record_events(files: Files, dates: RelativeDates) -> list[RecordEvent]:
    """Changes, merges, proposals and offers to assist, each with its moments."""
    changes = [CompanyEvent(row, _moment(dates, row.day, ENTERED)) for row in files.companies]
    merges = [
        MergeEvent(row, _moment(dates, row.day, ENTERED), _moment(dates, row.merged, MERGED))
        for row in files.merges
    ]
    proposals = [
        ProposalEvent(
            row,
            _moment(dates, row.day, ENTERED),
            _moment(dates, row.decided.day, DECIDED) if row.decided else None,
        )
        for row in files.proposals
    ]
    offers = [
        AssistanceEvent(
            row,
            _moment(dates, row.day, ENTERED),
            None if row.given is None else _moment(dates, row.given, DECIDED),
        )
        for row in files.assistance
    ]
    return [*changes, *merges, *proposals, *offers]


def _moment(dates: RelativeDates, day: str | int, at: time) -> datetime:
    return at_civil(dates.workday_until(dates.read(day)), at)


@dataclass
class CompanyWriter:
    """Writes what happened to companies with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    leads: Mapping[str, Lead]
    site: Site
    proposals: dict[ProposalRow, CompanyProposal] = field(default_factory=dict)

    def calls(self, event: RecordEvent) -> Iterator[ScheduledCall]:
        """Each step at its own moment."""
        match event:
            case CompanyEvent():
                yield event.at, partial(self._change, event.row)
            case MergeEvent():
                yield event.entered_at, partial(self._enter, event.row)
                yield event.merged_at, partial(self._merge, event.row)
            case ProposalEvent():
                yield event.at, partial(self._propose, event.row)
                if event.decided_at:
                    yield event.decided_at, partial(self._decide, event.row)
            case AssistanceEvent():
                yield event.at, partial(self._offer, event.row)
                if event.given_at:
                    yield event.given_at, partial(self._give_role, event.row)

    def _change(self, row: CompanyRow, now: datetime) -> None:
        company = self.db.get_one(Company, self.leads[row.lead].company_id)
        data = CompanyChange(
            credit_code=row.code, group_name=row.group, country=row.country, aliases=row.aliases
        )
        change_company(self.db, company=company, data=data, by=self.people[row.by], now=now)

    def _propose(self, row: ProposalRow, now: datetime) -> None:
        company = self.db.get_one(Company, self.leads[row.lead].company_id)
        data = ProposalData(field=row.field, value=row.value, position=row.position)
        by = self.people[row.by]
        self.proposals[row] = propose(
            self.db, company=company, data=data, by=by, now=now, site=self.site
        )

    def _decide(self, row: ProposalRow, now: datetime) -> None:
        assert row.decided is not None  # noqa: S101 - only those that are decided come here
        proposal, by = self.proposals[row], self.people[row.decided.by]
        if reason := row.decided.reason:
            decline(self.db, proposal=proposal, reason=reason, by=by, now=now, site=self.site)
        else:
            take_over(self.db, proposal=proposal, by=by, now=now, site=self.site)

    def _offer(self, row: AssistanceRow, now: datetime) -> None:
        lead, by = self.leads[row.lead], self.people[row.by]
        offer_assistance(self.db, lead=lead, by=by, now=now, site=self.site)

    def _give_role(self, row: AssistanceRow, now: datetime) -> None:
        posting = primary_posting(self.db, self.people[row.by].id, civil_date(now))
        assert posting is not None  # noqa: S101 - the scenario posts everybody
        give_role(
            self.db,
            lead=self.leads[row.lead],
            role=LeadRoleKind.ASSISTING_UNIT,
            holder=self.db.get_one(Unit, posting.unit_id),
            from_on=civil_date(now),
            by=self.people[row.giver],
            now=now,
        )

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
