"""What each date of a period is to a figure."""

from collections import Counter

from hypothesis import given

from crm.base.periods import Period
from crm.quotas.day_marks import DayMark, Presence, marked_days
from crm.visits.rules import Kind, Status
from tests.quotas.test_properties import cases, judge, moments, several
from tests.quotas.values import (
    CALENDAR,
    DEPUTY,
    RECRUITER,
    a_plan,
    a_visit,
    dates,
    moment,
    tenure_in,
)
from tests.quotas.values import judge as judge_july

WEEK = Period.parse("2026-W29")  # 13 to 19 July


def presence(period, tenure, as_of):
    workdays = CALENDAR.workdays(period.first, period.last)
    return Presence(tenure.held, tenure.absent, workdays, as_of)


def marks(rule, visits, *, as_of="07-15T10:00", held=None, absent=()):
    tenure = tenure_in(WEEK, held=held, absent=absent)
    figure = judge_july(rule, visits, period=WEEK, as_of=as_of, tenure=tenure)
    seen = marked_days(figure, presence(WEEK, tenure, moment(as_of)))
    return [day.mark.value for day in seen]


def test_a_week_shows_what_counted_what_is_planned_and_what_is_free():
    visits = [a_visit("07-13"), a_visit("07-14", kind=Kind.EVENT), a_plan("07-16")]

    assert marks(RECRUITER, visits) == [
        *("counted", "uncounted", "free", "planned", "free"),
        *("rest", "rest"),
    ]


def test_dates_without_the_duty_and_of_absence_are_marked():
    held, absent = dates(("07-14", "07-19")), dates(("07-16", "07-16"))

    assert marks(RECRUITER, [], held=held, absent=absent) == [
        *("not_held", "empty", "free", "absent", "free"),
        *("rest", "rest"),
    ]


def test_a_cancelled_visit_leaves_its_date_free():
    assert marks(RECRUITER, [a_visit("07-16", status=Status.CANCELLED)])[3] == "free"


def test_where_visits_are_counted_only_their_first_date_is_marked():
    assert marks(DEPUTY, [a_visit("07-13", "07-14")])[:2] == ["counted", "empty"]


def test_a_date_knows_the_visits_behind_it():
    visits = [a_visit("07-13"), a_visit("07-13")]
    tenure = tenure_in(WEEK)

    figure = judge_july(RECRUITER, visits, period=WEEK, tenure=tenure)
    monday = marked_days(figure, presence(WEEK, tenure, moment("07-15T10:00")))[0]

    assert [part.visit for part in monday.counted] == visits[:1]
    assert [part.visit for part in monday.not_counted] == visits[1:]


@given(cases(), several, moments)
def test_as_many_dates_are_marked_as_the_figure_counts_and_plans(case, given_visits, as_of):
    figure = judge(case, given_visits, as_of)

    found = Counter(
        day.mark for day in marked_days(figure, presence(case.period, case.tenure, as_of))
    )

    if case.rule.once_a_day:
        assert found[DayMark.COUNTED] == figure.achieved
        assert found[DayMark.PLANNED] == figure.planned
    assert sum(found.values()) == len(case.period.dates)
