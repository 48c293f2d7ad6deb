"""The morning brief: what is on today, due and new, for whom it is, and nothing else (REGIME 5)."""

from datetime import date, timedelta

import pytest

from crm.base.clock import at_civil
from crm.base.outbox import MessageKind
from crm.digests.brief import make_briefs
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.rules import Role
from crm.visits.rules import Kind, Status, Verdict
from tests.factories import make_followup, make_lead, make_person, make_role, make_visit

TODAY = date(2026, 7, 15)  # a Wednesday
MORNING = at_civil(TODAY) + timedelta(hours=7, minutes=45)
YESTERDAY = MORNING - timedelta(hours=14)


@pytest.fixture
def brief(db, site):
    """Make the briefs of the morning, or of another moment."""

    def make(at=MORNING, *, late=False):
        return make_briefs(db, at=at, late=late, site=site)

    return make


def plan(db, leader, on=TODAY, **given):
    return make_visit(db, leader, on, status=Status.PLANNED, entered_at=YESTERDAY, **given)


def enter_lead(db, title, at=YESTERDAY, **given):
    return make_lead(db, title, entered_on=at.date(), entered_at=at, **given)


def test_nothing_to_say_nothing_sent(db, zone, brief, mail_of):
    made = brief()

    assert made == {"empty": 5}  # all but the reader, who has no records
    assert mail_of(zone.recruiter) == []


def test_it_tells_of_the_days_visits_led_or_joined(db, zone, brief, text_of):
    plan(db, zone.deputy, city="无锡", participants=[zone.recruiter])
    plan(db, zone.deputy, TODAY + timedelta(days=1), city="常州")

    brief()

    for person in (zone.deputy, zone.recruiter):
        text = text_of(person)
        assert "== 今天的拜访 ==\n- 7月15日 09:00 deputy同志 无锡 外出拜访" in text
        assert "常州" not in text


def test_a_stay_under_way_is_a_visit_of_today(db, zone, brief, text_of):
    plan(db, zone.recruiter, date(2026, 7, 6), days=12, kind=Kind.RESIDENCY, city="上海")

    brief()

    assert "7月6日至17日 recruiter同志 上海 驻城招商" in text_of(zone.recruiter)


def test_it_tells_what_is_due_today_and_overdue_but_not_what_is_due_later(db, zone, brief, text_of):
    lead = make_lead(db, "芯片项目", tracker=zone.recruiter)
    make_followup(db, lead, zone.recruiter, TODAY, what="送资料")
    make_followup(db, lead, zone.recruiter, date(2026, 7, 13), what="回电话")
    make_followup(db, lead, zone.recruiter, date(2026, 7, 16), what="约见面")

    brief()

    text = text_of(zone.recruiter)
    assert "- 7月13日（已逾期） 回电话 · 芯片项目\n- 7月15日 送资料 · 芯片项目\n" in text
    assert "约见面" not in text


def test_a_recruiter_hears_of_new_leads_on_which_they_are_named(db, zone, brief, mail_of, text_of):
    enter_lead(db, "新项目", unit=zone.bureau, tracker=zone.recruiter)
    other = make_person(db, "other", unit=zone.bureau)

    brief()

    assert "== 新增线索 ==\n7月14日 07:45 以来登记。\n- 新项目（投资促进局）" in text_of(
        zone.recruiter
    )
    assert mail_of(other) == []


def test_a_supervisor_hears_of_the_new_leads_of_their_units_only(db, zone, brief, mail_of, text_of):
    enter_lead(db, "园区项目", unit=zone.park)

    brief()

    assert "园区项目（综合保税区）" in text_of(zone.overall)
    assert mail_of(zone.supervisor) == []


def test_nobody_is_told_of_what_they_entered_themselves(db, zone, brief, mail_of):
    enter_lead(db, "自己的", tracker=zone.recruiter, entered_by_id=zone.recruiter.id)

    brief()

    assert mail_of(zone.recruiter) == []


