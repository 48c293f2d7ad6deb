"""The weekly digest: who gets it, what it says, and what it keeps to itself."""

from datetime import date, timedelta

import pytest
from sqlalchemy import event

from crm.base import clock
from crm.base.outbox import State
from crm.base.periods import Period
from crm.leads.rules import Stage
from crm.people.rules import Duty, Role
from crm.visits.rules import Channel, Kind, Status
from tests.digests.conftest import MONDAY
from tests.digests.making import make_digests
from tests.factories import (
    make_absence,
    make_followup,
    make_lead,
    make_milestone,
    make_person,
    make_unit,
    make_visit,
)

pytestmark = pytest.mark.slow_on_postgresql  # what a mail shows, not what it reads


IN_WEEK = date(2026, 7, 8)


def test_each_recipient_gets_one_mail_under_its_key(db, zone, weekly, mail_of):
    made = weekly()

    assert made == {"made": 6}
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
    assert "未计入：7月8日线上对接（电话）类型不计入" in text_of(zone.boss)


def test_the_running_month_is_told_so_far(db, zone, weekly, text_of):
    make_visit(db, zone.deputy, IN_WEEK)

    weekly()

    assert "分管负责同志每月带队拜访（2026年7月）：1/6 次，正常推进" in text_of(zone.deputy)


def test_it_is_preliminary_and_says_what_waits(db, zone, weekly, mail_of, text_of):
    make_visit(db, zone.boss, IN_WEEK, status=Status.PLANNED)
    make_visit(db, zone.boss, date(2026, 7, 6), logged_at=clock.at_civil(date(2026, 7, 11)))

    weekly()

    assert "初步数" in mail_of(zone.boss)[0].subject
    assert "还有 1 次拜访待办结、1 次拜访待确认" in text_of(zone.boss)


def test_what_was_entered_later_is_not_there(db, zone, weekly, text_of):
    lead = make_lead(db, "迟到项目", unit=zone.bureau)
    make_milestone(db, lead, Stage.SIGNED, IN_WEEK, entered_at=MONDAY + timedelta(hours=1))
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

    text = text_of(zone.recruiter)
    assert "7月10日 送样 · 封测基地，已逾期" in text
    assert "7月15日 回访 · 封测基地" in text
    assert "以后再说" not in text
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
    make_milestone(db, lead, Stage.SIGNED, IN_WEEK)

    weekly()

    assert "投资促进局 | 1 · 0 · 1 | 1 · 0 · 1 | 12.5亿元 | — | — | — | 0/2 | 1 |" in text_of(
        zone.boss
    )
    assert "封测基地（投资促进局 · 7月8日签约）：认定 12.5亿元" in text_of(zone.boss)


def test_a_project_is_signed_once(db, zone, weekly, text_of):
    lead = make_lead(db, unit=zone.bureau, yi="5")
    make_milestone(db, lead, Stage.SIGNED, date(2026, 6, 9))
    make_milestone(db, lead, Stage.SIGNED, IN_WEEK)

    weekly()

    assert "投资促进局 | — | 1 · 0 · 1 | 5亿元 |" in text_of(zone.boss)


def test_who_needs_help_is_told_first_and_why(db, zone, weekly, text_of):
    make_visit(db, zone.deputy, date(2026, 7, 2), logged_at=clock.at_civil(date(2026, 7, 11)))

    weekly()

    text = text_of(zone.supervisor)
    assert "【需关注人员】2 人：deputy同志（差 6 次）、recruiter同志（差 20 天）\n" in text
    assert (
        "- deputy同志（投资促进局 · 7月带队拜访）：0/6 次，有风险\n"
        "  差 6 次，本月只剩 15 个工作日，无计划，另有 1 次待确认\n"
        "  分管负责同志每月带队拜访\n"
        "  未计入：7月2日外出拜访（面谈）超期补录，待确认\n"
    ) in text


