"""Which projects a target counts, its progress, and the speed of projects."""

from datetime import date
from decimal import Decimal

import pytest

from crm.base.money import YI, Currency
from crm.base.periods import Period
from crm.leads.rules import LAUNCHED, MOVED_IN, Stage
from crm.leads.tier_lines import shipped_lines
from crm.leads.tiers import Tier, TierLines
from crm.targets.rules import (
    Goal,
    Metric,
    Project,
    TargetMeasure,
    months_gone,
    progress_of,
)
from crm.targets.speed import Course, MeasuredSpan, Norm, NormUnit, speeds

YEAR, JULY = 2026, Period.parse("2026-07")
SIGNED, STARTED = Stage.SIGNED, Stage.STARTED
NAMES = {stage.value: stage.label for stage in Stage} | {LAUNCHED: "项目启动", MOVED_IN: "进场"}


@pytest.mark.parametrize(
    ("on", "gone"),
    [
        (date(2025, 12, 31), 0),
        (date(2026, 1, 31), 0),
        (date(2026, 7, 15), 6),
        (date(2026, 8, 1), 7),
        (date(2026, 12, 31), 11),
        (date(2027, 1, 1), 12),
        (date(2028, 5, 1), 12),
    ],
)
def test_only_whole_months_count_as_gone(on, gone):
    assert months_gone(YEAR, on) == gone


def project(lead_id, yi, *, kind=SIGNED, unit_id=1, currency=Currency.CNY):
    found = Project(lead_id, kind, date(2026, 5, 1), Decimal(yi) * YI, currency, unit_id)
    return found.sized(TierLines(shipped_lines()))


def goal(tier, value, *, metric=Metric.SIGNED, measure=TargetMeasure.COUNT, currency=Currency.CNY):
    return Goal(1, YEAR, 1, metric, tier, measure, Decimal(value), currency)


def test_each_size_counts_the_larger_ones_too():
    reached = [project(1, 10), project(2, 60), project(3, 9), project(4, 100)]

    found = [
        progress_of(goal(tier, 4), "区", frozenset({1}), reached, date(2026, 7, 15)).achieved
        for tier in (Tier.ANY, Tier.YI_10, Tier.YI_50, Tier.YI_100)
    ]

    assert found == [4, 3, 2, 1]


def test_progress_is_told_in_points_against_the_months():
    reached = [project(number, 10) for number in range(13)]

    progress = progress_of(goal(Tier.YI_10, 20), "区", frozenset({1}), reached, date(2026, 8, 1))

    assert (progress.percent, progress.pace, progress.points) == (
        Decimal("65.0"),
        Decimal("58.3"),
        Decimal("6.7"),
    )


def test_other_milestones_and_other_units_do_not_count():
    reached = [
        project(1, 10, kind=STARTED),
        project(2, 10, unit_id=2),
        project(3, 10, unit_id=None),
    ]

    progress = progress_of(goal(Tier.ANY, 2), "区", frozenset({1}), reached, date(2026, 7, 15))

    assert progress.projects == ()


def test_yuan_is_summed_and_foreign_amounts_are_listed_beside():
    reached = [project(1, 10), project(2, "2.5"), project(3, "0.8", currency=Currency.USD)]
    asked = goal(Tier.ANY, 50 * YI, measure=TargetMeasure.AMOUNT)

    progress = progress_of(asked, "区", frozenset({1}), reached, date(2026, 7, 15))

    assert [row.lead_id for row in progress.apart] == [3]
    assert progress.achieved == Decimal("12.5") * YI
    assert progress.beside == ((Decimal("0.8") * YI, Currency.USD),)
    assert progress.percent == Decimal("25.0")


def test_a_target_in_dollars_is_about_projects_in_dollars_alone():
    in_dollars = project(2, "0.8", currency=Currency.USD)
    asked = goal(Tier.ANY, 2 * YI, measure=TargetMeasure.AMOUNT, currency=Currency.USD)
    reached = [project(1, 10), in_dollars, project(3, 1, currency=Currency.EUR)]

    progress = progress_of(asked, "区", frozenset({1}), reached, date(2026, 7, 15))

    assert (progress.projects, progress.apart, progress.beside) == ((in_dollars,), (), ())
    assert (progress.registered, progress.achieved) == (Decimal("0.8") * YI, Decimal("0.8") * YI)


def test_what_is_not_recorded_yet_has_no_figure():
    asked = goal(Tier.ANY, 5 * YI, metric=Metric.MONEY, measure=TargetMeasure.AMOUNT)

    progress = progress_of(asked, "区", frozenset({1}), [project(1, 10)], date(2026, 7, 15))

    assert (progress.achieved, progress.percent, progress.points) == (None, None, None)


def course(lead_id, begun, ended, *, begin=SIGNED, end=STARTED, tier=Tier.YI_10, industry="it"):
    return Course(lead_id, 1, tier, industry, {begin: begun, end: ended})


def told_of(*some, norm=None):
    return speeds(
        some, JULY, [MeasuredSpan(SIGNED, STARTED, norm)], kind_names=NAMES, industry_name=str
    )


def test_the_median_of_an_even_number_lies_between():
    [speed] = told_of(
        course(1, date(2026, 7, 1), date(2026, 7, 11)),
        course(2, date(2026, 7, 1), date(2026, 7, 14)),
    )

    assert (speed.count, speed.days) == (2, Decimal("11.5"))


def test_the_quartiles_say_how_far_projects_lie_apart():
    [speed] = told_of(
        *(course(day, date(2026, 7, 1), date(2026, 7, day + 1)) for day in (2, 4, 8, 20))
    )

    assert (speed.lower, speed.days, speed.upper) == (Decimal("3.5"), 6, 11)


def test_only_what_ended_in_the_period_counts():
    assert told_of(course(1, date(2026, 5, 1), date(2026, 6, 30))) == ()


def test_a_span_that_ends_before_it_begins_counts_nowhere():
    assert told_of(course(1, date(2026, 7, 9), date(2026, 7, 8))) == ()


def test_medians_stand_by_size_and_industry():
    [speed] = told_of(
        course(1, date(2026, 7, 1), date(2026, 7, 11)),
        course(2, date(2026, 7, 1), date(2026, 7, 5), tier=Tier.ANY, industry=None),
    )

    assert [(one.name, one.days) for one in speed.by_tier] == [
        ("1亿元以下或未填", 4),
        ("10亿元档", 10),
    ]
    assert [(one.name, one.days) for one in speed.by_industry] == [("未填", 4), ("it", 10)]


@pytest.mark.parametrize(
    ("norm", "ended", "holds"),
    [
        (Norm(NormUnit.MONTHS, 6, 4), date(2026, 7, 15), True),
        (Norm(NormUnit.MONTHS, 6, 4), date(2026, 7, 16), False),
        (Norm(NormUnit.DAYS, 181), date(2026, 7, 15), True),
        (Norm(NormUnit.DAYS, 180), date(2026, 7, 15), False),
        (Norm(NormUnit.YEAR), date(2026, 12, 31), True),
        (Norm(NormUnit.YEAR), date(2027, 1, 1), False),
    ],
)
def test_a_norm_is_so_many_months_or_one_calendar_year(norm, ended, holds):
    assert norm.is_kept(date(2026, 1, 15), ended) is holds


def test_how_many_are_within_the_norm_is_told():
    norm = Norm(NormUnit.MONTHS, 6)

    [speed] = told_of(
        course(1, date(2026, 6, 1), date(2026, 7, 1)),
        course(2, date(2025, 6, 1), date(2026, 7, 1)),
        norm=norm,
    )

    assert speed.within == 1
