"""What a rule asks of whom, in words: the same sentence for the form, the figure and the board."""

from datetime import date

import pytest

from crm.base.periods import PeriodKind
from crm.people.rules import Duty
from crm.quotas.rules import Cap, CountBy, FigureStatus, Measure, Proration, Rounding, Rule
from crm.quotas.wording import (
    beginning_of,
    demand_of,
    first_judged,
    sentence_of,
    why_at_risk,
)
from crm.visits.rules import Channel, Kind
from tests.factories import DEPUTY, PRINCIPAL, RECRUITER
from tests.quotas.values import a_plan, a_rule, judge


def rule(values=DEPUTY, **given):
    return Rule(**values | given)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            DEPUTY | {"valid_from": date(2026, 9, 1)},
            (
                "自2026年9月1日起，分管负责同志每月带队外出拜访或驻城招商至少 6 次（限面谈），"
                "同一天多次算一次；拜访结束后 3 天内办结有效，逾期须经督查人员确认；"
                "按在岗工作日折算，向上取整。"
            ),
        ),
        (
            PRINCIPAL,
            (
                "自2020年1月1日起，主要负责同志每周带队外出拜访至少 1 次（限面谈），"
                "同一天多次算一次；拜访结束后 3 天内办结有效，逾期须经督查人员确认；"
                "按在岗工作日折算，四舍五入。"
            ),
        ),
        (
            RECRUITER,
            (
                "自2020年1月1日起，专职招商人员每月外出拜访或驻城招商至少 20 天（限面谈），"
                "带队、同行都算，同一天只算一天；拜访结束后 3 天内办结有效，逾期须经督查人员确认；"
                "一次多日的，最早一天过去超过 9 天才登记的，也须经督查人员确认；"
                "按在岗工作日折算，向上取整；应完成天数不超过在岗的自然日数。"
            ),
        ),
    ],
)
def test_a_rule_is_told_in_one_sentence(values, sentence):
    assert sentence_of(rule(values)) == sentence


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"valid_to": date(2026, 12, 31)}, "自2020年1月1日起至2026年12月31日止，"),
        ({"measure": Measure.VISITS_JOINED}, "带队或参加外出拜访"),
        ({"count_by": CountBy.VISIT}, "同一天多次分别计算；"),
        ({"log_within_days": 0}, "拜访结束当天办结有效"),
        ({"proration": Proration.NONE}, "；不按在岗天数折算。"),
        ({"rounding": Rounding.HALF_UP}, "，四舍五入。"),
        ({"channels": frozenset(Channel)}, "至少 6 次（方式不限）"),
        ({"channels": frozenset({Channel.VIDEO, Channel.IN_PERSON})}, "（限面谈、视频）"),
        ({"kinds": frozenset(Kind)}, "带队外出拜访、来访接待、驻城招商、招商活动或线上对接至少"),
        ({"kinds": frozenset({Kind.EVENT})}, "带队招商活动至少"),
        ({"duty": Duty.STAFF, "period": PeriodKind.QUARTER}, "工作人员每季度带队"),
        ({"period": PeriodKind.XUN}, "每旬"),
        ({"period": PeriodKind.YEAR}, "每年"),
    ],
)
def test_each_part_of_a_rule_is_told(given, part):
    assert part in sentence_of(rule(**given))


def test_the_cap_is_told_where_days_are_counted():
    capped = {"cap": Cap.WORKDAYS}

    assert "在岗的工作日数" in sentence_of(rule(RECRUITER, **capped))
    assert "在岗的工作日数" not in sentence_of(rule(DEPUTY, **capped))


def test_the_limit_for_stays_is_told_where_there_is_one():
    assert "才登记" not in sentence_of(rule(RECRUITER, stay_within_days=None))
    assert "才登记" not in sentence_of(rule(DEPUTY, stay_within_days=9))


def test_why_a_figure_is_at_risk_is_told_with_its_numbers():
    plan = a_plan("07-30")

    at_risk = judge(a_rule(), [plan], as_of="07-24T10:00")

    assert at_risk.status is FigureStatus.AT_RISK
    assert why_at_risk(at_risk) == (
        "除已计划的外，还需 5 次，剩余 6 个在岗工作日；"
        "即使按平均进度的1.5倍推进也难以完成（最多再完成 2 次）。"
    )
    assert why_at_risk(judge(a_rule(), as_of="07-01T10:00")) == ""


def test_the_core_is_told_alone():
    assert demand_of(rule(PRINCIPAL)) == "主要负责同志每周带队外出拜访至少 1 次（限面谈）"


@pytest.mark.parametrize(
    ("kind", "on", "first"),
    [
        (PeriodKind.MONTH, date(2026, 9, 1), "2026-09"),
        (PeriodKind.MONTH, date(2026, 9, 2), "2026-10"),
        (PeriodKind.WEEK, date(2026, 7, 20), "2026-W30"),
        (PeriodKind.WEEK, date(2026, 7, 21), "2026-W31"),
        (PeriodKind.YEAR, date(2026, 1, 2), "2027"),
    ],
)
def test_a_period_is_judged_whole_by_the_version_of_its_first_date(kind, on, first):
    assert first_judged(rule(period=kind, valid_from=on)).name == first


def test_a_rule_that_begins_with_a_period_judges_it():
    assert beginning_of(rule(valid_from=date(2026, 9, 1))) == "从2026年9月起按此考核。"


def test_a_rule_that_begins_within_a_period_judges_from_the_next_one_on():
    assert beginning_of(rule(valid_from=date(2026, 9, 2))) == (
        "从2026年10月起按此考核；2026年9月2日处于2026年9月，2026年9月整期仍按原规定考核。"
    )
