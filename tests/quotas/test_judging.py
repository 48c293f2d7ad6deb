"""What is owed, what may still be reached, and the status: a sentence of REGIME 4 each."""

import pytest

from crm.base.periods import Period
from crm.base.workdays import Source, Workday, WorkingCalendar
from crm.quotas.judging import Presence, StatusInputs, required_of, status_of
from crm.quotas.rules import (
    Cap,
    CountBy,
    FigureStatus,
    Outlook,
    Proration,
    Reason,
    Rounding,
)
from crm.visits.rules import Channel, Kind, Status, Verdict
from tests.quotas.values import (
    BY_VISIT,
    CALENDAR,
    DEPUTY,
    JULY,
    ME,
    PRINCIPAL,
    RECRUITER,
    Case,
    a_plan,
    a_rule,
    a_stay,
    a_visit,
    dates,
    judge,
    judge_figure,
    judged,
    moment,
    on,
    reasons,
    tenure_in,
    terms_in,
)


def presence(*, working: int, workdays: int = 22, resting: int = 0) -> Presence:
    """So many dates present, of which so many are working days."""
    return Presence(workdays, (1 << working + resting) - 1, (1 << working) - 1)


@pytest.mark.parametrize(("present", "owed"), [(0, 0), (1, 1), (11, 3), (12, 4), (22, 6)])
def test_a_deputy_owes_in_proportion_to_presence(present, owed):
    assert required_of(DEPUTY, presence(working=present)) == owed


@pytest.mark.parametrize(("present", "owed"), [(0, 0), (1, 0), (2, 0), (3, 1), (5, 1)])
def test_a_principal_absent_most_of_the_week_owes_nothing(present, owed):
    assert required_of(PRINCIPAL, presence(working=present, workdays=5)) == owed


def test_a_half_is_rounded_up():
    half = a_rule(minimum=5, rounding=Rounding.HALF_UP)

    assert required_of(half, presence(working=1, workdays=2)) == 3


@pytest.mark.parametrize(("present", "owed"), [(0, 0), (1, 6), (22, 6)])
def test_without_proration_one_working_day_owes_all(present, owed):
    assert required_of(a_rule(proration=Proration.NONE), presence(working=present)) == owed


def test_a_period_without_working_days_owes_nothing():
    spring_festival = Period.parse("2026-W08")

    figure = judge(PRINCIPAL, period=spring_festival, as_of="02-18T10:00")

    assert (figure.required, figure.workdays, figure.present) == (0, 0, 0)
    assert figure.status is FigureStatus.EXEMPT


def test_resident_days_owed_never_exceed_the_calendar_days_present():
    owed = presence(working=16, workdays=16, resting=2)

    assert required_of(RECRUITER, owed) == 18


def test_the_other_cap_is_the_working_days_present():
    rule = a_rule(measure=RECRUITER.measure, minimum=20, cap=Cap.WORKDAYS)

    assert required_of(rule, presence(working=16, workdays=16, resting=12)) == 16


def test_the_cap_holds_without_proration_too():
    rule = a_rule(measure=RECRUITER.measure, minimum=20, proration=Proration.NONE)

    assert required_of(rule, presence(working=3, resting=1)) == 4


def test_visits_owed_are_not_capped():
    assert required_of(a_rule(proration=Proration.NONE), presence(working=1)) == 6


def test_february_asks_twenty_days_of_sixteen_working_days():
    figure = judge(RECRUITER, period=Period.parse("2026-02"), as_of="02-10T10:00")

    assert (figure.required, figure.workdays) == (20, 16)


def test_presence_is_holding_the_duty_and_not_being_absent():
    tenure = tenure_in(
        JULY, held=dates(("07-06", "07-17")), absent=dates(("07-01", "07-06"), ("07-06", "07-07"))
    )

    figure = judge(DEPUTY, tenure=tenure)

    assert (figure.workdays, figure.present, figure.required) == (23, 8, 3)


def test_an_override_changes_what_a_working_day_is():
    saturday = WorkingCalendar({on("07-04"): Workday(is_workday=True, source=Source.OVERRIDE)})
    case = Case(DEPUTY, tenure_in(JULY), JULY)

    figure = judge_figure([], case, terms_in(case, moment("07-15T10:00"), calendar=saturday))

    assert (figure.workdays, figure.present) == (24, 24)


