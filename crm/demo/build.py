"""The zone's story written down: each thing through its service, at the moment it happened."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import partial
from operator import itemgetter

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date, last_civil_date
from crm.demo.orders import OrderWriter
from crm.demo.values import (
    AbsenceTold,
    FollowupTold,
    GrantTold,
    Happening,
    LeadTold,
    LeavingTold,
    OrderTold,
    Story,
    VisitTold,
)
from crm.followups import service as followup_service
from crm.followups.models import Followup
from crm.leads import planning, progress, roles
from crm.leads import service as lead_service
from crm.leads.companies import CompanyData
from crm.leads.contacts import ContactData
from crm.leads.models import Lead
from crm.leads.rules import LeadRoleKind, MilestoneKind, Secrecy
from crm.people import absences, entry_grants, postings
from crm.people import service as people_service
from crm.people.entry_grants import GrantData
from crm.people.models import Person, Unit
from crm.visits import service as visit_service
from crm.visits import trips
from crm.visits.models import Trip, Visit
from crm.visits.rules import Status, Verdict

ENTERED = time(17)
REASONED = {MilestoneKind.PARKED, MilestoneKind.LOST}
APPROVER = "wusiqi"
ADMIN = "shanxingzhou"


@dataclass
class Chronicle:
    """Writes a story down, and knows what it has written by the names that the story uses."""

    db: Session
    story: Story
    password_hash: str
    people: dict[str, Person] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    leads: dict[str, Lead] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    followups: dict[str, Followup] = field(default_factory=dict)
    agents: dict[str, Person] = field(default_factory=dict)  # who enters the visits of whom

    def write(self) -> None:
        """Live the story from its beginning; the caller commits."""
        self.units = {unit.code: unit for unit in self.db.scalars(select(Unit))}
        self._post_everybody()
        happenings = [
            *(each for told in self.story.absences for each in self._of_absence(told)),
            *(each for told in self.story.leads for each in self._of_lead(told)),
            *self._of_old_visits(),
            *(each for told in self.story.visits for each in self._of_visit(told)),
            *(each for told in self.story.followups for each in self._of_followup(told)),
            *(each for told in self.story.orders for each in self._of_order(told)),
            *self._of_people(),
        ]
        for moment, happen in sorted(happenings, key=itemgetter(0)):
            happen(moment)

    def _post_everybody(self) -> None:
        for told in self.story.postings:
            now, row = at_civil(told.from_on), told.row
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
                from_on=told.from_on,
                to_on=told.to_on,
                by=None,
                now=now,
            )

    def _of_absence(self, told: AbsenceTold) -> Iterator[Happening]:
        def approve(now: datetime) -> None:
            people_service.add_absence(
                self.db,
                person=self.people[told.username],
                from_on=told.from_on,
                to_on=told.to_on,
                kind=told.kind,
                reason=told.reason,
                by=self.people[APPROVER],
                now=now,
            )

        def ask(now: datetime) -> None:
            data = absences.AbsenceData(
                kind=told.kind, from_on=told.from_on, to_on=told.to_on, reason=told.reason
            )
            absences.ask(self.db, data=data, by=self.people[told.username], now=now)

        yield told.entered_at, approve if told.is_approved else ask

    def _of_lead(self, told: LeadTold) -> Iterator[Happening]:
        yield at_civil(told.begun_on, ENTERED), partial(self._enter_lead, told)
        for kind, on in told.planned.items():
            yield at_civil(told.begun_on, ENTERED), partial(self._plan, told, kind, on)
        for kind, on in told.reached.items():
            if kind is not MilestoneKind.LEAD:
                yield at_civil(on, ENTERED), partial(self._reach, told, kind)

    def _enter_lead(self, told: LeadTold, now: datetime) -> None:
        row, by = told.row, self.people[told.row.tracker]
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
            note=row.note,
            earlier_lead_id=self.leads[row.earlier].id if row.earlier else None,
            unit_id=self.units[row.unit].id,
            tracker_id=by.id,
            leader_id=self.people[row.leader].id if row.leader else None,
        )
        lead = self.leads[row.ref] = lead_service.add_lead(self.db, data=data, by=by, now=now)

        for member in row.members:
            roles.give_role(
                self.db,
                lead=lead,
                role=LeadRoleKind.TASK_FORCE_MEMBER,
                holder=self.people[member],
                from_on=told.begun_on,
                by=by,
                now=now,
            )

    def _plan(self, told: LeadTold, kind: MilestoneKind, on: date, now: datetime) -> None:
        planning.plan_milestone(
            self.db,
            lead=self.leads[told.row.ref],
            kind=kind,
            planned_on=on,
            by=self.people[told.row.tracker],
            now=now,
        )

    def _reach(self, told: LeadTold, kind: MilestoneKind, now: datetime) -> None:
        progress.reach(
            self.db,
            lead=self.leads[told.row.ref],
            kind=kind,
            on=told.reached[kind],
            reason=told.row.reason if kind in REASONED else None,
            by=self.people[told.row.tracker],
            now=now,
        )

    def _of_old_visits(self) -> Iterator[Happening]:
        """A month of visits at once, as an import brings them: how they were planned is past."""
        months = defaultdict(list)
        for told in self.story.visits:
            if told.is_old:
                months[told.starts_at.year, told.starts_at.month].append(told)
        for of_month in months.values():
            yield max(told.entered_at for told in of_month), partial(self._import, of_month)

    def _import(self, of_month: Sequence[VisitTold], now: datetime) -> None:
        rows = [
            visit_service.ImportedVisit(
                self._visit_data(told, told.status, words=True),
                logged_at=told.logged_at,
                entered_by=self.people[told.leader],
            )
            for told in of_month
        ]
        visit_service.import_visits(self.db, rows, now=now)

    def _of_people(self) -> Iterator[Happening]:
        for grant in self.story.grants:
            yield grant.at, partial(self._grant, grant)
        for leaving in self.story.leavings:
            yield leaving.at, partial(self._leave, leaving)

    def _grant(self, told: GrantTold, now: datetime) -> None:
        owner, agent = self.people[told.owner], self.people[told.agent]
        data = GrantData(agent_id=agent.id, from_on=civil_date(now))
        entry_grants.grant_entry(self.db, owner=owner, data=data, by=owner, now=now)
        self.agents[told.owner] = agent

    def _leave(self, told: LeavingTold, now: datetime) -> None:
        person, by = self.people[told.username], self.people[ADMIN]
        postings.leave(self.db, person=person, last_on=told.last_on, at_once=False, by=by, now=now)

    def _enters(self, told: VisitTold) -> Person:
        """Who enters the visit: the leader's office, where all its leads are open."""
        agent = self.agents.get(told.leader)
        is_open = all(self.leads[ref].secrecy is Secrecy.OPEN for ref in told.leads)
        return agent if agent and is_open else self.people[told.leader]

    def _of_visit(self, told: VisitTold) -> Iterator[Happening]:
        if told.is_old:
            return
        yield told.entered_at, partial(self._log_visit, told)
        if told.logged_at and told.logged_at != told.entered_at:
            yield told.logged_at, partial(self._finish_visit, told)
        if told.trip:
            yield told.entered_at, partial(self._tell_trip, told)
        if told.cancelled_at:
            yield told.cancelled_at, partial(self._cancel_visit, told)
        if told.verdict_at:
            yield told.verdict_at, partial(self._judge_visit, told)

    def _log_visit(self, told: VisitTold, now: datetime) -> None:
        is_over = told.logged_at == now
        self.visits[told.ref] = visit_service.log_visit(
            self.db,
            data=self._visit_data(told, Status.DONE if is_over else Status.PLANNED, words=is_over),
            by=self._enters(told),
            now=now,
        )

    def _tell_trip(self, told: VisitTold, now: datetime) -> None:
        trip = self.db.scalars(select(Trip).where(Trip.ref == told.trip)).one()
        by = self.people[told.leader]
        if trip.leader_id != by.id:
            return  # somebody else's trip, on which they came along

        made = [each for each in self.story.visits if each.trip == told.trip]
        data = trips.TripData(
            destination=told.city,
            first_on=min(civil_date(each.starts_at) for each in made),
            last_on=max(last_civil_date(each.ends_at) for each in made),
            approval=None,
        )
        trips.tell_trip(self.db, trip=trip, data=data, by=by, now=now)

    def _finish_visit(self, told: VisitTold, now: datetime) -> None:
        visit, by = self.visits[told.ref], self._enters(told)
        visit_service.set_done(self.db, visit=visit, by=by, now=now)
        if told.minutes:
            data = self._visit_data(told, Status.DONE, words=True)
            visit_service.change_visit(self.db, visit=visit, data=data, by=by, now=now)

    def _cancel_visit(self, told: VisitTold, now: datetime) -> None:
        visit, by = self.visits[told.ref], self.people[told.leader]
        visit_service.cancel_visit(self.db, visit=visit, by=by, now=now)

    def _judge_visit(self, told: VisitTold, now: datetime) -> None:
        visit, by = self.visits[told.ref], self.people[told.verdict_by or ""]
        if told.verdict is Verdict.REJECTED:
            visit_service.reject_visit(self.db, visit=visit, reason=told.note, by=by, now=now)
        else:
            visit_service.confirm_visit(self.db, visit=visit, by=by, now=now)

    def _visit_data(
        self, told: VisitTold, status: Status, *, words: bool
    ) -> visit_service.VisitData:
        return visit_service.VisitData(
            ref=told.ref,
            kind=told.kind,
            channel=told.channel,
            status=status,
            starts_at=told.starts_at,
            ends_at=told.ends_at,
            city=told.city,
            leader_id=self.people[told.leader].id,
            participant_ids=[self.people[name].id for name in told.participants],
            lead_ids=[self.leads[ref].id for ref in told.leads],
            met=told.met,
            position=told.position,
            minutes=told.minutes if words else None,
            next_step=told.next_step if words else None,
            note=told.note,
            trip=told.trip,
        )

    def _of_followup(self, told: FollowupTold) -> Iterator[Happening]:
        yield told.entered_at, partial(self._owe, told)
        if told.done_at:
            yield told.done_at, partial(self._settle, told)

    def _of_order(self, told: OrderTold) -> Iterator[Happening]:
        known = (self.people, self.units, self.leads)
        return OrderWriter(self.db, *known, told).happenings()

    def _owe(self, told: FollowupTold, now: datetime) -> None:
        data = followup_service.FollowupData(
            ref=told.ref,
            lead_id=self.leads[told.lead].id,
            person_id=self.people[told.person].id,
            due_on=told.due_on,
            what=told.what,
        )
        by = self.people[told.person]
        step = self.followups[told.ref] = followup_service.add_followup(
            self.db, data=data, by=by, now=now
        )
        if told.after:
            self.followups[told.after].next_id = step.id

    def _settle(self, told: FollowupTold, now: datetime) -> None:
        followup_service.finish_followup(
            self.db,
            followup=self.followups[told.ref],
            outcome=followup_service.FollowupOutcome(
                result=told.result, channel=told.channel, met=told.met
            ),
            by=self.people[told.person],
            now=now,
        )
