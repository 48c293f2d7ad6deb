"""Writes a scenario through the services, each event at its own moment."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import partial
from operator import itemgetter

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date, last_civil_date
from crm.base.mail import Site
from crm.demo.attachments import AttachmentWriter
from crm.demo.claims import ClaimWriter
from crm.demo.companies import CompanyWriter
from crm.demo.events import (
    AbsenceEvent,
    ClaimEvent,
    GrantEvent,
    LeadEvent,
    LeavingEvent,
    OrderEvent,
    ProblemEvent,
    Scenario,
    ScheduledCall,
    VisitEvent,
)
from crm.demo.followups import FollowupWriter
from crm.demo.money import MoneyWriter
from crm.demo.orders import OrderWriter
from crm.demo.own_fields import OwnFieldWriter
from crm.demo.problems import ProblemWriter
from crm.demo.sites import SiteWriter
from crm.demo.tables import TableWriter
from crm.demo.targets import TargetWriter
from crm.files.store import FileStore
from crm.leads import planning, progress, roles
from crm.leads import service as lead_service
from crm.leads.companies import CompanyData
from crm.leads.contacts import ContactData
from crm.leads.models import Lead
from crm.leads.plan_templates import plan_by_template, used_templates
from crm.leads.rules import LeadRoleKind, Secrecy, Stage
from crm.people import absences, entry_grants, postings
from crm.people import service as people_service
from crm.people.entry_grants import GrantData
from crm.people.models import Person, Unit
from crm.quotas.queries import working_calendar
from crm.visits import service as visit_service
from crm.visits import trips, verdicts
from crm.visits.fields import WORDS
from crm.visits.models import Trip, Visit
from crm.visits.rules import Status, Verdict

ENTERED = time(17)
REASONED = {Stage.PARKED, Stage.LOST}
APPROVER = "wusiqi"
ADMIN = "shanxingzhou"
OF_TALK = {"minutes", "next_step"}  # written once a visit is done


@dataclass
class ScenarioWriter:
    """Writes a scenario; keeps the written rows by the names that the scenario uses."""

    db: Session
    scenario: Scenario
    password_hash: str
    store: FileStore  # of attachments
    site: Site  # as mails refer to it
    people: dict[str, Person] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    leads: dict[str, Lead] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    agents: dict[str, Person] = field(default_factory=dict)  # by the owner's username

    def write(self) -> None:
        """Write everything in the order of its moments; the caller commits."""
        self.units = {unit.code: unit for unit in self.db.scalars(select(Unit))}
        self._post_everybody()
        attached = AttachmentWriter(self.db, self.store, self.people)
        followed = FollowupWriter(self.db, self.people, self.leads)
        records = CompanyWriter(self.db, self.people, self.leads, self.site)
        aims = TargetWriter(self.db, self.people, self.units, ADMIN)
        tables = TableWriter(self.db, self.people)
        money = MoneyWriter(self.db, self.people, self.leads, ADMIN)
        sites = SiteWriter(self.db, self.people, self.units, self.leads, ADMIN)
        own = OwnFieldWriter(self.db, self.people, self.leads, ADMIN)
        calls = [
            *(call for event in self.scenario.absences for call in self._of_absence(event)),
            *(call for event in self.scenario.leads for call in self._of_lead(event)),
            *self._of_old_visits(),
            *(call for event in self.scenario.visits for call in self._of_visit(event)),
            *(call for event in self.scenario.followups for call in followed.calls(event)),
            *(call for event in self.scenario.orders for call in self._of_order(event)),
            *(call for event in self.scenario.problems for call in self._of_problem(event)),
            *(call for event in self.scenario.claims for call in self._of_claim(event)),
            *(call for event in self.scenario.money for call in money.calls(event)),
            *(call for event in self.scenario.sites for call in sites.calls(event)),
            *(call for event in self.scenario.own_fields for call in own.calls(event)),
            *(call for event in self.scenario.attachments for call in attached.calls(event)),
            *(call for event in self.scenario.records for call in records.calls(event)),
            *(call for event in self.scenario.targets for call in aims.calls(event)),
            *(call for event in self.scenario.tables for call in tables.calls(event)),
            *self._of_people(),
        ]

        # Only by moment: what falls on one moment keeps the order above.
        for moment, call in sorted(calls, key=itemgetter(0)):
            call(moment)

    def _post_everybody(self) -> None:
        for event in self.scenario.postings:
            now, row = at_civil(event.from_on), event.row

            # who holds several postings has one account, made with the first of them
            if row.username not in self.people:
                person = people_service.add_person(
                    self.db,
                    username=row.username,
                    name=row.name,
                    email=row.email,
                    phone=row.phone,
                    role=row.role,
                    by=None,
                    now=now,
                )
                people_service.set_password(
                    self.db, person=person, password_hash=self.password_hash, by=None, now=now
                )
                self.people[row.username] = person

            people_service.add_posting(
                self.db,
                person=self.people[row.username],
                unit=self.units[row.unit],
                duty=row.duty,
                is_primary=row.primary,
                from_on=event.from_on,
                to_on=event.to_on,
                by=None,
                now=now,
            )

    def _of_absence(self, event: AbsenceEvent) -> Iterator[ScheduledCall]:
        def approve(now: datetime) -> None:
            people_service.add_absence(
                self.db,
                person=self.people[event.username],
                from_on=event.from_on,
                to_on=event.to_on,
                kind=event.kind,
                reason=event.reason,
                by=self.people[APPROVER],
                now=now,
            )

        def ask(now: datetime) -> None:
            data = absences.AbsenceData(
                kind=event.kind, from_on=event.from_on, to_on=event.to_on, reason=event.reason
            )
            absences.ask(self.db, data=data, by=self.people[event.username], now=now)

        yield event.entered_at, approve if event.is_approved else ask

    def _of_lead(self, event: LeadEvent) -> Iterator[ScheduledCall]:
        yield at_civil(event.begun_on, ENTERED), partial(self._enter_lead, event)
        for kind, on in event.planned.items():
            yield at_civil(event.begun_on, ENTERED), partial(self._plan, event, kind, on)
        if event.template:
            at, start = event.template
            yield at, partial(self._plan_by_template, event, start)
        for kind, on in event.reached.items():
            if kind != Stage.LEAD:
                yield at_civil(on, ENTERED), partial(self._reach, event, kind)

    def _enter_lead(self, event: LeadEvent, now: datetime) -> None:
        row, by = event.row, self.people[event.row.tracker]
        name, position = row.contact
        amount, currency = row.amount
        data = lead_service.LeadData(
            ref=row.ref,
            company=CompanyData(name=row.company),
            title=row.title,
            contact=ContactData(name=name, position=position),
            secrecy=row.secrecy,
            code_name=row.code_name,
            industry=row.industry,
            park_id=self.units[row.park].id,
            source=row.source,
            amount=amount,
            currency=currency,
            other_amounts=row.other_amounts,
            project_company=row.project_company,
            note=row.note,
            earlier_lead_id=self.leads[row.earlier].id if row.earlier else None,
            unit_id=self.units[row.unit].id,
            tracker_id=by.id,
            leader_id=self.people[row.leader].id if row.leader else None,
        )
        lead = self.leads[row.ref] = lead_service.add_lead(self.db, data=data, by=by, now=now)

        held: list[tuple[LeadRoleKind, Person | Unit]] = [
            *((LeadRoleKind.TASK_FORCE_MEMBER, self.people[name]) for name in row.members),
            *((LeadRoleKind.ASSISTING_UNIT, self.units[code]) for code in row.assisting),
        ]
        for role, holder in held:
            roles.give_role(
                self.db,
                lead=lead,
                role=role,
                holder=holder,
                from_on=event.begun_on,
                by=by,
                now=now,
            )

    def _plan_by_template(self, event: LeadEvent, start: date, now: datetime) -> None:
        name = event.row.template.name if event.row.template else ""
        plan_by_template(
            self.db,
            lead=self.leads[event.row.ref],
            template=next(row for row in used_templates(self.db) if row.name == name),
            start=start,
            calendar=working_calendar(self.db),
            by=self.people[event.row.tracker],
            now=now,
        )

    def _plan(self, event: LeadEvent, kind: str, on: date, now: datetime) -> None:
        planning.plan_milestone(
            self.db,
            lead=self.leads[event.row.ref],
            kind=kind,
            planned_on=on,
            by=self.people[event.row.tracker],
            now=now,
        )

    def _reach(self, event: LeadEvent, kind: str, now: datetime) -> None:
        progress.reach(
            self.db,
            lead=self.leads[event.row.ref],
            kind=kind,
            on=event.reached[kind],
            reason=event.row.reason if kind in REASONED else None,
            agreement=event.agreement(kind),
            look_again_on=event.look_again_on if kind == Stage.PARKED else None,
            by=self.people[event.row.tracker],
            now=now,
        )

    def _of_old_visits(self) -> Iterator[ScheduledCall]:
        """Old visits, imported month by month without their planning."""
        months = defaultdict(list)
        for event in self.scenario.visits:
            if event.is_old:
                months[event.starts_at.year, event.starts_at.month].append(event)
        for of_month in months.values():
            # after the last of them, when all are known
            yield max(event.entered_at for event in of_month), partial(self._import, of_month)

    def _import(self, of_month: Sequence[VisitEvent], now: datetime) -> None:
        # already done: an import needs no step from planned to done
        rows = [
            visit_service.ImportedVisit(
                self._visit_data(event, event.status, words=True),
                logged_at=event.logged_at,
                entered_by=self.people[event.leader],
            )
            for event in of_month
        ]
        visit_service.insert_visits(self.db, rows, now=now)

    def _of_people(self) -> Iterator[ScheduledCall]:
        for grant in self.scenario.grants:
            yield grant.at, partial(self._grant, grant)
        for leaving in self.scenario.leavings:
            yield leaving.at, partial(self._leave, leaving)

    def _grant(self, event: GrantEvent, now: datetime) -> None:
        owner, agent = self.people[event.owner], self.people[event.agent]
        data = GrantData(agent_id=agent.id, from_on=civil_date(now))
        entry_grants.grant_entry(self.db, owner=owner, data=data, by=owner, now=now)
        self.agents[event.owner] = agent

    def _leave(self, event: LeavingEvent, now: datetime) -> None:
        person, by = self.people[event.username], self.people[ADMIN]
        postings.leave(self.db, person=person, last_on=event.last_on, at_once=False, by=by, now=now)

    def _enters(self, event: VisitEvent) -> Person:
        """The leader's agent where all the visit's leads are open, else the leader."""
        agent = self.agents.get(event.leader)
        is_open = all(self.leads[ref].secrecy is Secrecy.OPEN for ref in event.leads)
        return agent if agent and is_open else self.people[event.leader]

    def _of_visit(self, event: VisitEvent) -> Iterator[ScheduledCall]:
        if event.is_old:
            return
        yield event.entered_at, partial(self._log_visit, event)
        if event.logged_at and event.logged_at != event.entered_at:
            yield event.logged_at, partial(self._finish_visit, event)
        if event.trip:
            yield event.entered_at, partial(self._describe_trip, event)
        if event.cancelled_at:
            yield event.cancelled_at, partial(self._cancel_visit, event)
        if event.verdict_at:
            yield event.verdict_at, partial(self._judge_visit, event)

    def _log_visit(self, event: VisitEvent, now: datetime) -> None:
        is_over = event.logged_at == now
        self.visits[event.ref] = visit_service.log_visit(
            self.db,
            data=self._visit_data(event, Status.DONE if is_over else Status.PLANNED, words=is_over),
            by=self._enters(event),
            now=now,
        )

    def _describe_trip(self, event: VisitEvent, now: datetime) -> None:
        trip = self.db.scalars(select(Trip).where(Trip.ref == event.trip)).one()
        by = self.people[event.leader]
        if trip.leader_id != by.id:
            return  # they only joined the trip of somebody else

        made = [visit for visit in self.scenario.visits if visit.trip == event.trip]
        data = trips.TripData(
            destination=event.city,
            first_on=min(civil_date(visit.starts_at) for visit in made),
            last_on=max(last_civil_date(visit.ends_at) for visit in made),
            approval=None,
        )
        trips.describe_trip(self.db, trip=trip, data=data, by=by, now=now)

    def _finish_visit(self, event: VisitEvent, now: datetime) -> None:
        visit, by = self.visits[event.ref], self._enters(event)
        visit_service.set_done(self.db, visit=visit, by=by, now=now)
        if event.minutes:
            # the words come once the visit is over
            data = self._visit_data(event, Status.DONE, words=True)
            visit_service.change_visit(self.db, visit=visit, data=data, by=by, now=now)

    def _cancel_visit(self, event: VisitEvent, now: datetime) -> None:
        visit, by = self.visits[event.ref], self.people[event.leader]
        visit_service.cancel_visit(self.db, visit=visit, by=by, now=now)

    def _judge_visit(self, event: VisitEvent, now: datetime) -> None:
        visit, by = self.visits[event.ref], self.people[event.verdict_by or ""]
        if event.verdict is Verdict.REJECTED:
            verdicts.reject_visit(self.db, visit=visit, reason=event.note or "", by=by, now=now)
        else:
            verdicts.confirm_visit(self.db, visit=visit, by=by, now=now)

    def _visit_data(
        self, event: VisitEvent, status: Status, *, words: bool
    ) -> visit_service.VisitData:
        return visit_service.VisitData(
            ref=event.ref,
            kind=event.kind,
            channel=event.channel,
            status=status,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            city=event.city,
            leader_id=self.people[event.leader].id,
            participant_ids=[self.people[name].id for name in event.participants],
            lead_ids=[self.leads[ref].id for ref in event.leads],
            companies=event.companies,
            trip=event.trip,
            **{name: getattr(event, name) for name in WORDS if words or name not in OF_TALK},
        )

    def _of_order(self, event: OrderEvent) -> Iterator[ScheduledCall]:
        known = (self.people, self.units, self.leads)
        return OrderWriter(self.db, *known, event).calls()

    def _of_claim(self, event: ClaimEvent) -> Iterator[ScheduledCall]:
        return ClaimWriter(self.db, self.people, self.leads, event).calls()

    def _of_problem(self, event: ProblemEvent) -> Iterator[ScheduledCall]:
        known = (self.people, self.units, self.leads)
        return ProblemWriter(self.db, *known, event).calls()