class TestPlanned:
    """REGIME 4: what the planned visits would add to what is achieved if done."""

    def test_one_today_and_one_to_come(self):
        assert judge(DEPUTY, [a_plan("07-15"), a_plan("07-20")]).planned == 2

    def test_one_that_may_still_be_logged_in_time(self):
        assert judge(DEPUTY, [a_plan("07-12")]).planned == 1
        assert judge(DEPUTY, [a_plan("07-11")]).planned == 0

    def test_on_a_day_that_counts_already_it_adds_nothing(self):
        assert judge(DEPUTY, [a_visit("07-13"), a_plan("07-13")]).planned == 0

    def test_an_earlier_one_takes_the_day_from_a_later_one_and_adds_nothing(self):
        early = a_plan("07-13", starts_at=moment("07-13T07:00"))

        assert judge(DEPUTY, [a_visit("07-13"), early]).planned == 0

    def test_one_of_the_wrong_channel_adds_nothing(self):
        assert judge(DEPUTY, [a_plan("07-20", channel=Channel.VIDEO)]).planned == 0

    def test_a_rejected_one_adds_nothing(self):
        plan = a_plan("07-20", **judged(Verdict.REJECTED, "07-14T10:00"))

        assert judge(DEPUTY, [plan]).planned == 0

    def test_a_cancelled_one_adds_nothing(self):
        assert judge(DEPUTY, [a_plan("07-20", status=Status.CANCELLED)]).planned == 0

    def test_on_a_date_of_absence_it_adds_nothing(self):
        tenure = tenure_in(JULY, absent=dates(("07-20", "07-20")))

        assert judge(DEPUTY, [a_plan("07-20")], tenure=tenure).planned == 0

    def test_only_the_dates_in_the_period_are_added(self):
        assert judge(RECRUITER, [a_plan("07-30", "08-05")]).planned == 2

    def test_a_visit_to_be_logged_late_is_planned_while_it_can_be_in_time(self):
        late = a_visit("07-13", logged_at=moment("07-20T10:00"))

        assert judge(DEPUTY, [late], as_of="07-16T10:00").planned == 1
        assert judge(DEPUTY, [late], as_of="07-17T10:00").planned == 0
        assert reasons(judge(DEPUTY, [late], as_of="07-20T10:00")) == [(Reason.LOGGED_LATE, 1)]

    def test_it_stays_planned_after_the_period_while_it_can_be_in_time(self):
        figure = judge(DEPUTY, [a_plan("07-31")], as_of="08-03T10:00")

        assert figure.planned == 1
        assert figure.status is FigureStatus.MISSED


class TestPace:
    """REGIME 4: half up of required times the present working days elapsed, today included."""

    @pytest.mark.parametrize(
        ("as_of", "pace"),
        [
            ("06-30T10:00", 0),
            ("07-01T10:00", 0),
            ("07-02T10:00", 1),  # 6 * 2 / 23 = 0.52
            ("07-15T10:00", 3),  # 6 * 11 / 23 = 2.87
            ("07-31T10:00", 6),
            ("09-01T10:00", 6),
        ],
    )
    def test_it_grows_with_the_working_days(self, as_of, pace):
        assert judge(DEPUTY, as_of=as_of).pace == pace

    def test_absence_does_not_move_it(self):
        tenure = tenure_in(JULY, absent=dates(("07-01", "07-14")))

        figure = judge(DEPUTY, tenure=tenure)

        assert (figure.required, figure.pace) == (4, 0)  # 4 * 1 / 13

    def test_it_is_nothing_for_one_who_is_never_present(self):
        assert judge(DEPUTY, tenure=tenure_in(JULY, absent=JULY.dates)).pace == 0


