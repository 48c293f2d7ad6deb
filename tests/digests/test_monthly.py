"""The monthly digest: the month in full, beside the month before."""

from datetime import date

from crm.leads.rules import MilestoneKind
from crm.visits.rules import Kind
from tests.factories import make_absence, make_lead, make_milestone, make_visit


def test_the_month_and_the_weeks_in_it_are_told(db, zone, monthly, text_of):
    make_visit(db, zone.boss, date(2026, 7, 8))

    monthly()

    told = text_of(zone.boss)
    assert "主要负责同志每周带队拜访（2026年第28周）：1/1 次，已达标" in told
    assert "主要负责同志每周带队拜访（2026年第29周）：0/1 次，未达标" in told


def test_the_month_stands_beside_the_month_before(db, zone, monthly, text_of):
    make_visit(db, zone.recruiter, date(2026, 6, 1), days=22, kind=Kind.RESIDENCY)
    make_visit(db, zone.recruiter, date(2026, 7, 1), days=8, kind=Kind.RESIDENCY)

    monthly()

    assert "8/20 天，未达标\n  上期 22/20 天，已达标。" in text_of(zone.recruiter)
    assert "驻城招商（2026年7月）：达标 0/1 人，上期 1/1" in text_of(zone.boss)


def test_the_line_of_command_reads_the_month_in_full(db, zone, monthly, text_of):
    make_visit(db, zone.recruiter, date(2026, 7, 1), days=25, kind=Kind.RESIDENCY)

    monthly()

    told = text_of(zone.supervisor)
    assert "recruiter同志：专职招商人员每月驻城招商（2026年7月）25/20 天，已达标" in told
    assert "deputy同志：分管负责同志每月带队拜访（2026年7月）0/6 次，未达标" in told


def test_who_is_exempt_is_no_shortfall(db, zone, monthly, text_of):
    make_absence(db, zone.recruiter, date(2026, 7, 1), date(2026, 7, 31))

    monthly()

    assert "0/0 天，免考核" in text_of(zone.supervisor)


def test_what_was_signed_in_the_month_is_listed(db, zone, monthly, text_of):
    lead = make_lead(db, "香料工厂", unit=zone.park, yi="5.6")
    make_milestone(db, lead, MilestoneKind.SIGNED, date(2026, 7, 20))

    monthly()

    assert "当月签约\n- 香料工厂（5.6亿元） 综合保税区：7月20日签约" in text_of(zone.boss)
