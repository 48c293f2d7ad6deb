"""REGIME 5: an overdue milestone makes a draft; an overdue order goes one level up at a time."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message, MessageKind
from crm.jobs import ledger
from crm.jobs.runner import Runner
from crm.jobs.timetable import JOBS, JobName
from crm.leads.rules import LeadRoleKind, Secrecy, Stage
from crm.supervision.escalation import draft_from_milestones, escalate_orders
from crm.supervision.models import Order, OrderEntry, OrderUnit
from crm.supervision.rules import About, EntryKind, OrderState, Origin
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_lead, make_milestone, make_order, make_plan, make_role
from tests.jobs.work import SITE
from tests.supervision.conftest import arrange
from tests.supervision.steps import answer_order, issue_order, receive_order

TODAY = at_civil(date(2026, 7, 15))
PLANNED = date(2026, 7, 10)


@pytest.fixture
def draft(db, site):
    def draft(at=TODAY, *, late=False):
        return dict(draft_from_milestones(db, at=at, late=late, site=site))

    return draft


@pytest.fixture
def escalate(db, site):
    def escalate(on, *, late=False):
        return dict(escalate_orders(db, at=at_civil(on), late=late, site=site))

    return escalate


@pytest.fixture
def lead(db, zone):
    lead = make_lead(db, "新厂房", unit=zone.team, tracker=zone.li)
    make_plan(db, lead, Stage.SIGNED, PLANNED)
    return lead


@pytest.fixture
def issued(db, zone):
    """An order issued on 15 July and due on the 30th."""
    order = make_order(db, zone.team, officer=zone.chief, person_id=zone.li.id)
    issue_order(db, order=order, by=zone.chief, now=NOW)
    return order


def orders(db):
    return db.scalars(select(Order).order_by(Order.id)).all()


def mailed(db):
    query = select(Message.dedupe_key).where(Message.kind == MessageKind.ORDER)
    return [key.split(":")[2] for key in db.scalars(query.order_by(Message.id))]


# milestones


def test_an_overdue_milestone_makes_a_draft_for_the_responsible_unit(db, zone, lead, draft):
    assert draft() == {"drafts": 1}

    (order,) = orders(db)
    assert (order.state, order.origin, order.about) == (
        *(OrderState.DRAFT, Origin.MILESTONE, About.PROJECT),
    )
    assert (order.unit_id, order.person_id, order.lead_id) == (zone.team.id, zone.li.id, lead.id)
    assert order.matter == "新厂房：签约计划2026年7月10日完成，尚未完成"


def test_the_nearest_supervisor_is_its_officer_and_is_told(db, zone, lead, draft):
    draft()

    assert orders(db)[0].officer_id == zone.head.id
    assert mailed(db) == ["head"]


def test_it_is_drafted_once_per_milestone_and_planned_date(db, lead, draft):
    draft()
    assert draft() == {}
    assert draft(TODAY + timedelta(days=7)) == {}

    make_plan(db, lead, Stage.SIGNED, date(2026, 7, 20), entered_at=TODAY)
    assert draft(TODAY + timedelta(days=7)) == {"drafts": 1}


def test_on_its_planned_date_a_milestone_is_not_overdue(db, lead, draft):
    assert draft(at_civil(PLANNED)) == {}
    assert draft(at_civil(PLANNED) + timedelta(days=1)) == {"drafts": 1}


def test_a_milestone_that_was_reached_is_not_overdue(db, lead, draft):
    make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 12))

    assert draft() == {}


def test_a_milestone_that_was_skipped_is_not_overdue(db, lead, draft):
    make_milestone(db, lead, Stage.REGISTERED, date(2026, 7, 12))

    assert draft() == {}


def test_a_parked_lead_has_no_overdue_milestone(db, zone, draft):
    lead = make_lead(db, unit=zone.team, stage=Stage.PARKED)
    make_plan(db, lead, Stage.SIGNED, PLANNED)

    assert draft() == {}


def test_the_latest_plan_counts(db, lead, draft):
    make_plan(db, lead, Stage.SIGNED, date(2026, 8, 1))

    assert draft() == {}


def test_a_draft_on_a_restricted_lead_goes_to_people_named_on_it_only(db, zone, draft):
    lead = make_lead(db, unit=zone.team, tracker=zone.li, secrecy=Secrecy.RESTRICTED)
    make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=zone.leader)
    make_plan(db, lead, Stage.SIGNED, PLANNED)

    draft()

    assert orders(db)[0].officer_id == zone.leader.id
    assert mailed(db) == ["leader"]


def test_no_order_is_drafted_if_nobody_named_may_issue_it(db, zone, draft):
    lead = make_lead(db, unit=zone.team, tracker=zone.li, secrecy=Secrecy.RESTRICTED)
    make_plan(db, lead, Stage.SIGNED, PLANNED)

    assert draft() == {"undrafted": 1}


# escalation


def test_an_order_does_not_escalate_before_its_due_date_has_passed(db, issued, escalate):
    assert escalate(date(2026, 7, 30)) == {}


def test_after_the_due_date_an_order_escalates_one_level(db, zone, issued, escalate):
    assert escalate(date(2026, 7, 31)) == {"escalated": 1, "mails": 1}

    assert (issued.level, issued.reached_unit_id) == (1, zone.bureau.id)
    entry = db.scalars(select(OrderEntry).order_by(OrderEntry.id.desc())).first()
    assert (entry.kind, entry.text) == (EntryKind.ESCALATED, "逾期 1 天，提级至招商局")
    assert mailed(db) == ["chief"]


def test_an_order_whose_line_is_empty_is_told_to_an_admin(db, zone, issued, escalate):
    for one in (zone.top, zone.leader, zone.chief, zone.head):
        one.disabled_at = NOW
    db.flush()

    assert escalate(date(2026, 7, 31)) == {"escalated": 1, "mails": 1}
    assert mailed(db) == ["admin"]


def test_a_second_run_on_the_day_changes_nothing(db, issued, escalate):
    escalate(date(2026, 7, 31))

    assert escalate(date(2026, 7, 31)) == {}
    assert mailed(db) == ["chief"]


def test_an_order_escalates_every_three_working_days_up_to_the_top(db, zone, issued, escalate):
    escalate(date(2026, 7, 31))
    assert escalate(date(2026, 8, 4)) == {}

    assert escalate(date(2026, 8, 5)) == {"escalated": 1, "mails": 2}

    assert (issued.level, issued.reached_unit_id) == (2, zone.zone.id)
    assert sorted(mailed(db)) == ["chief", "leader", "top"]
    assert escalate(date(2026, 8, 20)) == {}


def test_an_answered_order_does_not_escalate(db, zone, issued, escalate):
    receive_order(db, order=issued, by=zone.li, now=NOW)
    answer_order(db, order=issued, text="已办", by=zone.li, now=NOW)

    assert escalate(date(2026, 8, 20)) == {}


def test_after_a_later_due_date_escalation_continues_from_the_level_reached(
    db, zone, issued, escalate
):
    escalate(date(2026, 7, 31))
    issued.due_on = date(2026, 8, 10)
    db.flush()

    assert escalate(date(2026, 8, 10)) == {}
    escalate(date(2026, 8, 11))

    assert issued.reached_unit_id == zone.zone.id


def test_levels_that_may_not_know_of_the_lead_are_skipped(db, zone, escalate):
    lead = make_lead(db, unit=zone.team, tracker=zone.li, secrecy=Secrecy.RESTRICTED)
    make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=zone.leader)
    order = make_order(db, zone.team, officer=zone.leader, person_id=zone.li.id, lead_id=lead.id)
    issue_order(db, order=order, by=zone.leader, now=NOW)

    escalate(date(2026, 7, 31))

    assert order.reached_unit_id == zone.zone.id
    assert mailed(db) == ["leader"]


# at its slots


def zone_at_work(sessions):
    with transaction(sessions) as db:
        ledger.install(db, clock_from=TODAY, now=TODAY)
        zone = arrange(db)
        order = make_order(db, zone.team, officer=zone.chief, person_id=zone.li.id)
        db.add(OrderUnit(order_id=order.id, unit_id=zone.other.id))
        issue_order(db, order=order, by=zone.chief, now=NOW)
        lead = make_lead(db, unit=zone.team, tracker=zone.li)
        make_plan(db, lead, Stage.SIGNED, date(2026, 7, 20))
    jobs = [job for job in JOBS if job.name is JobName.ESCALATE]
    return Runner(sessions, SITE, jobs=jobs)


def steps(sessions):
    with sessions() as db:
        query = select(OrderEntry).order_by(OrderEntry.id)
        return [(str(each.kind), each.at) for each in db.scalars(query)][1:]


EXPECTED = [
    ("drafted", at_civil(date(2026, 7, 21))),
    ("escalated", at_civil(date(2026, 7, 31))),
    ("escalated", at_civil(date(2026, 8, 5))),
]


def test_each_day_has_its_slot_and_a_second_run_repeats_nothing(sessions):
    runner = zone_at_work(sessions)

    runner.run_until(at_civil(date(2026, 8, 12)), to_mailbox=True)
    runner.run_until(at_civil(date(2026, 8, 12)), to_mailbox=True)

    assert steps(sessions) == EXPECTED


def test_after_weeks_of_downtime_all_is_done_once_as_at_its_own_moment_and_says_so(sessions):
    runner = zone_at_work(sessions)

    runner.run_due(lambda: at_civil(date(2026, 8, 12)))
    runner.run_due(lambda: at_civil(date(2026, 8, 12)))

    assert steps(sessions) == EXPECTED
    with sessions() as db:
        subjects = db.scalars(select(Message.subject)).all()
    assert len(subjects) == 4
    assert all("补发" in subject for subject in subjects)
