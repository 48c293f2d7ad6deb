"""The part that only a monthly digest has: trend, targets, speed and corrections."""

from datetime import date

import pytest

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.leads.rules import Secrecy, Stage
from crm.leads.tiers import Tier
from crm.people.quota_inputs import Edit, QuotaInputChanged
from crm.quotas.corrections import correct
from crm.quotas.service import freeze_period
from crm.targets.models import Target
from crm.targets.rules import Metric, TargetMeasure
from crm.visits.models import Visit
from crm.visits.rules import Kind, Status
from tests.digests.conftest import AUGUST
from tests.factories import make_lead, make_milestone, make_visit

pytestmark = pytest.mark.slow_on_postgresql  # what a mail shows, not what it reads


JUNE = Period.parse("2026-06")
JULY_6 = at_civil(date(2026, 7, 6))


def test_six_months_stand_side_by_side(db, zone, monthly, text_of):
    for month in (2, 5, 6):
        make_visit(db, zone.recruiter, date(2026, month, 1), days=26, kind=Kind.RESIDENCY)

    monthly()

    assert (
        "专职招商人员每月驻城招商\n"
        "单位 | 2月 初步数 | 3月 初步数 | 4月 初步数 | 5月 初步数 | 6月 初步数 | 7月 初步数\n"
        "投资促进局 | 1/1 | 0/1 | 0/1 | 1/1 | 1/1 | 0/1\n"
    ) in text_of(zone.boss)


def test_months_before_the_installation_are_marked_as_retraced(db, zone, monthly, text_of):
    monthly(since=date(2026, 6, 10))

    assert "4月 按现有记录回溯 | 5月 按现有记录回溯 | 6月 初步数" in text_of(zone.boss)


def test_weeks_count_in_the_month_in_which_they_end(db, zone, monthly, text_of):
    for on in (date(2026, 6, 29), date(2026, 7, 8)):
        make_visit(db, zone.boss, on)

    monthly()

    # the week of the Spring Festival has no working day
    assert "本级 | 0/3 | 0/5 | 0/4 | 0/5 | 0/4 | 2/4" in text_of(zone.overall)


def test_a_frozen_month_is_marked_and_so_is_what_a_correction_made_of_it(
    db, zone, monthly, text_of
):
    visit = make_visit(db, zone.recruiter, date(2026, 6, 1), days=26, kind=Kind.RESIDENCY)
    db.flush()
    freeze_period(db, period=JUNE, at=JULY_6, now=JULY_6)
    db.get(Visit, visit.id).status = Status.CANCELLED
    db.flush()
    _correct_all(db, zone)

    monthly()

    text = text_of(zone.boss)
    assert "6月 定稿 | 7月 初步数" in text
    assert "1/1（更正后 0/1）" in text
    assert "当月签认 0 项，待签认 1 项" in text
    assert (
        "- recruiter同志（投资促进局）：26/20 已达标 → 0/20 未达标，待签认\n"
        "  专职招商人员每月驻城招商（2026年6月）\n"
    ) in text
    assert "recruiter同志" not in text_of(zone.reader)
    assert "待签认 1 项" in text_of(zone.reader)


def _correct_all(db, zone):
    edited_at = at_civil(date(2026, 7, 20))
    edit = QuotaInputChanged(
        person_ids=frozenset({zone.recruiter.id}),
        first_on=JUNE.first,
        last_on=JUNE.last,
        edit=Edit.VISIT_CANCELLED,
        by_id=None,
        at=edited_at,
    )
    correct(db, [edit], now=edited_at)


def make_target(db, unit, count=20):
    text = {"metric": Metric.SIGNED, "tier": Tier.YI_10, "measure": TargetMeasure.COUNT}
    db.add(Target(year=2026, unit_id=unit.id, count=count, **text))
    db.flush()


def signed(db, on, **given):
    lead = make_lead(db, yi="12", **given)
    make_milestone(db, lead, Stage.SIGNED, on)


def test_targets_are_compared_with_the_months_gone(db, zone, monthly, text_of):
    make_target(db, zone.top)
    for on in (date(2026, 7, 31), date(2026, 8, 1)):
        signed(db, on, unit=zone.park, secrecy=Secrecy.RESTRICTED)

    monthly()

    text = text_of(zone.boss)
    assert "已过 7 个月，序时进度 58.3%\n" in text
    assert (
        "- 签约10亿元以上项目数（滨海开发区）：1/20 个，差 19 个\n"
        "  登记 1 个 · 已申报待认定 0 个 · 已认定 1 个\n  在手 1 个、12亿元\n"
        "  完成 5.0%，比序时进度落后 53.3 个百分点"
    ) in text
    assert "年度目标进度" in text_of(zone.reader)
    assert "年度目标" not in text_of(zone.supervisor).partition("口径说明")[0]


def test_the_speed_of_the_months_projects_is_shown(db, zone, monthly, text_of):
    lead = make_lead(db, stage=Stage.LEAD, unit=zone.park, yi="12", industry="it")
    make_milestone(db, lead, Stage.FOLLOWING, date(2026, 7, 1))
    make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 11))

    monthly()

    assert (
        "当月办理周期 ==\n- 正式跟进至签约：1 个项目，中位数 10 天\n"
        "  按规模：10亿元档 10 天（1 个）。按产业：新一代信息技术 10 天（1 个）\n"
    ) in text_of(zone.boss)
    assert "办理周期" not in text_of(zone.supervisor)


def test_the_month_tells_the_trips_and_companies_of_the_units(db, zone, monthly, text_of):
    for on in (date(2026, 7, 8), date(2026, 7, 9)):
        make_visit(db, zone.recruiter, on, trip="T1", leads=[make_lead(db)])

    monthly()

    text = text_of(zone.boss)
    assert "当月拜访批次和家次 ==\n- 批次（同一出差批次计 1 批）：1 批\n" in text
    assert "家次（一次拜访的每家企业计 1 家次）：2 家次" in text


def test_a_weekly_digest_has_no_monthly_part(db, zone, weekly, text_of):
    make_target(db, zone.top)

    weekly()

    assert "近六个月" not in text_of(zone.boss)
    assert "办理周期" not in text_of(zone.boss)


def test_the_counts_of_a_frozen_rule_say_so(db, zone, monthly, text_of):
    week = Period.parse("2026-W28")
    freeze_period(db, period=week, at=AUGUST, now=AUGUST)

    monthly()

    text = text_of(zone.overall)
    assert "主要负责同志每周带队拜访（2026年第28周）：达标 0/1 人\n  定稿\n" in text
    assert "主要负责同志每周带队拜访（2026年第29周）：达标 0/1 人\n- " in text
