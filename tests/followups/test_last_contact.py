"""The day of the last contact follows whatever happens to visits, follow-ups and leads."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.pending import take
from crm.followups import service as followups
from crm.followups.imports import check_followups, keep_followups
from crm.followups.last_contact import apply_contacts
from crm.followups.models import Followup
from crm.leads.merged import Mergeable
from crm.leads.models import Lead
from crm.reassignment import merges
from crm.visits import handover, merging, service, taking_back
from crm.visits.contacts import ContactChanged
from crm.visits.fields import data_of
from crm.visits.models import Visit, VisitLead
from crm.visits.queries import LOADED
from crm.visits.rules import Kind, Status
from tests.conftest import NOW
from tests.factories import make_followup, make_lead, make_person, make_regime, make_visit
from tests.leads.zone import TODAY, make_zone

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
LEADS = 3


class World:
    """Three leads of one tracker, and what was done to them so far."""

    def __init__(self, db):
        self.db, self.now = db, NOW
        zone = make_zone(db)
        self.me, self.boss = zone.people["tracker"], zone.people["supervisor"]
        self.other = make_person(db, "other", unit=zone.units["bureau"])
        roles = {"unit": zone.units["bureau"], "tracker": self.me}
        self.leads = [make_lead(db, f"项目{number}", **roles).id for number in range(LEADS)]
        self.visits, self.steps, self.merge, self.undoable = [], [], None, None

    def take(self, step, first, second, days):
        """Take a step; one that is refused changes nothing."""
        self.now += MINUTE
        there = [lead_id for lead_id in self.leads if self.db.get(Lead, lead_id)]
        lead_ids = [there[first % len(there)], there[second % len(there)]]
        try:
            with self.db.begin_nested():
                getattr(self, step)(lead_ids, first, days)
        except Refused:
            pass
        apply_contacts(self.db, take(self.db, ContactChanged))
        self.db.expire_all()

    def data(self, lead_ids, days, **given):
        starts_at = self.now - days * DAY - 2 * HOUR
        planned = days <= 0
        status = Status.PLANNED if planned else Status.DONE
        values = {"kind": Kind.OUTREACH, "status": status, "city": "苏州"}
        return service.VisitData(
            starts_at=starts_at,
            ends_at=starts_at + HOUR,
            leader_id=self.me.id,
            lead_ids=set(lead_ids),
            **values | given,
        )

    def visit(self, number):
        if not self.visits:
            self.log((), number, 1)
        query = select(Visit).where(Visit.id == self.visits[number % len(self.visits)])
        return self.db.scalar(query.options(*LOADED))

    def followup(self, number):
        if not self.steps:
            self.owe([self.db.scalar(select(func.min(Lead.id)))], number, 0)
        return self.db.get(Followup, self.steps[number % len(self.steps)])

    def log(self, lead_ids, _number, days):
        data = self.data(lead_ids, days)
        visit = service.log_visit(self.db, data=data, by=self.me, now=self.now)
        self.visits.append(visit.id)

    def change(self, lead_ids, number, days):
        visit = self.visit(number)
        was = taking_back.unrecorded(self.db, visit)
        moved = self.data(lead_ids, days, ref=visit.ref)
        service.change_visit(self.db, visit=visit, data=moved, by=self.me, now=self.now)
        self.undoable = visit.id, was

    def change_and_undo(self, lead_ids, number, days):
        self.change(lead_ids, number, days)
        visit_id, was = self.undoable
        visit = self.db.get(Visit, visit_id)
        entry_id = taking_back.undoable_entry_id(self.db, visit, by=self.me, now=self.now)
        taking_back.undo_step(
            self.db, visit=visit, entry_id=entry_id, was=was, by=self.me, now=self.now
        )

    def unlink(self, _lead_ids, number, _days):
        visit = self.visit(number)
        data = replace(data_of(visit), lead_ids=())
        service.change_visit(self.db, visit=visit, data=data, by=self.me, now=self.now)

    def set_done(self, lead_ids, _number, _days):
        self.log(lead_ids, 0, -1)
        visit = self.visit(-1)
        starts_at = self.now - DAY
        service.move_visit(
            self.db, visit=visit, starts_at=starts_at, by=self.me, now=self.now - MINUTE
        )
        service.set_done(self.db, visit=visit, by=self.me, now=self.now)

    def cancel_done(self, lead_ids, number, days):
        data = self.data(lead_ids, days, status=Status.CANCELLED)
        service.change_visit(self.db, visit=self.visit(number), data=data, by=self.me, now=self.now)

    def cut_stay(self, lead_ids, _number, days):
        data = self.data(lead_ids, abs(days) + 1, kind=Kind.RESIDENCY, status=Status.PLANNED)
        data = replace(data, ends_at=self.now + DAY)
        visit = service.log_visit(self.db, data=data, by=self.me, now=self.now)
        handover.cut_stay(self.db, visit=visit, to=self.other, by=self.me, now=self.now)

    def import_visits(self, lead_ids, _number, days):
        data = self.data(lead_ids, abs(days) + 1, ref=f"I{self.now:%H%M}")
        row = service.ImportedVisit(data)
        self.visits += [v.id for v in service.insert_visits(self.db, [row], now=self.now)]

    def enter_twice(self, lead_ids, number, _days):
        visit = self.visit(number)
        data = replace(data_of(visit), ref="", lead_ids=lead_ids)
        merging.merge_visit(self.db, visit=visit, data=data, by=self.me, now=self.now)

    def owe(self, lead_ids, _number, _days):
        data = followups.FollowupData(
            lead_id=lead_ids[0], person_id=self.me.id, due_on=TODAY, what="电话回访"
        )
        step = followups.add_followup(self.db, data=data, by=self.me, now=self.now)
        self.steps.append(step.id)

    def finish(self, _lead_ids, number, _days):
        outcome = followups.FollowupOutcome(result="已回访")
        step = self.followup(number)
        followups.finish_followup(self.db, followup=step, outcome=outcome, by=self.me, now=self.now)

    def reopen(self, lead_ids, number, days):
        step = self.followup(number)
        if step.done_at is None:
            self.finish(lead_ids, number, days)
            apply_contacts(self.db, take(self.db, ContactChanged))
        followups.reopen_followup(self.db, followup=step, by=self.me, now=self.now)

    def import_followups(self, lead_ids, _number, days):
        lead = self.db.get(Lead, lead_ids[0])
        done_on = TODAY - abs(days) * DAY
        row = f"F{self.now:%H%M},{lead.ref},tracker,{done_on},回访,{done_on},已回访"
        content = f"ref,lead,person,due_at,what,done_at,result\n{row}\n".encode()
        file = check_followups(self.db, content=content, by=None, now=self.now)
        keep_followups(self.db, file=file)

    def merge_leads(self, lead_ids, _number, _days):
        pair = merges.Pair(Mergeable.LEAD, *lead_ids)
        self.merge = merges.merge(self.db, pair=pair, by=self.boss, now=self.now).id

    def undo_merge(self, lead_ids, number, days):
        if self.merge is None:
            self.merge_leads(lead_ids, number, days)
            apply_contacts(self.db, take(self.db, ContactChanged))
        kept = self.db.get(merges.Merge, self.merge)
        merges.undo(self.db, kept=kept, by=self.boss, now=self.now)

    def kept(self):
        return dict(self.db.execute(select(Lead.id, Lead.last_contact_on)).all())

    def computed(self):
        """The same from all rows, without SQL's help."""
        last = dict.fromkeys(self.db.scalars(select(Lead.id)))
        visited = select(VisitLead.lead_id, Visit).join(Visit, Visit.id == VisitLead.visit_id)
        days = [
            (lead_id, visit.last_on)
            for lead_id, visit in self.db.execute(visited)
            if visit.status is Status.DONE
        ]
        steps = self.db.scalars(select(Followup))
        days += [(step.lead_id, civil_date(step.done_at)) for step in steps if step.done_at]
        for lead_id, on in days:
            last[lead_id] = max(on, last[lead_id] or on)
        return last


