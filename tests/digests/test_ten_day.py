"""The ten-day supervision: what needs attention, listed by unit and name."""

from datetime import date, timedelta

import pytest

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.digests.ten_day import make_ten_day_reports
from crm.leads.planning import plan_milestone
from crm.leads.rules import Secrecy, Stage
from crm.people.rules import Duty
from crm.supervision.rules import OrderState
from crm.visits.rules import Kind, Status
from tests.factories import (
    LONG_AGO,
    make_lead,
    make_milestone,
    make_order,
    make_person,
    make_visit,
)
from tests.supervision.steps import issue_order

JULY = at_civil(date(2026, 7, 1)) + timedelta(hours=10)
XUN = Period.parse("2026-07-X3")
AT = at_civil(date(2026, 7, 21)) + timedelta(hours=8)  # a Tuesday


@pytest.fixture
def make_reports(db, site):
    """Make the mails of the last xun of July."""

    def make(*, period=XUN, at=AT, late=False):
        return make_ten_day_reports(db, period=period, at=at, late=late, site=site)

    return make


def plan(db, lead, kind, on):
    plan_milestone(db, lead=lead, kind=kind, planned_on=on, by=None, now=LONG_AGO)


def test_the_line_of_command_is_told_and_nobody_else(db, zone, make_reports, mail_of):
    made = make_reports()

    found = {
        name
        for name in ("boss", "deputy", "recruiter", "supervisor", "overall", "reader")
        if mail_of(getattr(zone, name))
    }
    assert made == {"made": 3}
    assert found == {"boss", "supervisor", "overall"}


def test_quotas_in_danger_stand_by_unit_and_name(db, zone, make_reports, text_of):
    make_person(db, "anna", duty=Duty.DEPUTY, unit=zone.park)
    make_person(db, "aaron", duty=Duty.DEPUTY, unit=zone.bureau)

    make_reports()

    text = text_of(zone.overall)
    places = [text.index(f"- {name}同志（") for name in ("aaron", "deputy", "anna")]
    assert places == sorted(places)
    assert "需关注人员" in text
    assert "不作排名" in text


def test_who_is_on_track_is_not_in_it(db, zone, make_reports, text_of):
    for day in (2, 3, 6, 7):  # at this pace the six of the month are reached
        make_visit(db, zone.deputy, date(2026, 7, day))

    make_reports()

    text = text_of(zone.overall)
    assert "recruiter同志" in text
    assert "deputy同志" not in text


def test_a_supervisor_reads_of_their_own_units_only(db, zone, make_reports, text_of):
    make_person(db, "parker", duty=Duty.DEPUTY, unit=zone.park)

    make_reports()

    assert "parker" in text_of(zone.overall)
    assert "parker" not in text_of(zone.supervisor)


def test_nobody_is_listed_in_their_own_mail(db, zone, make_reports, text_of):
    make_reports()

    assert "boss同志（" not in text_of(zone.boss)


def test_milestones_past_their_planned_date_are_told(db, zone, make_reports, text_of):
    lead = make_lead(db, "芯片项目", unit=zone.bureau)
    plan(db, lead, Stage.SIGNED, date(2026, 7, 11))
    plan(db, lead, "land", date(2026, 7, 21))

    make_reports()

    text = text_of(zone.supervisor)
    assert "- 芯片项目（投资促进局）：签约，原定 7月11日，逾期 10 天" in text
    assert "供地" not in text


def test_the_three_figures_of_the_units_results_are_told(db, zone, make_reports, text_of):
    lead = make_lead(db, "芯片项目", unit=zone.bureau, yi="12")
    make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 18))

    make_reports()

    line = "== 本年成果和认定 ==\n- 签约：登记 1 · 待认定 0 · 已认定 1 个、12亿元\n"
    assert line in text_of(zone.supervisor)


def test_a_milestone_that_was_reached_is_not_overdue(db, zone, make_reports, text_of):
    lead = make_lead(db, "芯片项目", unit=zone.bureau)
    plan(db, lead, Stage.SIGNED, date(2026, 7, 11))
    make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 18))

    make_reports()

    assert "芯片项目" not in text_of(zone.supervisor)


def test_a_restricted_project_is_counted_and_not_named(db, zone, make_reports, mail_of):
    lead = make_lead(db, "秘不示人", unit=zone.bureau, secrecy=Secrecy.RESTRICTED, code_name="远航")
    plan(db, lead, Stage.SIGNED, date(2026, 7, 11))

    make_reports()

    [mail] = mail_of(zone.supervisor)
    text = mail.subject + mail.body_text + mail.body_html
    assert "另有 1 个项目按知悉范围未列出" in text
    assert "秘不示人" not in text
    assert "远航" not in text


def test_supervision_orders_under_way_are_told_to_whom_they_concern(
    db, zone, make_reports, text_of
):
    for matter, unit in (("落实供地", zone.bureau), ("协调供电", zone.park)):
        person = (
            {"person_id": make_person(db, duty=Duty.STAFF, unit=unit).id}
            if unit is zone.park
            else {}
        )
        order = make_order(db, unit, officer=zone.overall, matter=matter, **person)
        issue_order(db, order=order, by=zone.overall, now=JULY)

    make_reports()

    text = text_of(zone.supervisor)
    assert "== 在办督办单 ==\n- 落实供地（" in text
    assert f"号，投资促进局）：{OrderState.ISSUED.label}，期限 7月16日，逾期 5 天" in text
    assert "协调供电" not in text
    assert "协调供电" in text_of(zone.overall)


def test_nothing_to_say_nothing_sent(db, zone, make_reports, mail_of):
    make_visit(db, zone.boss, date(2026, 6, 30))
    stay = {"kind": Kind.RESIDENCY, "status": Status.PLANNED, "days": 31}
    make_visit(db, zone.recruiter, date(2026, 7, 1), **stay)
    first = at_civil(date(2026, 7, 1)) + timedelta(hours=8)

    made = make_reports(period=Period.parse("2026-07-X1"), at=first)

    assert set(made) == {"empty"}
    assert mail_of(zone.overall) == []


def test_a_second_time_tells_nobody_again(db, zone, make_reports, mail_of):
    make_reports()

    make_reports(late=True)

    assert len(mail_of(zone.overall)) == 1


def test_a_late_one_says_so(db, zone, make_reports, mail_of):
    make_reports(late=True)

    [mail] = mail_of(zone.overall)
    assert mail.subject == "滨海开发区旬督办 2026年7月下旬（补发）"
    assert "【补发】" in mail.body_text


def test_a_holiday_moves_its_date_and_not_what_it_is_about(db, zone, make_reports, mail_of):
    october = Period.parse("2026-10-X1")
    plan(db, make_lead(db, unit=zone.bureau), Stage.SIGNED, date(2026, 9, 1))

    make_reports(period=october, at=at_civil(date(2026, 10, 8)) + timedelta(hours=8))

    [mail] = mail_of(zone.overall)
    assert "2026年10月上旬" in mail.subject
    assert mail.dedupe_key == "ten-day-supervision:zone:overall:2026-10-X1:-"


def test_figures_told_by_an_estimated_calendar_say_so(db, zone, make_reports, text_of):
    at = at_civil(date(2027, 7, 21)) + timedelta(hours=8)

    make_reports(period=Period.parse("2027-07-X3"), at=at)

    assert "【推算日历】" in text_of(zone.overall)
