"""What the demonstration zone of a day holds, whether or not the clock has run on it."""

from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from crm.base import clock
from crm.base.clock import at_civil, civil_date
from crm.base.money import YI, Currency
from crm.base.outbox import Message, State
from crm.followups.models import Followup, FollowupSnooze
from crm.imports.models import ImportRun, ImportTemplate
from crm.imports.rules import RunState
from crm.imports.settings import Report
from crm.leads.models import Lead, LeadRole, Milestone
from crm.leads.rules import LINE, LeadRoleKind, Stage
from crm.people.absence_approval import waiting
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.queries import by_username, unit_tree
from crm.people.service import verify
from crm.quotas.queries import figures
from crm.quotas.rules import FigureStatus
from crm.results.basis import Basis
from crm.results.models import Claim
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import standings
from crm.results.receipt_rules import Line
from crm.results.rules import ClaimState
from crm.supervision.assignees import waiting_for
from crm.supervision.models import Order
from crm.supervision.rules import UNDER_WAY, OrderState
from crm.supervision.workflow import Wait
from crm.targets.queries import target_progress
from crm.targets.rules import Metric, TargetMeasure
from crm.visits.day import day_visits
from crm.visits.models import Visit
from tests.seeds.mails import whatever_the_html_shows_the_text_says
from tests.seeds.zone import periods_around, story_of

DAY = date(2026, 11, 18)
NOW = at_civil(DAY) + timedelta(hours=10)


def everything_is_there(db):
    """The report's figures, and every state of everything, as the scenario has them."""
    everything_told_is_written(db)
    the_report_s_figures_are_there(db)
    registered_and_recognised_are_equal(db)
    every_state_of_a_claim_is_shown(db)
    every_state_of_a_receipt_is_shown(db)
    every_status_is_on_the_board(db)
    the_demonstration_accounts_open(db)
    orders_are_on_their_way(db)
    an_absence_waits(db)
    a_followup_was_put_off_with_its_reason(db)
    a_units_table_is_remembered_and_waits(db)
    whatever_the_html_shows_the_text_says(db)
    no_mail_waits(db)


def no_mail_waits(db):
    """A mail of those days was delivered then, whoever made it."""
    assert db.scalars(select(Message.state).distinct()).all() == [State.SENT]
    assert db.scalars(select(Message.id).where(Message.sent_at != Message.made_at)).all() == []


def everything_told_is_written(db):
    story = story_of(DAY)
    result = (len(story.leads), len(story.visits), len(story.followups))
    written = [
        db.scalar(select(func.count()).select_from(kind)) for kind in (Lead, Visit, Followup)
    ]

    assert tuple(written) == result
    assert {visit.ref: visit.entered_at for visit in story.visits} == dict(
        db.execute(select(Visit.ref, Visit.entered_at)).all()
    )
    assert {visit.ref: visit.logged_at for visit in story.visits} == dict(
        db.execute(select(Visit.ref, Visit.logged_at)).all()
    )
    assert {lead.row.ref: lead.row.stage for lead in story.leads} == dict(
        db.execute(select(Lead.ref, Lead.stage)).all()
    )


def a_followup_was_put_off_with_its_reason(db):
    step, snooze = db.execute(
        select(Followup, FollowupSnooze).join(
            FollowupSnooze, FollowupSnooze.followup_id == Followup.id
        )
    ).one()

    assert snooze.was_due_on < DAY < snooze.due_on == step.due_on
    assert "客户技术团队出差" in snooze.reason


def a_units_table_is_remembered_and_waits(db):
    run, template = db.execute(
        select(ImportRun, ImportTemplate).join(
            ImportTemplate, ImportTemplate.unit_id == ImportRun.unit_id
        )
    ).one()

    assert template.signature.startswith("走访日期|走访形式")
    assert run.state is RunState.PREVIEW
    assert Report.unpacked(run.report).counts == {"new": 2, "refused": 1}