def test_a_reader_learns_in_which_units_help_is_needed(db, zone, weekly, text_of):
    make_person(db, "another", unit=zone.bureau)
    weekly()

    assert "【需关注人员】投资促进局 3 项\n" in text_of(zone.reader)


def test_a_reader_learns_nothing_of_a_unit_in_which_fewer_than_three_owe(db, zone, weekly, text_of):
    weekly()

    text = text_of(zone.reader)
    assert "【需关注人员】共 3 项\n" in text
    assert "本级 | — | — | — | — | — | — | 不足3人 |" in text
    assert "投资促进局 | — | — | — | — | — | — | 不足3人 |" in text
    assert "主要负责同志每周带队拜访（" not in text


def test_a_shortfall_is_told_with_what_would_mend_it(db, zone, weekly, text_of):
    make_visit(db, zone.boss, IN_WEEK + timedelta(days=2), status=Status.PLANNED)

    weekly()

    text = text_of(zone.boss)
    assert "0/1 次，未达标\n  差 1 次，另有 1 次待办结\n" in text
    assert "登记或安排拜访 /visits/new\n" in text


def test_when_nothing_waits_it_says_so(db, zone, weekly, text_of):
    make_visit(db, zone.boss, IN_WEEK)

    weekly()

    assert "【初步数】暂无待办结或待确认的拜访" in text_of(zone.boss)


def test_who_owes_nothing_still_reads_what_is_due(db, zone, weekly, text_of):
    make_followup(db, make_lead(db, "封测基地"), zone.supervisor, date(2026, 7, 10), what="送样")

    weekly()

    assert "== 到期的跟进事项 ==\n- 7月10日 送样" in text_of(zone.supervisor)


def test_stays_are_told_by_city(db, zone, weekly, text_of):
    for number in range(3):
        make_visit(
            db,
            make_person(db, f"r{number}", unit=zone.bureau),
            date(2026, 7, 13),
            days=5,
            kind=Kind.RESIDENCY,
            status=Status.PLANNED,
            city="上海" if number else "苏州",
        )

    weekly()

    assert "驻城招商：上海 2 人、苏州 1 人。" in text_of(zone.supervisor)


def test_a_lead_that_a_visit_got_later_is_not_there_yet(db, zone, weekly, text_of):
    later = make_lead(db, "后来的项目", entered_at=MONDAY + timedelta(hours=1))
    make_visit(db, zone.deputy, IN_WEEK, leads=[later], minutes="先谈了一次")

    weekly()

    assert "先谈了一次" in text_of(zone.supervisor)
    assert "后来的项目" not in text_of(zone.supervisor)


def test_notable_visits_have_minutes_or_a_major_project(db, zone, weekly, text_of):
    major = make_lead(db, "百亿项目", unit=zone.bureau, yi="100")
    make_visit(db, zone.deputy, IN_WEEK, minutes="谈妥用地", city="无锡")
    make_visit(db, zone.deputy, IN_WEEK, leads=[major], city="常州")
    make_visit(db, zone.deputy, IN_WEEK, city="镇江")

    weekly()

    text = text_of(zone.supervisor)
    assert "谈妥用地" in text
    assert "常州 外出拜访（首次洽谈） · 百亿项目" in text
    assert "镇江" not in text


def test_persons_are_named_to_their_line_of_command_only(db, zone, weekly, text_of):
    weekly()

    assert "- deputy同志（投资促进局 · 7月带队拜访）" in text_of(zone.supervisor)
    assert "deputy同志" not in text_of(zone.reader)
    assert "各单位成果" in text_of(zone.reader)


def test_a_supervisor_reads_of_their_own_units_only(db, zone, weekly, text_of):
    lead = make_lead(db, "保税项目", unit=zone.park)
    make_milestone(db, lead, Stage.NEGOTIATING, IN_WEEK)
    make_person(db, "parker", duty=Duty.DEPUTY, unit=zone.park)

    weekly()

    assert "保税项目" in text_of(zone.boss)
    assert "保税项目" not in text_of(zone.supervisor)
    assert "parker同志" not in text_of(zone.supervisor)