class TestStatus:
    """REGIME 4: the first that applies."""

    @pytest.mark.parametrize(
        ("stand", "is_over", "status"),
        [
            (StatusInputs(0, 0, 0, 0, 0), True, FigureStatus.EXEMPT),
            (StatusInputs(0, 3, 0, 0, 0), False, FigureStatus.EXEMPT),
            (StatusInputs(6, 6, 0, 0, 0), True, FigureStatus.MET),
            (StatusInputs(6, 5, 1, 9, 0), True, FigureStatus.MISSED),
            (StatusInputs(6, 2, 1, 2, 2), False, FigureStatus.UNREACHABLE),
            (StatusInputs(6, 2, 1, 3, 2), False, FigureStatus.AT_RISK),
            (StatusInputs(6, 2, 1, 3, 3), False, FigureStatus.ON_TRACK),
            (StatusInputs(6, 2, 4, 0, 0), False, FigureStatus.ON_TRACK),
            (StatusInputs(6, 2, 0, None, 3), False, FigureStatus.AT_RISK),
            (StatusInputs(6, 2, 0, None, 4), False, FigureStatus.ON_TRACK),
        ],
    )
    def test_the_first_that_applies(self, stand, is_over, status):
        assert status_of(stand, is_over=is_over) is status

    def test_the_last_date_is_not_yet_over(self):
        assert judge(DEPUTY, as_of="07-31T23:59").status is FigureStatus.UNREACHABLE
        assert judge(DEPUTY, as_of="08-01T00:00").status is FigureStatus.MISSED

    def test_dates_left_are_free_unless_counted_or_planned(self):
        five = [a_visit(f"07-0{n}") for n in range(1, 6)]

        on_the_last = judge(DEPUTY, five, as_of="07-31T10:00")
        planned = judge(DEPUTY, [*five[1:], a_plan("07-31")], as_of="07-31T10:00")

        assert on_the_last.status is FigureStatus.AT_RISK
        assert planned.status is FigureStatus.UNREACHABLE

    def test_today_is_free_until_a_visit_counts_on_it(self):
        visits = [a_visit(f"07-0{n}") for n in range(1, 5)]
        early = {"starts_at": moment("07-31T07:00"), "ends_at": moment("07-31T08:00")}
        today = a_visit("07-31", **early, logged_at=moment("07-31T08:00"))

        figure = judge(DEPUTY, [*visits, today], as_of="07-31T10:00")

        assert (figure.achieved, figure.status) == (5, FigureStatus.UNREACHABLE)

    def test_rest_days_are_free_too(self):
        month_end = tenure_in(JULY, held=dates(("07-17", "07-19")))  # Friday to Sunday

        figure = judge(a_rule(minimum=60), tenure=month_end, as_of="07-17T10:00")

        # of three dates the rest days are needed, too: more is owed than working days are left
        assert (figure.required, figure.status) == (3, FigureStatus.ON_TRACK)

    def test_dates_of_absence_or_without_the_duty_are_not_free(self):
        leaving = tenure_in(JULY, held=dates(("07-01", "07-20")), absent=dates(("07-16", "07-17")))

        figure = judge(a_rule(minimum=12), tenure=leaving, as_of="07-15T10:00")

        assert (figure.required, figure.status) == (7, FigureStatus.UNREACHABLE)  # 15, 18, 19, 20

    def test_by_visit_one_date_left_bounds_nothing(self):
        figure = judge(BY_VISIT, [a_plan("07-31")], as_of="07-31T10:00")

        assert figure.status is FigureStatus.AT_RISK

    def test_by_visit_no_date_left_is_unreachable(self):
        away = tenure_in(JULY, absent=dates(("07-20", "07-31")))

        assert judge(BY_VISIT, tenure=away, as_of="07-20T10:00").status is FigureStatus.UNREACHABLE

    def test_a_stay_that_will_do_is_on_track(self):
        assert judge(RECRUITER, [a_stay("07-12", "07-31")]).status is FigureStatus.ON_TRACK

    def test_before_the_period_all_of_it_is_free(self):
        assert judge(DEPUTY, as_of="06-01T10:00").status is FigureStatus.ON_TRACK


