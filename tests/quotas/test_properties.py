"""What holds of every figure, whatever the rule, the presence, the visits and the moment."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from crm.base import clock
from crm.base.periods import DAY, Period, PeriodKind
from crm.quotas.judging import presence_in, required_of
from crm.quotas.rules import (
    Cap,
    CountBy,
    Figure,
    FigureStatus,
    Measure,
    Proration,
    Rounding,
    Rule,
    VisitFacts,
)
from crm.visits.rules import Channel, Kind, Status, Verdict
from tests.quotas.values import ANOTHER, ME, Case, Tenure, a_rule, judge_figure, terms_in

SPRING = date(2026, 1, 20)  # with the make-up days and the empty week of the Spring Festival
near = some.integers(0, 75).map(lambda n: SPRING + n * DAY)
periods = some.builds(Period.holding, some.sampled_from(PeriodKind), near)
moments = some.builds(
    lambda on, minutes: clock.at_civil(on) + timedelta(minutes=minutes),
    near,
    some.integers(0, 1440),
)


@some.composite
def rules(draw) -> Rule:
    measure = draw(some.sampled_from(Measure))
    by = CountBy.DAY if measure is Measure.DAYS_RESIDENT else draw(some.sampled_from(CountBy))
    return a_rule(
        measure=measure,
        count_by=by,
        minimum=draw(some.integers(0, 25)),
        kinds=draw(some.frozensets(some.sampled_from(Kind), min_size=1)),
        channels=draw(some.frozensets(some.sampled_from(Channel), min_size=3)),
        log_within_days=draw(some.integers(0, 5)),
        stay_within_days=draw(some.none() | some.integers(0, 12)),
        proration=draw(some.sampled_from(Proration)),
        rounding=draw(some.sampled_from(Rounding)),
        cap=draw(some.sampled_from(Cap)),
    )


@some.composite
def visits(draw) -> VisitFacts:
    starts_at = draw(moments)
    ends_at = starts_at + timedelta(minutes=draw(some.integers(1, 9 * 1440)))
    status, verdict = draw(some.sampled_from(Status)), draw(some.sampled_from([None, *Verdict]))
    logged_at = ends_at + timedelta(hours=draw(some.integers(0, 200)))
    n = draw(some.integers(1, 10**9))
    return VisitFacts(
        id=n,
        ref=f"V{n}",
        kind=draw(some.sampled_from(Kind)),
        channel=draw(some.sampled_from(Channel)),
        status=status,
        starts_at=starts_at,
        ends_at=ends_at,
        first_on=clock.civil_date(starts_at),
        last_on=clock.last_civil_date(ends_at),
        leader_id=draw(some.sampled_from([ME, ANOTHER])),
        entered_at=starts_at - timedelta(hours=draw(some.integers(-400, 400))),
        logged_at=logged_at if status is Status.DONE else None,
        verdict=verdict,
        verdict_at=logged_at + timedelta(hours=draw(some.integers(0, 99))) if verdict else None,
        late_by_days=draw(some.integers(0, 14)),
    )


@some.composite
def cases(draw) -> Case:
    period = draw(periods)
    dates = some.frozensets(near, max_size=60)
    held = frozenset(period.dates) - draw(dates)
    return Case(draw(rules()), Tenure(ME, held, draw(dates)), period)


several = some.lists(visits(), max_size=8, unique_by=lambda visit: visit.id)


def judge(case: Case, led_or_joined: list[VisitFacts], as_of: datetime) -> Figure:
    return judge_figure(led_or_joined, case, terms_in(case, as_of))


def required(case: Case) -> int:
    terms = terms_in(case, clock.at_civil(case.period.first))
    return required_of(case.rule, presence_in(case.tenure.bits(case.period), terms))


@given(cases())
def test_required_never_exceeds_the_minimum(case):
    assert 0 <= required(case) <= case.rule.minimum


@given(cases(), near)
def test_more_presence_never_lowers_what_is_owed(case, on):
    tenure = Tenure(ME, case.tenure.held | {on}, case.tenure.absent - {on})

    assert required(Case(case.rule, tenure, case.period)) >= required(case)


@given(cases(), several, visits(), moments)
def test_one_visit_more_never_lowers_what_is_achieved(case, before, more, as_of):
    assert judge(case, [*before, more], as_of).achieved >= judge(case, before, as_of).achieved


@given(cases(), several, moments)
def test_every_visit_of_the_period_is_told_whole_and_no_other(case, given_visits, as_of):
    figure = judge(case, given_visits, as_of)

    result = Counter()
    for part in (*figure.counted, *figure.not_counted):
        result[part.visit] += part.days
    assert result == {
        visit: len(covered) if case.rule.counts_days else 1
        for visit in given_visits
        if visit.entered_at <= as_of
        and (covered := [on for on in case.period.dates if visit.first_on <= on <= visit.last_on])
    }


@given(cases(), several, moments)
def test_achieved_is_what_is_counted_and_no_day_twice(case, given_visits, as_of):
    figure = judge(case, given_visits, as_of)

    counted = [on for part in figure.counted for on in part.dates]
    assert figure.achieved == len(counted)
    assert not case.rule.once_a_day or len(counted) == len(set(counted))
    assert set(counted) <= case.tenure.present.intersection(case.period.dates)


@given(cases(), several, moments)
def test_nothing_counts_before_it_was_entered(case, given_visits, as_of):
    later = [visit for visit in given_visits if visit.entered_at > as_of]

    figure = judge(case, later, as_of)

    assert (figure.achieved, figure.planned, figure.not_counted) == (0, 0, ())


@given(cases(), several, moments, some.randoms())
def test_the_order_in_which_visits_come_does_not_matter(case, given_visits, as_of, random):
    shuffled = random.sample(given_visits, len(given_visits))

    assert judge(case, shuffled, as_of) == judge(case, given_visits, as_of)


@given(cases(), several, moments)
def test_the_status_follows_from_the_numbers(case, given_visits, as_of):
    figure = judge(case, given_visits, as_of)
    hoped = figure.achieved + figure.planned
    is_over = clock.civil_date(as_of) > case.period.last

    assert figure.planned >= 0
    assert 0 <= figure.pace <= figure.required
    assert (figure.status is FigureStatus.EXEMPT) == (figure.required == 0)
    assert (figure.status is FigureStatus.MET) == (0 < figure.required <= figure.achieved)
    assert figure.status is not FigureStatus.MISSED or is_over
    assert figure.status is not FigureStatus.UNREACHABLE or hoped < figure.required
    assert figure.outlook.need == max(figure.required - hoped, 0)
    assert figure.status is not FigureStatus.AT_RISK or (
        figure.outlook.need > figure.outlook.reachable
    )
    assert figure.status is not FigureStatus.ON_TRACK or (
        figure.outlook.need <= figure.outlook.reachable
    )


@given(cases(), several, moments)
def test_what_cannot_be_reached_is_not_reached_however_full_the_days_left(
    case, given_visits, as_of
):
    figure = judge(case, given_visits, as_of)

    today = clock.civil_date(as_of)
    left = [on for on in case.tenure.present if on in case.period and on >= today]
    if figure.status is FigureStatus.UNREACHABLE and not case.rule.once_a_day:
        assert not left
    if figure.status is FigureStatus.ON_TRACK and case.rule.once_a_day:
        assert figure.achieved + figure.planned + len(left) >= figure.required


@given(cases(), several, moments)
def test_what_is_reachable_is_never_more_than_the_working_days_left_or_the_pace_allow(
    case, given_visits, as_of
):
    figure = judge(case, given_visits, as_of)

    left, reachable = figure.outlook.workdays_left, figure.outlook.reachable
    assert 0 <= 2 * figure.present * reachable <= 3 * figure.required * left
    if case.rule.once_a_day and figure.required <= figure.present:
        assert reachable <= left


@given(cases(), several, moments)
def test_without_the_limit_for_stays_nothing_counts_less(case, given_visits, as_of):
    unlimited = Case(replace(case.rule, stay_within_days=None), case.tenure, case.period)

    figure = judge(case, given_visits, as_of)

    assert figure.achieved <= judge(unlimited, given_visits, as_of).achieved


@given(cases(), visits(), moments, moments)
def test_a_stay_that_ends_takes_nothing_back_while_it_may_be_logged(case, visit, one, other):
    planned = {"status": Status.PLANNED, "logged_at": None, "verdict": None, "verdict_at": None}
    stay = replace(visit, kind=Kind.RESIDENCY, **planned)
    earlier, later = sorted([one, other])

    if clock.civil_date(later) <= stay.last_on + case.rule.log_within_days * DAY:
        assert judge(case, [stay], later).achieved >= judge(case, [stay], earlier).achieved