def test_new_leads_are_those_since_the_brief_of_the_last_working_day(db, zone, brief, text_of):
    friday = at_civil(date(2026, 7, 10)) + timedelta(hours=7, minutes=45)
    enter_lead(db, "周五前的", at=friday, tracker=zone.recruiter)
    enter_lead(db, "周末的", at=friday + timedelta(days=1), tracker=zone.recruiter)

    brief(friday + timedelta(days=3))

    text = text_of(zone.recruiter)
    assert "周末的" in text
    assert "周五前的" not in text


def test_a_restricted_lead_is_told_to_those_named_alone(db, zone, brief, mail_of, text_of):
    lead = enter_lead(
        db, "秘不示人", unit=zone.bureau, secrecy=Secrecy.RESTRICTED, code_name="远航"
    )
    make_role(db, lead, LeadRoleKind.TRACKER, person=zone.deputy)

    brief()

    assert "秘不示人" in text_of(zone.deputy)
    assert mail_of(zone.supervisor) == mail_of(zone.boss) == []


def test_a_visit_shows_a_hidden_lead_by_its_code_name(db, zone, brief, mail_of):
    lead = make_lead(db, "秘不示人", secrecy=Secrecy.RESTRICTED, code_name="远航")
    plan(db, zone.deputy, leads=[lead], participants=[zone.recruiter])

    brief()

    [mail] = mail_of(zone.recruiter)
    assert "外出拜访 · 远航" in mail.body_text
    assert "秘不示人" not in mail.subject + mail.body_text + mail.body_html


def test_a_supervisor_hears_how_many_visits_wait_for_their_verdict(db, zone, brief, mail_of):
    late = {"logged_at": MORNING - timedelta(hours=1), "entered_at": YESTERDAY}
    make_visit(db, zone.recruiter, date(2026, 7, 6), **late)
    make_visit(db, zone.recruiter, date(2026, 7, 7), **late)
    given = {"verdict": Verdict.CONFIRMED, "verdict_at": MORNING + timedelta(hours=1)}
    make_visit(db, zone.recruiter, date(2026, 7, 8), **late, **given)

    brief()

    [mail] = mail_of(zone.supervisor)
    assert mail.subject == "晨报 7月15日（周三）：待确认 3 次"  # as of 07:45
    assert "有 3 次超期补录的拜访待您确认，确认后计入" in mail.body_text
    assert mail_of(zone.boss) == []  # a leader gives no verdicts


def test_an_admin_has_a_brief_of_their_own_things_only(db, zone, brief, mail_of):
    admin = make_person(db, "admin", role=Role.ADMIN, unit=zone.top)
    enter_lead(db, "新项目", unit=zone.bureau)

    brief()

    assert mail_of(admin) == []


def test_what_came_after_its_moment_is_not_in_it(db, zone, brief, mail_of):
    make_visit(
        db,
        zone.recruiter,
        TODAY,
        status=Status.PLANNED,
        entered_at=MORNING + timedelta(minutes=1),
    )
    enter_lead(db, "后来的", at=MORNING + timedelta(minutes=1), tracker=zone.recruiter)

    brief(late=True)

    assert mail_of(zone.recruiter) == []


def test_a_second_time_makes_nobody_a_second_brief(db, zone, brief, mail_of):
    plan(db, zone.recruiter)
    brief()

    brief()

    assert len(mail_of(zone.recruiter)) == 1


def test_a_late_one_says_so(db, zone, brief, mail_of):
    plan(db, zone.recruiter)

    brief(late=True)

    [mail] = mail_of(zone.recruiter)
    assert mail.subject.endswith("（补发）")
    assert "【补发】" in mail.body_text


def test_it_is_of_use_until_the_evening(db, zone, brief, mail_of):
    plan(db, zone.recruiter)

    brief()

    [mail] = mail_of(zone.recruiter)
    assert mail.kind is MessageKind.MORNING_BRIEF
    assert mail.expires_at == at_civil(TODAY) + timedelta(hours=18)


def test_who_is_disabled_is_not_briefed(db, zone, brief, mail_of):
    plan(db, zone.recruiter)
    zone.recruiter.disabled_at = YESTERDAY
    db.flush()

    brief()

    assert mail_of(zone.recruiter) == []
