"""Why a figure has its status, in one sentence that agrees with it."""

import re
from dataclasses import replace

import pytest
from hypothesis import given

from crm.base.periods import Period, PeriodKind
from crm.quotas.rules import FigureStatus, Settled
from crm.quotas.status_reasons import gap_of, status_reason
from crm.visits.rules import Kind
from tests.quotas.test_properties import cases, judge, moments, several
from tests.quotas.values import (
    BY_VISIT,
    DEPUTY,
    JULY,
    PRINCIPAL,
    RECRUITER,
    a_plan,
    a_rule,
    a_stay,
    a_visit,
    dates,
    moment,
    tenure_in,
)
from tests.quotas.values import judge as judge_july

FRIDAY, WEEK = "07-17T10:00", Period.parse("2026-W29")
QUARTERLY = a_rule(period=PeriodKind.QUARTER, minimum=20)
SUMMER = Period.parse("2026-Q3")


@pytest.mark.parametrize(
    ("rule", "visits", "given", "status", "sentence"),
    [
        (
            RECRUITER,
            [],
            {"as_of": "07-01T10:00"},
            "on_track",
            "差 20 天，本月还有 23 个工作日，无计划",
        ),
        (
            RECRUITER,
            [a_visit("07-01", "07-14")],
            {"as_of": "07-27T10:00"},
            "unreachable",
            "差 6 天，本月只剩 5 个工作日，无计划，最多再完成 5 天",
        ),
        (
            RECRUITER,
            [a_visit("07-01", "07-13"), a_plan("07-28", "07-29")],
            {"as_of": "07-24T10:00"},
            "at_risk",
            "差 7 天，本月只剩 6 个工作日，已排计划 2 天，还需安排 5 天",
        ),
        (
            RECRUITER,
            [a_visit("07-01", "07-16"), a_stay("07-20", "07-25")],
            {"as_of": "07-19T10:00"},
            "on_track",
            "差 4 天，已排计划 6 天，办结后即达标",
        ),
        (
            RECRUITER,
            [a_visit("07-01", "07-22")],
            {"as_of": "07-23T10:00"},
            "met",
            "已完成 22 天，超过要求 2 天",
        ),
        (
            DEPUTY,
            [a_visit("07-01"), a_visit("07-02")],
            {"as_of": "07-28T10:00"},
            "at_risk",
            "差 4 次，本月只剩 4 个工作日，无计划",
        ),
        (BY_VISIT, [a_visit("07-03")] * 6, {}, "met", "已完成 6 次，达到要求"),
        (
            PRINCIPAL,
            [],
            {"as_of": FRIDAY, "period": WEEK},
            "at_risk",
            "差 1 次，本周只剩 1 个工作日，无计划",
        ),
        (
            PRINCIPAL,
            [],
            {"as_of": "07-18T10:00", "period": WEEK},
            "at_risk",
            "差 1 次，本周已无在岗工作日，无计划",
        ),
        (
            PRINCIPAL,
            [],
            {"as_of": "07-20T10:00", "period": WEEK},
            "missed",
            "差 1 次，无计入的拜访",
        ),
        (
            PRINCIPAL,
            [a_plan("07-17")],
            {"as_of": "07-20T10:00", "period": WEEK},
            "missed",
            "差 1 次，另有 1 次待办结",
        ),
        (
            QUARTERLY,
            [a_visit("07-03")],
            {"as_of": "08-31T10:00", "period": SUMMER},
            "at_risk",
            "差 19 次，本季度只剩 23 个工作日，无计划",
        ),
        (DEPUTY, [a_visit("07-08")], {"as_of": "08-03T10:00"}, "missed", "差 5 次，已完成 1 次"),
    ],
)
def test_each_status_has_its_reason(rule, visits, given, status, sentence):
    figure = judge_july(rule, visits, **given)

    assert (figure.status, status_reason(figure)) == (status, sentence)


@pytest.mark.parametrize(
    ("period", "absent", "sentence"),
    [
        (Period.parse("2026-W08"), [], "本周没有工作日，免考核"),
        (WEEK, dates(("07-13", "07-19")), "本周没有在岗工作日，免考核"),
        (WEEK, dates(("07-13", "07-15")), "本周在岗 2 个工作日，折算后免考核"),
    ],
)
def test_an_exempt_figure_says_what_it_rests_on(period, absent, sentence):
    figure = judge_july(PRINCIPAL, period=period, tenure=tenure_in(period, absent=absent))

    assert status_reason(figure) == sentence


def test_leave_that_is_still_to_come_is_named():
    tenure = tenure_in(JULY, absent=dates(("07-23", "07-24")))

    figure = judge_july(DEPUTY, as_of="07-22T10:00", tenure=tenure)

    assert status_reason(figure) == "差 6 次，本月只剩 6 个在岗工作日（另请假 2 天），无计划"


def test_what_waits_for_confirmation_is_named():
    late = a_visit("07-01", logged_at=moment("07-14T10:00"))

    running = judge_july(DEPUTY, [late], as_of="07-29T10:00")
    over = judge_july(DEPUTY, [late], as_of="08-03T10:00")

    assert (
        status_reason(running)
        == "差 6 次，本月只剩 3 个工作日，无计划，最多再完成 3 次，另有 1 次待确认"
    )
    assert status_reason(over) == "差 6 次，另有 1 次待确认"


def test_a_frozen_figure_waits_for_nothing():
    live = judge_july(DEPUTY, [a_plan("07-31")], as_of="08-01T10:00")
    frozen = replace(live, settled=Settled(moment("08-06T00:00"), None), outlook=None)

    assert status_reason(live) == "差 6 次，另有 1 次待办结"
    assert status_reason(frozen) == "差 6 次，无计入的拜访"


def test_a_reception_adds_nothing_where_the_rule_leaves_it_out():
    reception = a_visit("07-08", kind=Kind.RECEPTION)

    figure = judge_july(DEPUTY, [reception], as_of="08-03T10:00")

    assert status_reason(figure) == "差 6 次，无计入的拜访"


@given(cases(), several, moments)
def test_the_sentence_agrees_with_the_status(case, given_visits, as_of):
    figure = judge(case, given_visits, as_of)

    sentence = status_reason(figure)

    assert status_in(sentence) is figure.status
    assert (f"差 {gap_of(figure)} " in sentence) == (gap_of(figure) > 0)
    if most := re.search(r"最多再完成 (\d+)", sentence):
        assert int(most[1]) < gap_of(figure)


def status_in(sentence: str) -> FigureStatus:
    """The status that a reader of the sentence alone would give."""
    words = {
        "免考核": FigureStatus.EXEMPT,
        "要求": FigureStatus.MET,
        "最多再完成": FigureStatus.UNREACHABLE,
        "已无可安排的日期": FigureStatus.UNREACHABLE,
        "办结后即达标": FigureStatus.ON_TRACK,
        "还有": FigureStatus.ON_TRACK,
        "只剩": FigureStatus.AT_RISK,
        "已无在岗工作日": FigureStatus.AT_RISK,
    }
    return next((words[word] for word in words if word in sentence), FigureStatus.MISSED)