def the_report_s_figures_are_there(db):
    big = (Lead.currency == Currency.CNY) & (Lead.amount > 10 * YI)
    signed = (
        select(func.count(Lead.id.distinct()))
        .join(Milestone)
        .where(big, Milestone.kind == Stage.SIGNED, Milestone.reached_on > date(2026, 5, 18))
    )
    in_hand = select(func.count(), func.sum(Lead.amount)).where(
        Lead.currency == Currency.CNY,
        Lead.amount >= 10 * YI,
        Lead.stage.in_([Stage.FOLLOWING, Stage.NEGOTIATING]),
    )
    of_recruiters = (
        select(Lead.stage)
        .join(LeadRole)
        .join(Person, Person.id == LeadRole.person_id)
        .where(LeadRole.role == LeadRoleKind.TRACKER, Person.username.in_(recruiters()))
    )
    stages = db.scalars(of_recruiters).all()

    assert db.scalar(signed) == 13
    assert tuple(db.execute(in_hand).one()) == (18, Decimal(671) * YI)
    assert (len(stages), sum(stage in LINE[4:] for stage in stages)) == (24, 8)


def registered_and_recognised_are_equal(db):
    """13 of 20 projects and the larger ones: by what is registered and by what is recognised."""
    units = unit_tree(db)
    found = target_progress(
        *(db,),
        units=units,
        seen={node.unit.id for node in units},
        year=DAY.year,
        last=DAY,
        before=DAY,
        at=NOW,
    )
    zone = [item for item in found if item.goal.unit_id == units[0].unit.id]
    by_number = [item for item in zone if item.goal.measure is TargetMeasure.COUNT]
    signed = [item for item in by_number if item.goal.metric is Metric.SIGNED]

    assert [(item.registered, item.achieved, item.goal.value) for item in signed] == [
        (13, 13, 20),
        (7, 7, 10),
        (2, 2, 2),
        (1, 1, 1),
    ]
    assert [item.waiting for item in signed] == [0, 0, 0, 0]
    assert [(part.in_hand.count, part.in_hand.amounts) for part in signed] == [
        (18, ((671 * YI, Currency.CNY),)),
        (13, ((610 * YI, Currency.CNY),)),
        (5, ((365 * YI, Currency.CNY),)),
        (1, ((120 * YI, Currency.CNY),)),
    ]


def every_state_of_a_claim_is_shown(db):
    assert set(db.scalars(select(Claim.state))) == set(ClaimState)


def every_state_of_a_receipt_is_shown(db):
    rows = db.scalars(select(Receipt).options(joinedload(Receipt.form))).all()
    stand = standings(db, rows).values()

    assert {row.basis for row in stand} == set(Basis) - {Basis.OTHER_YEAR}
    assert [row.mark for row in stand if row.mark] == ["补报9月"]
    assert {row.form.line for row in rows} == set(Line)
    assert sum(row.amount < 0 for row in rows) == 1
    assert [row.currency for row in rows if row.counted_amount is None] == [Currency.HKD]


def recruiters():
    return {
        posting.row.username
        for posting in story_of(DAY).postings
        if posting.row.unit.startswith("company-")
    }


def every_status_is_on_the_board(db):
    shown = {
        each.figure.status
        for period in periods_around(DAY)
        for each in figures(db, period=period, as_of=NOW)
    }

    assert shown == set(FigureStatus)


def the_demonstration_accounts_open(db):
    person = by_username(db, "shenruochuan")

    assert verify(person, "zhaoshang-2026", now=clock.now())
    me = viewer(db, person, civil_date(NOW))
    assert day_visits(db, me, NOW, owner_ids=[], named_since=NOW).todays


def orders_are_on_their_way(db):
    by_people = Order.drafted_by_id.is_not(None)  # not by the clock, where it ran
    states = set(db.scalars(select(Order.state).where(by_people)))
    chief = viewer(db, by_username(db, "chiminglang"), DAY)
    waits = {one.wait for one in waiting_for(db, chief, NOW) if one.order.drafted_by_id}

    assert states == UNDER_WAY - {OrderState.RETURNED} | {OrderState.ACCEPTED}
    assert waits == {Wait.RECEIVE, Wait.ACCEPT}


def an_absence_waits(db):
    watch = viewer(db, by_username(db, "wusiqi"), DAY)

    assert len(waiting(db, watch, DAY)) == 1