STEPS = [name for name, value in vars(World).items() if callable(value) and name[0] != "_"]
STEPS = STEPS[STEPS.index("log") : STEPS.index("kept")]
drawn = st.tuples(st.sampled_from(STEPS), st.integers(0, 5), st.integers(0, 5), st.integers(-2, 4))


@pytest.fixture
def world(db):
    make_regime(db)
    return World(db)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(drawn, min_size=4, max_size=10))
def test_the_last_contact_is_the_latest_visit_made_or_follow_up_done_after_any_steps(world, steps):
    example = world.db.begin_nested()
    state = {**vars(world), "visits": [], "steps": []}
    try:
        for step in steps:
            world.take(*step)
            assert world.kept() == world.computed()
    finally:
        example.rollback()
        vars(world).update(state)


def test_a_planned_visit_is_no_contact_and_a_visit_of_two_days_one_on_its_last(db, world):
    leads = [db.get_one(Lead, lead_id) for lead_id in world.leads]
    make_visit(db, world.me, TODAY - 3 * DAY, days=2, leads=leads[:2])
    make_visit(db, world.me, TODAY, leads=leads, status=Status.PLANNED)
    # half past midnight in the zone, of the day before in UTC
    make_followup(db, leads[1], world.me, TODAY, done_at=NOW.replace(hour=16) - DAY, result="是")

    kept = world.kept()
    assert [kept[lead_id] for lead_id in world.leads] == [TODAY - 2 * DAY, TODAY, None]


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_whoever_looks_for_all_contacts_waits_for_one_that_is_being_added_on_the_same_day(sessions):
    with sessions.begin() as db:
        make_regime(db)
        lead = make_lead(db, last_contact_on=TODAY)

    with sessions() as adding, sessions() as looking:
        apply_contacts(adding, [ContactChanged((lead.id,), on=TODAY)])

        looking.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(OperationalError):
            apply_contacts(looking, [ContactChanged((lead.id,))])
