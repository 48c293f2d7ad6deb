"""The monthly digest: the month in full, beside the month before."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.leads.rules import Secrecy, Stage
from crm.results.models import Claim, ClaimEntry, ClaimKindSpan
from crm.results.rules import ClaimKind, ClaimState
from crm.results.workflow import Step
from crm.targets.freezing import freeze_results
from crm.visits.rules import Kind, Status
from tests.factories import make_absence, make_lead, make_milestone, make_visit

pytestmark = pytest.mark.slow_on_postgresql  # what a mail shows, not what it reads


def test_the_month_and_the_weeks_in_it_are_told(db, zone, monthly, text_of):
    make_visit(db, zone.boss, date(2026, 7, 8))

    monthly()

    text = text_of(zone.boss)
    assert "主要负责同志每周带队拜访（2026年第28周）：1/1 次，已达标" in text
    assert "主要负责同志每周带队拜访（2026年第29周）：0/1 次，未达标" in text


def test_the_month_stands_beside_the_month_before(db, zone, monthly, text_of):
    make_visit(db, zone.recruiter, date(2026, 6, 1), days=22, kind=Kind.RESIDENCY)
    make_visit(db, zone.recruiter, date(2026, 7, 1), days=8, kind=Kind.RESIDENCY)

    monthly()

    text = text_of(zone.recruiter)
    assert "8/20 天，未达标\n  差 12 天，已完成 8 天，无其他拜访记录\n" in text
    assert "上期 22/20 天，已达标\n" in text
    assert "驻城招商（2026年7月）：达标 0/1 人\n  上期 1/1 人" in text_of(zone.boss)


def test_the_line_of_command_reads_the_month_in_full(db, zone, monthly, text_of):
    make_visit(db, zone.recruiter, date(2026, 7, 1), days=25, kind=Kind.RESIDENCY)

    monthly()

    text = text_of(zone.supervisor)
    assert "专职招商人员每月驻城招商\n人员 | 7月\n投资促进局\n" in text
    assert "recruiter同志 | 25/20 天 已达标\n" in text
    assert "deputy同志 | 0/6 次 未达标\n" in text


def test_who_is_exempt_is_no_shortfall(db, zone, monthly, text_of):
    make_absence(db, zone.recruiter, date(2026, 7, 1), date(2026, 7, 31))

    monthly()

    assert "recruiter同志 | 0/0 天 免考核" in text_of(zone.supervisor)


def test_what_was_signed_in_the_month_is_listed(db, zone, monthly, text_of):
    lead = make_lead(db, "香料工厂", unit=zone.park, yi="5.6")
    make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 20))

    monthly()

    assert "当月签约 ==\n- 香料工厂（综合保税区 · 7月20日签约）：认定 5.6亿元" in text_of(zone.boss)


def test_the_weeks_of_a_month_stand_side_by_side(db, zone, monthly, text_of):
    make_visit(db, zone.boss, date(2026, 7, 8))

    monthly()

    text = text_of(zone.overall)
    assert "人员 | 第27周 | 第28周 | 第29周" in text
    assert "boss同志 | 0/1 次 未达标 | 1/1 次 已达标 | 0/1 次 未达标" in text


def test_results_stand_beside_the_month_before(db, zone, monthly, text_of):
    for on in (date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 2)):
        lead = make_lead(db, unit=zone.park, yi="3")
        make_milestone(db, lead, Stage.SIGNED, on)

    monthly()

    text = text_of(zone.reader)
    now = "当月登记 2 · 待认定 0 · 已认定 2 个、6亿元（上月已认定 1 个）"
    assert f"【签约】{now}；本年登记 3 · 待认定 0 · 已认定 3 个、9亿元\n" in text
    assert "合计 | 2 · 0 · 2 | 3 · 0 · 3 | 9亿元 | — | — | — | 0/6 | 2 | " in text


def test_what_was_signed_earlier_is_not_listed_as_signed_again(db, zone, monthly, text_of):
    lead = make_lead(db, "香料工厂", unit=zone.park, yi="5.6")
    make_milestone(db, lead, Stage.SIGNED, date(2026, 6, 20))
    make_milestone(db, lead, Stage.STARTED, date(2026, 7, 20))

    monthly()

    text = text_of(zone.boss)
    assert "当月签约 ==\n" not in text
    assert "线索推进 ==\n- 香料工厂（综合保税区 · 7月20日开工）：5.6亿元" in text


def test_what_did_not_go_forward_stands_apart(db, zone, monthly, text_of):
    lead = make_lead(db, "冷链仓储", unit=zone.park)
    make_milestone(db, lead, Stage.LOST, date(2026, 7, 20))

    monthly()

    text = text_of(zone.boss)
    assert "其他进展 ==\n- 冷链仓储（综合保税区 · 7月20日流失）" in text
    assert "线索推进 ==" not in text


def test_a_month_that_is_not_frozen_is_preliminary_and_says_what_waits(db, zone, monthly, mail_of):
    make_visit(db, zone.deputy, date(2026, 7, 30), status=Status.PLANNED)

    monthly()

    [mail] = mail_of(zone.deputy)
    assert "初步数" in mail.subject
    assert "还有 1 次拜访待办结，" in mail.body_text


def make_recognised(db, lead, *, unit, by, on, at, amount=None):
    """What was signed on the date, recognised at the moment, with the lead's amount or less."""
    moments = {"first_claimed_at": at, "claimed_at": at, "claimed_by_id": by.id, "basis": "原件"}
    amounts = {"amount": lead.amount, "recognised_amount": amount or lead.amount}
    reason = {"less_reason": "按合同"} if amount else {}
    state = {"state": ClaimState.RECOGNISED, "round": 1}
    whose = {"unit_id": unit.id, "currency": lead.currency}
    claim = Claim(
        lead_id=lead.id,
        kind=ClaimKind.SIGNED,
        reached_on=on,
        counts_on=on,
        **moments | amounts | reason | state | whose,
    )
    db.add(claim)
    db.flush()
    db.add(ClaimEntry(claim_id=claim.id, step=Step.RECOGNISE, at=at, **state))


