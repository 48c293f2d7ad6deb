"""REGIME 5: a period frozen as missed makes a reminder; two running, a draft order for the unit."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period
from crm.people.models import Posting
from crm.people.rules import Duty
from crm.quotas.frozen import corrections
from crm.quotas.models import FigureRecord
from crm.quotas.rules import FigureStatus
from crm.quotas.service import freeze_period
from crm.supervision.models import Order, OrderEntry, Reminder
from crm.supervision.reminders import remind_of_missed
from crm.supervision.rules import EntryKind, OrderState, Origin
from crm.transactions import transaction
from crm.visits.fields import VisitData
from crm.visits.rules import Kind
from crm.visits.service import log_visit
from crm.visits.verdicts import confirm_visit
from tests.factories import make_absence, make_person, make_rule, make_visit
from tests.supervision.conftest import arrange
from tests.supervision.steps import drop_order

MAY, JUNE, JULY = (Period.parse(f"2026-{month:02}") for month in (5, 6, 7))
FREEZES = {
    MAY: at_civil(date(2026, 6, 4)),
    JUNE: at_civil(date(2026, 7, 4)),
    JULY: at_civil(date(2026, 8, 6)),
}


@pytest.fixture
def deputy(db, zone):
    make_rule(db)
    # REGIME 2: a lower duty at the same unit does not see a deputy's figure
    db.scalars(select(Posting).where(Posting.person_id == zone.head.id)).one().duty = Duty.PRINCIPAL
    return make_person(db, "deputy", duty=Duty.DEPUTY, unit=zone.team)


@pytest.fixture
def freeze(db, site):
    def freeze(period, *, late=False):
        at = FREEZES[period]
        freeze_period(db, period=period, at=at, now=at)
        return dict(remind_of_missed(db, period=period, at=at, late=late, site=site))

    return freeze


def mails(db):
    query = select(Message).where(Message.kind == MessageKind.REMINDER)
    return {message.dedupe_key: message for message in db.scalars(query.order_by(Message.id))}


def orders(db):
    return db.scalars(select(Order).order_by(Order.id)).all()


def meet(db, person, month):
    for day in range(1, 8):
        make_visit(db, person, date(2026, month, day))


def test_a_period_frozen_as_missed_reminds_the_person_and_the_supervisor(db, deputy, freeze):
    assert freeze(JUNE) == {"reminders": 1, "mails": 2}

    assert set(mails(db)) == {"reminder:zone:deputy:2026-06:-", "reminder:zone:head:2026-06:-"}
    (reminder,) = db.scalars(select(Reminder)).all()
    assert (reminder.rule_code, reminder.person_id) == ("deputy-monthly", deputy.id)
    assert reminder.made_at == FREEZES[JUNE]


def test_a_period_that_was_met_makes_no_reminder(db, deputy, freeze):
    meet(db, deputy, 6)

    assert freeze(JUNE) == {}
    assert mails(db) == {}


def test_a_second_run_reminds_nobody_again(db, deputy, freeze):
    freeze(JUNE)
    before = len(mails(db))

    assert freeze(JUNE) == {}
    assert len(mails(db)) == before


def test_a_supervisor_gets_one_mail_with_all_whom_they_oversee_by_name(db, zone, deputy, freeze):
    make_person(db, "another", duty=Duty.DEPUTY, unit=zone.team)
    freeze(JUNE)

    text = mails(db)["reminder:zone:head:2026-06:-"].body_text
    assert text.index("another同志") < text.index("deputy同志")
    assert "完成 0/6 次，差 6 次" in text


def test_a_supervisor_who_missed_something_gets_one_mail_with_both_parts(db, zone, deputy, freeze):
    make_person(db, "both", role="supervisor", duty=Duty.DEPUTY, unit=zone.team)
    freeze(JUNE)

    text = mails(db)["reminder:zone:both:2026-06:-"].body_text
    assert "我的任务" in text
    assert "所辖人员" in text


def test_a_reminder_sent_late_says_so(db, deputy, freeze):
    freeze(JUNE, late=True)

    mail = mails(db)["reminder:zone:deputy:2026-06:-"]
    assert "补发" in mail.subject
    assert "本邮件为补发" in mail.body_html


def test_two_running_make_a_draft_for_the_unit(db, zone, deputy, freeze):
    freeze(MAY)
    assert orders(db) == []

    assert freeze(JUNE)["drafts"] == 1

    (draft,) = orders(db)
    assert (draft.state, draft.origin) == (OrderState.DRAFT, Origin.MISSED_TWICE)
    assert (draft.unit_id, draft.person_id) == (zone.team.id, deputy.id)
    assert (draft.officer_id, draft.drafted_by_id) == (zone.head.id, None)
    assert draft.matter == (
        "deputy同志“分管负责同志每月带队拜访”连续两期未完成（2026年5月、2026年6月）"
    )


def test_the_supervisor_is_told_of_the_draft_and_the_person_is_not(db, deputy, freeze):
    freeze(MAY)
    freeze(JUNE)

    assert "1 份督办单草稿" in mails(db)["reminder:zone:head:2026-06:-"].body_text
    assert "督办单" not in mails(db)["reminder:zone:deputy:2026-06:-"].body_text


def test_it_is_drafted_once(db, deputy, freeze):
    freeze(MAY)
    freeze(JUNE)
    freeze(JUNE)

    assert len(orders(db)) == 1


def test_a_third_missed_period_is_noted_in_the_open_order(db, deputy, freeze):
    for period in (MAY, JUNE, JULY):
        freeze(period)

    (draft,) = orders(db)
    entries = db.scalars(select(OrderEntry).where(OrderEntry.order_id == draft.id)).all()
    assert [entry.kind for entry in entries] == [EntryKind.DRAFTED, EntryKind.NOTED]
    assert entries[-1].text == "2026年7月又未完成（0/6）"


def test_a_third_missed_period_makes_another_draft_once_the_order_is_closed(
    db, zone, deputy, freeze
):
    freeze(MAY)
    freeze(JUNE)
    drop_order(db, order=orders(db)[0], text="因病", by=zone.head, now=FREEZES[JUNE])

    freeze(JULY)

    assert [order.state for order in orders(db)] == [OrderState.DROPPED, OrderState.DRAFT]


def test_a_period_met_in_between_breaks_the_run(db, deputy, freeze):
    meet(db, deputy, 6)
    for period in (MAY, JUNE, JULY):
        freeze(period)

    assert orders(db) == []


def test_a_period_that_ended_before_the_clock_began_makes_no_draft(db, deputy, site):
    for period in (MAY, JUNE):
        at = FREEZES[period]
        freeze_period(db, period=period, at=at, now=at)
        since = JUNE.first
        remind_of_missed(db, period=period, at=at, late=False, site=site, since=since)

    assert orders(db) == []


def test_an_exempt_period_in_between_is_skipped(db, deputy, freeze):
    make_absence(db, deputy, date(2026, 6, 1), date(2026, 6, 30))
    for period in (MAY, JUNE, JULY):
        freeze(period)

    (draft,) = orders(db)
    assert (draft.earlier_period, draft.period) == ("2026-05", "2026-07")


def test_a_correction_that_comes_later_is_shown_with_the_draft(sessions, site):
    with transaction(sessions) as db:
        zone = arrange(db)
        make_rule(db, minimum=1)
        deputy = make_person(db, "deputy", duty=Duty.DEPUTY, unit=zone.team)
        for period in (MAY, JUNE):
            at = FREEZES[period]
            freeze_period(db, period=period, at=at, now=at)
            remind_of_missed(db, period=period, at=at, late=False, site=site)
    later = FREEZES[JUNE] + timedelta(days=3)
    start = at_civil(date(2026, 6, 10)) + timedelta(hours=9)
    with transaction(sessions) as db:
        visit = log_visit(
            db,
            data=VisitData(
                kind=Kind.OUTREACH,
                starts_at=start,
                ends_at=start + timedelta(hours=2),
                city="苏州",
                leader_id=deputy.id,
            ),
            by=deputy,
            now=later,
        )
        confirm_visit(db, visit=visit, by=zone.head, now=later)

    with sessions() as db:
        (draft,) = orders(db)
        of_figure = FigureRecord.period.in_([draft.period, draft.earlier_period])
        (made,) = corrections(db, FigureRecord.person_id == draft.person_id, of_figure)
        frozen = db.scalars(select(FigureRecord.frozen_status)).all()
    assert made.correction.to_status is FigureStatus.MET
    assert frozen == [FigureStatus.MISSED, FigureStatus.MISSED]
    assert draft.state is OrderState.DRAFT  # the officer drops it, with that as the reason


def test_without_a_supervisor_up_the_tree_the_draft_waits_for_those_above(db, site):
    make_rule(db)
    make_person(db, "alone", duty=Duty.DEPUTY)
    for period in (MAY, JUNE):
        at = FREEZES[period]
        freeze_period(db, period=period, at=at, now=at)
        remind_of_missed(db, period=period, at=at, late=False, site=site)

    (draft,) = orders(db)
    assert draft.officer_id is None
