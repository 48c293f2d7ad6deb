"""The weekly digest: who gets it, what it says, and what it keeps to itself."""

from datetime import date, timedelta

import pytest
from sqlalchemy import event, select

from crm.base import clock
from crm.base.outbox import Message, State
from crm.base.periods import Period
from crm.digests import service
from crm.leads.rules import MilestoneKind, Secrecy
from crm.people.rules import Duty, Role
from crm.visits.rules import Channel, Kind, Status
from tests.digests.conftest import MONDAY, WEEK
from tests.factories import (
    make_absence,
    make_followup,
    make_lead,
    make_milestone,
    make_person,
    make_unit,
    make_visit,
)

IN_WEEK = date(2026, 7, 8)


def test_each_gets_one_mail_under_its_key(db, zone, weekly, mail_of):
    made = weekly()

    assert made == {"made": 5}
    assert [one.dedupe_key for one in mail_of(zone.boss)] == ["weekly-digest:zone:boss:2026-W28:-"]


def test_a_second_run_makes_nothing(db, zone, weekly):
    weekly()

    assert weekly() == {}


def test_who_owes_and_oversees_gets_both_parts_in_one_mail(db, zone, weekly, text_of):
    weekly()

    assert "我的进度" in text_of(zone.boss)
    assert "各单位成果" in text_of(zone.boss)


def test_the_figure_says_why_a_visit_does_not_count(db, zone, weekly, text_of):
    make_visit(db, zone.boss, IN_WEEK, channel=Channel.PHONE)

    weekly()

    assert "每周带队拜访（2026年第28周）：0/1 次，未达标" in text_of(zone.boss)
    assert "未计入：7月8日外出拜访（电话）方式不计入" in text_of(zone.boss)
    assert (
        "https://crm.test/compliance/figure?rule=principal-weekly&person=boss&period=2026-W28"
        in text_of(zone.boss)
    )


def test_text_and_html_say_the_same_figure(db, zone, weekly, mail_of):
    make_visit(db, zone.boss, IN_WEEK)

    weekly()

    [mail] = mail_of(zone.boss)
    assert "1/1 次" in mail.body_text
    assert "1/1 次" in mail.body_html
    assert "已达标" in mail.body_html


def test_the_running_month_is_told_so_far(db, zone, weekly, text_of):
    make_visit(db, zone.deputy, IN_WEEK)

    weekly()

    assert "进行中\n- 分管负责同志每月带队拜访（2026年7月）：1/6 次" in text_of(zone.deputy)


def test_it_is_preliminary_and_says_what_waits(db, zone, weekly, mail_of, text_of):
    make_visit(db, zone.boss, IN_WEEK, status=Status.PLANNED)
    make_visit(db, zone.boss, date(2026, 7, 6), logged_at=clock.at_civil(date(2026, 7, 11)))

    weekly()

    assert "初步数" in mail_of(zone.boss)[0].subject
    assert "还有 1 次拜访待填报、1 次待确认" in text_of(zone.boss)


def test_no_mail_calls_itself_an_official_circular(db, zone, weekly):
    weekly()

    assert not [one for one in db.scalars(select(Message)) if "通报" in one.body_html]


def test_what_was_entered_later_is_not_there(db, zone, weekly, text_of):
    lead = make_lead(db, "迟到项目", unit=zone.bureau)
    make_milestone(db, lead, MilestoneKind.SIGNED, IN_WEEK, entered_at=MONDAY + timedelta(hours=1))
    make_visit(db, zone.boss, IN_WEEK, logged_at=MONDAY + timedelta(hours=1))

    weekly()

    assert "迟到项目" not in text_of(zone.boss)
    assert "0/1 次，未达标" in text_of(zone.boss)


def test_followups_due_and_overdue_are_told_to_whom_they_belong(db, zone, weekly, text_of):
    lead = make_lead(db, "封测基地", unit=zone.bureau)
    make_followup(db, lead, zone.recruiter, date(2026, 7, 10), what="送样")
    make_followup(db, lead, zone.recruiter, date(2026, 7, 15), what="回访")
    make_followup(db, lead, zone.recruiter, date(2026, 7, 30), what="以后再说")

    weekly()

    told = text_of(zone.recruiter)
    assert "7月10日（已逾期） 送样 · 封测基地" in told
    assert "7月15日 回访 · 封测基地" in told
    assert "以后再说" not in told
    assert "送样" not in text_of(zone.deputy)


def test_the_plan_is_of_those_who_lead_and_those_who_join(db, zone, weekly, text_of):
    make_visit(
        db,
        zone.deputy,
        date(2026, 7, 14),
        status=Status.PLANNED,
        participants=[zone.recruiter],
        city="上海",
        entered_at=MONDAY - timedelta(days=1),
    )

    weekly()

    assert "7月14日 09:00 deputy同志 上海 外出拜访" in text_of(zone.recruiter)
    assert "7月14日 09:00 deputy同志 上海 外出拜访" in text_of(zone.supervisor)


def test_units_stand_side_by_side_by_results(db, zone, weekly, text_of):
    lead = make_lead(db, "封测基地", unit=zone.bureau, yi="12.5")
    make_milestone(db, lead, MilestoneKind.SIGNED, IN_WEEK)

    weekly()

    assert "投资促进局：签约 当周 1、本年 1，本年签约额 12.5亿元，推进线索 1" in text_of(zone.boss)
    assert "封测基地（12.5亿元） 投资促进局：7月8日签约" in text_of(zone.boss)