def test_a_signing_is_listed_with_what_was_recognised_of_it(db, zone, monthly, text_of):
    db.add(ClaimKindSpan(kind=ClaimKind.SIGNED, from_on=date(2026, 1, 1)))
    leads = [make_lead(db, title, unit=zone.park, yi="5") for title in ("香料工厂", "待定工厂")]
    for lead in leads:
        make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 20))
    moments = {"on": date(2026, 7, 20), "at": at_civil(date(2026, 7, 21))}
    make_recognised(
        db, leads[0], unit=zone.park, by=zone.boss, amount=Decimal(300_000_000), **moments
    )

    monthly()

    text = text_of(zone.boss)
    assert "香料工厂（综合保税区 · 7月20日签约）：认定 3亿元" in text
    assert "待定工厂（综合保税区 · 7月20日签约）：登记 5亿元" in text


def test_what_was_recognised_after_a_freeze_is_named_to_who_sees_it(db, zone, monthly, text_of):
    db.add(ClaimKindSpan(kind=ClaimKind.SIGNED, from_on=date(2026, 1, 1)))
    given = {"unit": zone.park, "yi": "3"}
    seen = make_lead(db, "香料工厂", **given)
    hidden = make_lead(db, "密件工厂", secrecy=Secrecy.RESTRICTED, code_name="海风", **given)
    for lead in (seen, hidden):
        make_milestone(db, lead, Stage.SIGNED, date(2026, 6, 20))
    freeze_results(db, period=Period.parse("2026-06"), at=at_civil(date(2026, 7, 4)))
    moments = {"on": date(2026, 6, 20), "at": at_civil(date(2026, 7, 20))}
    for lead in (seen, hidden):
        make_recognised(db, lead, unit=zone.park, by=zone.boss, **moments)

    monthly()

    text = text_of(zone.boss)
    assert "定稿后认定 2 项，取消认定 0 项" in text
    assert "香料工厂（综合保税区 · 签约，2026年6月成果）：3亿元" in text
    assert "密件工厂" not in text
    assert "本年登记 2 · 待认定 0 · 已认定 2 个、6亿元" in text


def test_what_was_revoked_after_a_freeze_is_named_and_the_frozen_month_stays(
    db, zone, monthly, text_of
):
    db.add(ClaimKindSpan(kind=ClaimKind.SIGNED, from_on=date(2026, 1, 1)))
    on, lead = date(2026, 6, 20), make_lead(db, "香料工厂", unit=zone.park, yi="3")
    make_milestone(db, lead, Stage.SIGNED, on)
    recognised_at = at_civil(date(2026, 6, 25))
    make_recognised(db, lead, unit=zone.park, by=zone.boss, on=on, at=recognised_at)
    freeze_results(db, period=Period.parse("2026-06"), at=at_civil(date(2026, 7, 4)))
    claim = db.scalars(select(Claim)).one()
    claim.state = ClaimState.REVOKED
    entry = {"step": Step.REVOKE, "state": claim.state, "round": 1}
    db.add(ClaimEntry(claim_id=claim.id, at=at_civil(date(2026, 7, 20)), **entry))

    monthly()

    text = text_of(zone.boss)
    assert "定稿后认定 0 项，取消认定 1 项" in text
    assert "香料工厂（综合保税区 · 签约，2026年6月成果）" in text
    assert "（上月已认定 1 个）；本年登记 1 · 待认定 0 · 已认定 0 个" in text