class TestAtRisk:
    """REGIME 4: even at one and a half times the average pace it would not be reached."""

    MONTH_OF_22 = Period.parse("2026-09")  # 22 working days, from Tuesday the 1st

    def first_day_at_risk(self, rule, period, visits=lambda _day: ()):
        """The number of the working day on which the rule first says so, from 1; none: never."""
        workdays = CALENDAR.workdays(period.first, period.last)
        for number, day in enumerate(workdays, 1):
            as_of = f"{day:%m-%d}T12:00"
            figure = judge(rule, visits(day), period=period, as_of=as_of)
            if figure.status is FigureStatus.AT_RISK:
                return number
        return None

    @pytest.mark.parametrize(
        ("rule", "period", "first"),
        [
            (RECRUITER, MONTH_OF_22, 4),
            (DEPUTY, MONTH_OF_22, 9),
            (PRINCIPAL, Period.parse("2026-W29"), 3),
        ],
    )
    def test_nothing_done_is_at_risk_from_that_working_day_on(self, rule, period, first):
        assert self.first_day_at_risk(rule, period) == first

    @pytest.mark.parametrize(("logged_after", "first"), [(2, None), (3, 4)])
    def test_out_on_every_working_day_and_logged_within_two_days_never(self, logged_after, first):
        month, workdays = self.MONTH_OF_22, CALENDAR.workdays(on("09-01"), on("09-30"))
        visits = [a_visit(f"{day:%m-%d}") for day in workdays]

        def logged(day):
            return visits[: max(workdays.index(day) - logged_after, 0)]

        assert len(workdays) == 22
        assert self.first_day_at_risk(RECRUITER, month, logged) == first

    def test_a_date_taken_by_a_plan_is_not_free(self):
        plans = [a_plan("07-30"), a_plan("07-31")]

        figure = judge(DEPUTY, plans, as_of="07-28T10:00")

        # of four working days two are planned; of the four that are missing two may be added
        assert (figure.planned, figure.outlook) == (
            2,
            Outlook(need=4, workdays_left=4, reachable=1, free=2, on_leave=0, to_confirm=0),
        )

    def test_rest_days_are_counted_on_only_where_more_is_owed_than_working_days(self):
        february, twelve = Period.parse("2026-02"), a_rule(measure=RECRUITER.measure, minimum=12)

        twenty_of_16 = judge(RECRUITER, period=february, as_of="02-24T10:00").outlook
        twelve_of_16 = judge(twelve, period=february, as_of="02-24T10:00").outlook

        assert (twenty_of_16.workdays_left, twenty_of_16.reachable) == (5, 5)
        assert (twelve_of_16.workdays_left, twelve_of_16.reachable) == (5, 5)

    def test_by_visit_no_date_bounds_what_the_pace_allows(self):
        many = a_rule(count_by=CountBy.VISIT, minimum=60)

        assert judge(many, as_of="07-31T10:00").outlook.reachable == 3  # 3 * 60 * 1 / (2 * 23)


def test_a_figure_names_what_it_is_about():
    figure = judge(DEPUTY)

    assert (figure.rule, figure.person_id, figure.period) == (DEPUTY, ME, JULY)


def test_a_visit_may_count_in_each_of_several_rules():
    visit = a_visit("07-06", kind=Kind.RESIDENCY)

    assert [judge(rule, [visit]).achieved for rule in (DEPUTY, BY_VISIT, RECRUITER)] == [1, 1, 1]


def test_workdays_of_2026_are_those_of_the_regime():
    months = [Period.parse(f"2026-{month:02}") for month in range(1, 13)]

    counts = [len(CALENDAR.workdays(month.first, month.last)) for month in months]

    assert counts == [21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23]


@pytest.mark.parametrize(
    ("rounding", "present", "owed"),
    [
        (Rounding.CEIL, 1, 1),  # 6 * 1 / 23 = 0.26
        (Rounding.CEIL, 4, 2),  # 1.04
        (Rounding.HALF_UP, 1, 0),
        (Rounding.HALF_UP, 2, 1),  # 0.52
        (Rounding.HALF_UP, 23, 6),
    ],
)
def test_what_is_owed_is_the_minimum_times_present_by_workdays_rounded_as_the_rule_says(
    rounding, present, owed
):
    rule = a_rule(minimum=6, rounding=rounding)

    assert required_of(rule, presence(working=present, workdays=23)) == owed


@pytest.mark.parametrize("tenure", [tenure_in(JULY, held=()), tenure_in(JULY, absent=JULY.dates)])
def test_who_owes_nothing_is_exempt(tenure):
    figure = judge(DEPUTY, tenure=tenure)

    assert (figure.required, figure.status) == (0, FigureStatus.EXEMPT)


def test_february_capped_at_working_days_asks_sixteen():
    rule = a_rule(measure=RECRUITER.measure, minimum=20, cap=Cap.WORKDAYS)

    assert judge(rule, period=Period.parse("2026-02"), as_of="02-10T10:00").required == 16