def test_a_project_is_signed_once(db, zone, weekly, text_of):
    lead = make_lead(db, unit=zone.bureau, yi="5")
    make_milestone(db, lead, MilestoneKind.SIGNED, date(2026, 6, 9))
    make_milestone(db, lead, MilestoneKind.SIGNED, IN_WEEK)

    weekly()

    assert "签约 当周 0、本年 1，本年签约额 5亿元" in text_of(zone.boss)


def test_a_restricted_lead_is_a_code_name_and_counts_in_totals(db, zone, weekly, text_of):
    lead = make_lead(
        db, "秘不示人", unit=zone.bureau, yi="50", secrecy=Secrecy.RESTRICTED, code_name="远航"
    )
    make_milestone(db, lead, MilestoneKind.SIGNED, IN_WEEK)
    make_visit(db, zone.deputy, IN_WEEK, leads=[lead], minutes="只给知情人看")

    weekly()

    told = text_of(zone.boss)
    assert "远航 投资促进局：7月8日签约" in told
    assert "合计：签约 当周 1、本年 1，本年签约额 50亿元" in told
    assert "秘不示人" not in told
    assert "只给知情人看" not in told


def test_who_is_named_on_a_restricted_lead_reads_its_title(db, zone, weekly, text_of):
    lead = make_lead(
        db, "秘不示人", unit=zone.bureau, tracker=zone.boss, yi="50", secrecy=Secrecy.RESTRICTED
    )
    make_milestone(db, lead, MilestoneKind.SIGNED, IN_WEEK)

    weekly()

    assert "秘不示人（50亿元）" in text_of(zone.boss)


def test_visits_of_note_have_minutes_or_a_major_project(db, zone, weekly, text_of):
    major = make_lead(db, "百亿项目", unit=zone.bureau, yi="100")
    make_visit(db, zone.deputy, IN_WEEK, minutes="谈妥用地", city="无锡")
    make_visit(db, zone.deputy, IN_WEEK, leads=[major], city="常州")
    make_visit(db, zone.deputy, IN_WEEK, city="镇江")

    weekly()

    told = text_of(zone.supervisor)
    assert "谈妥用地" in told
    assert "常州 外出拜访 · 百亿项目" in told
    assert "镇江" not in told


def test_persons_are_named_to_their_line_of_command_only(db, zone, weekly, text_of):
    weekly()

    assert "deputy同志：分管负责同志每月带队拜访" in text_of(zone.supervisor)
    assert "deputy同志" not in text_of(zone.reader)
    assert "各单位成果" in text_of(zone.reader)


def test_a_supervisor_reads_of_their_own_units_only(db, zone, weekly, text_of):
    lead = make_lead(db, "保税项目", unit=zone.park)
    make_milestone(db, lead, MilestoneKind.NEGOTIATING, IN_WEEK)
    make_person(db, "parker", duty=Duty.DEPUTY, unit=zone.park)

    weekly()

    assert "保税项目" in text_of(zone.boss)
    assert "保税项目" not in text_of(zone.supervisor)
    assert "parker同志" not in text_of(zone.supervisor)


def test_nothing_to_say_is_counted_and_not_sent(db, zone, weekly, mail_of):
    make_absence(db, zone.recruiter, date(2026, 7, 1), date(2026, 7, 31))

    assert weekly() == {"made": 4, "empty": 1}
    assert mail_of(zone.recruiter) == []


def test_a_disabled_person_gets_none(db, zone, weekly, mail_of):
    zone.boss.disabled_at = MONDAY - timedelta(days=1)
    db.flush()

    weekly()

    assert mail_of(zone.boss) == []


def test_an_old_digest_is_kept_and_not_mailed(db, zone, weekly, mail_of):
    assert weekly(late=True, mail=False) == {"kept": 5}

    [mail] = mail_of(zone.boss)
    assert mail.state is State.SKIPPED
    assert "补发" in mail.subject
    assert "【补发】" in mail.body_text


def test_an_estimated_calendar_is_told(db, zone, site, mail_of):
    at = clock.at_civil(date(2027, 1, 11)) + timedelta(hours=7, minutes=30)
    service.make_weekly(
        db, period=Period.parse("2027-W01"), at=at, late=False, mail=True, site=site
    )

    assert "推算日历" in mail_of(zone.boss)[0].body_text


def test_a_stay_under_way_counts_to_the_day_before(db, zone, weekly, text_of):
    make_visit(
        db,
        zone.recruiter,
        date(2026, 7, 6),
        days=12,
        kind=Kind.RESIDENCY,
        status=Status.PLANNED,
    )

    weekly()

    assert "专职招商人员每月驻城招商（2026年7月）：7/20 天" in text_of(zone.recruiter)


def test_equal_data_gives_equal_bytes(db, zone, site):
    make_visit(db, zone.boss, IN_WEEK)
    first, second = (
        service.put_into_words(service.preview(db, period=WEEK, person=zone.boss, at=MONDAY), site)
        for _ in range(2)
    )

    assert first == second


@pytest.fixture
def statements(db):
    """How many statements were sent to the database."""
    sent = []
    engine = db.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    return sent


def test_more_people_cost_few_queries_each(db, zone, weekly, statements):
    for number in range(20):
        make_person(db, f"r{number}", unit=zone.bureau)
    for number in range(3):
        unit = make_unit(db, parent=zone.top)
        make_person(db, f"s{number}", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
    statements.clear()

    weekly()

    # 50 for the zone; a recruiter costs the row of the message, an overseer six more
    assert len(statements) <= 50 + 28 + 6 * 6