def test_nothing_to_say_is_counted_and_not_sent(db, zone, weekly, mail_of):
    make_absence(db, zone.recruiter, date(2026, 7, 1), date(2026, 7, 31))

    assert weekly() == {"made": 5, "empty": 1}
    assert mail_of(zone.recruiter) == []


def test_a_disabled_person_gets_none(db, zone, weekly, mail_of):
    zone.boss.disabled_at = MONDAY - timedelta(days=1)
    db.flush()

    weekly()

    assert mail_of(zone.boss) == []


def test_an_old_digest_is_kept_and_not_mailed(db, zone, weekly, mail_of):
    assert weekly(late=True, mail=False) == {"kept": 6}

    [mail] = mail_of(zone.boss)
    assert mail.state is State.SKIPPED
    assert "补发" in mail.subject
    assert "【补发】" in mail.body_text


def test_an_estimated_calendar_is_told(db, zone, site, mail_of):
    at = clock.at_civil(date(2027, 1, 11)) + timedelta(hours=7, minutes=30)
    make_digests(db, period=Period.parse("2027-W01"), at=at, late=False, mail=True, site=site)

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


@pytest.fixture
def statements(db):
    """How many statements were sent to the database."""
    sent = []
    engine = db.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *text: sent.append(text[2]))
    return sent


def test_more_people_cost_few_queries_each(db, zone, weekly, statements):
    for number in range(20):
        make_person(db, f"r{number}", unit=zone.bureau)
    for number in range(3):
        unit = make_unit(db, parent=zone.top)
        make_person(db, f"s{number}", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
    statements.clear()

    weekly()

    # 50 for the zone; a recruiter costs the row of the message and what they chose of their mails,
    # an overseer six more
    assert len(statements) <= 50 + 2 * 28 + 6 * 6


def test_everyone_who_owes_reads_their_own_and_who_oversees_the_units_that_they_see(
    db, zone, weekly, text_of
):
    weekly()

    found = {
        name: ("我的进度" in text_of(person), "各单位成果" in text_of(person))
        for name, person in vars(zone).items()
        if hasattr(person, "username")
    }
    assert found == {
        "boss": (True, True),
        "deputy": (True, False),
        "recruiter": (True, False),
        "supervisor": (False, True),
        "overall": (False, True),
        "reader": (False, True),
    }


def test_it_tells_of_the_week_before_and_of_the_weeks_plan(db, zone, weekly, text_of):
    make_visit(db, zone.boss, IN_WEEK)
    given = {"status": Status.PLANNED, "entered_at": MONDAY - timedelta(days=1), "city": "上海"}
    make_visit(db, zone.boss, date(2026, 7, 17), **given)
    make_visit(db, zone.boss, date(2026, 7, 20), **given | {"city": "无锡"})

    weekly()

    text = text_of(zone.boss)
    assert "每周带队拜访（2026年第28周）：1/1 次，已达标" in text
    assert "- 7月17日 09:00 boss同志 上海 外出拜访" in text
    assert "无锡" not in text


def test_a_late_digest_says_so(db, zone, weekly, mail_of):
    weekly(late=True)

    [mail] = mail_of(zone.boss)
    assert mail.subject.endswith("补发）")
    assert "【补发】" in mail.body_text


def test_the_plan_of_the_units_is_that_of_the_units_that_one_sees(db, zone, weekly, text_of):
    parker = make_person(db, "parker", duty=Duty.DEPUTY, unit=zone.park)
    planned = {"status": Status.PLANNED, "entered_at": MONDAY - timedelta(days=1)}
    make_visit(db, parker, date(2026, 7, 15), city="镇江", **planned)

    weekly()

    assert "parker同志 镇江 外出拜访" in text_of(zone.overall)
    assert "镇江" not in text_of(zone.supervisor)
