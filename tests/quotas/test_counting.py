"""Which visits count, which do not, and why: a sentence of REGIME 3 and 4 each."""

from dataclasses import replace

import pytest

from crm.base.periods import Period, PeriodKind
from crm.quotas.rules import Freeze, JudgingVersion, Reason
from crm.visits.rules import Channel, Kind, Status, Verdict
from tests.quotas.values import (
    ANOTHER,
    BY_VISIT,
    DEPUTY,
    JOINING,
    JULY,
    ME,
    PRINCIPAL,
    RECRUITER,
    a_plan,
    a_rule,
    a_stay,
    a_visit,
    dates,
    judge,
    judged,
    moment,
    on,
    reasons,
    tenure_in,
)


def test_two_visits_on_one_day_are_one_time_and_the_earliest_counts():
    later = a_visit("07-06", starts_at=moment("07-06T14:00"))
    earlier = a_visit("07-06", starts_at=moment("07-06T08:00"))

    figure = judge(DEPUTY, [later, earlier])

    assert [part.visit for part in figure.counted] == [earlier]
    assert [(part.visit, part.reason) for part in figure.not_counted] == [(later, Reason.SAME_DAY)]


def test_by_visit_two_on_one_day_are_two():
    assert judge(BY_VISIT, [a_visit("07-06"), a_visit("07-06")]).achieved == 2


def test_a_visit_that_does_not_count_takes_no_day():
    online = a_visit("07-06", channel=Channel.VIDEO, starts_at=moment("07-06T08:00"))

    figure = judge(DEPUTY, [online, a_visit("07-06")])

    assert figure.achieved == 1
    assert reasons(figure) == [(Reason.WRONG_CHANNEL, 1)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"leader_id": ANOTHER}, Reason.NOT_LEADER),
        ({"kind": Kind.RECEPTION}, Reason.WRONG_KIND),
        ({"channel": Channel.PHONE}, Reason.WRONG_CHANNEL),
        ({"status": Status.PLANNED}, Reason.NOT_DONE),
        ({"status": Status.CANCELLED}, Reason.NOT_DONE),
        (judged(Verdict.REJECTED, "07-10T10:00"), Reason.REJECTED),
        ({"logged_at": moment("07-10T00:00")}, Reason.LOGGED_LATE),
    ],
)
def test_a_visit_is_told_why_it_does_not_count(given, reason):
    assert reasons(judge(DEPUTY, [a_visit("07-06", **given)])) == [(reason, 1)]


def test_the_first_reason_that_applies_is_told():
    wrong = {
        "leader_id": ANOTHER,
        "kind": Kind.EVENT,
        "channel": Channel.PHONE,
        "logged_at": moment("07-14T10:00"),
    } | judged(Verdict.REJECTED, "07-14T11:00")
    nobody = tenure_in(JULY, held=())

    def told(**given: object) -> Reason:
        return (
            judge(DEPUTY, [a_visit("07-06", **wrong | given)], tenure=nobody).not_counted[0].reason
        )

    assert judge(DEPUTY, [a_visit("06-30", "07-01", **wrong)]).not_counted[0].reason is (
        Reason.OUTSIDE_PERIOD
    )
    assert told() is Reason.NOT_LEADER
    right = {"leader_id": ME}
    assert told(**right) is Reason.WRONG_KIND
    right["kind"] = Kind.OUTREACH
    assert told(**right) is Reason.WRONG_CHANNEL
    right["channel"] = Channel.IN_PERSON
    assert told(**right, status=Status.PLANNED) is Reason.NOT_DONE
    assert told(**right) is Reason.REJECTED
    right["verdict"] = None
    assert told(**right) is Reason.LOGGED_LATE
    right["logged_at"] = moment("07-06T18:00")
    assert told(**right) is Reason.OUTSIDE_EMPLOYMENT


def test_nobody_counts_on_a_date_without_the_duty_or_in_absence():
    tenure = tenure_in(JULY, held=dates(("07-06", "07-31")), absent=dates(("07-07", "07-07")))
    visits = [a_visit("07-03"), a_visit("07-07"), a_visit("07-08")]

    figure = judge(DEPUTY, visits, tenure=tenure)

    assert figure.achieved == 1
    assert reasons(figure) == [(Reason.OUTSIDE_EMPLOYMENT, 1), (Reason.ABSENT, 1)]


def test_a_rest_day_counts_like_any_other():
    assert judge(DEPUTY, [a_visit("07-05")]).achieved == 1  # a Sunday


def test_a_led_visit_belongs_to_the_date_on_which_it_starts():
    over_the_end = a_visit("06-30", "07-02")

    assert reasons(judge(DEPUTY, [over_the_end])) == [(Reason.OUTSIDE_PERIOD, 1)]
    june = judge(DEPUTY, [over_the_end], period=Period.parse("2026-06"))
    assert june.achieved == 1


def test_a_visit_that_covers_no_date_of_the_period_is_not_told():
    figure = judge(DEPUTY, [a_visit("06-29", "06-30"), a_visit("08-01")], as_of="08-20T10:00")

    assert figure.counted == figure.not_counted == ()


def test_one_who_joins_counts_where_joining_is_measured():
    joined = a_visit("07-06", leader_id=ANOTHER)

    assert judge(JOINING, [joined]).achieved == 1
    assert judge(RECRUITER, [joined]).achieved == 1
    assert judge(DEPUTY, [joined]).achieved == 0


def test_a_stay_over_two_periods_gives_each_its_own_days():
    stay = a_visit("06-28", "07-03", kind=Kind.RESIDENCY)

    june = judge(RECRUITER, [stay], period=Period.parse("2026-06"))
    july = judge(RECRUITER, [stay])

    assert (june.achieved, july.achieved) == (3, 3)


def test_a_day_covered_twice_is_one_resident_day():
    stays = [a_visit("07-01", "07-05"), a_visit("07-04", "07-06")]

    figure = judge(RECRUITER, stays)

    assert figure.achieved == 6
    assert [part.days for part in figure.counted] == [5, 1]
    assert reasons(figure) == [(Reason.SAME_DAY, 2)]


def test_a_stay_of_which_some_days_count_stands_in_both_lists():
    tenure = tenure_in(JULY, absent=dates(("07-03", "07-04")))
    stay = a_visit("07-01", "07-06")

    figure = judge(RECRUITER, [stay], tenure=tenure)

    assert [(part.visit, part.days) for part in figure.counted] == [(stay, 4)]
    assert [part.visit for part in figure.not_counted] == [stay]
    assert reasons(figure) == [(Reason.ABSENT, 2)]


class TestLateLogging:
    """REGIME 3: by local calendar dates, and only a confirmation makes it count."""

    def test_on_the_last_day_of_the_limit_it_counts(self):
        visit = a_visit("07-06", logged_at=moment("07-09T23:59"))

        assert judge(DEPUTY, [visit]).achieved == 1

    def test_the_limit_is_the_rules_own(self):
        visit = a_visit("07-06", logged_at=moment("07-10T00:00"))

        assert judge(a_rule(log_within_days=4), [visit]).achieved == 1

    def test_the_last_date_decides_not_the_first(self):
        visit = a_visit("07-01", "07-08", logged_at=moment("07-11T10:00"))

        assert judge(RECRUITER, [visit]).achieved == 8

    def test_it_counts_once_confirmed(self):
        confirmed = judged(Verdict.CONFIRMED, "07-14T10:00")
        visit = a_visit("07-06", logged_at=moment("07-13T10:00"), **confirmed)

        assert judge(DEPUTY, [visit], as_of="07-14T09:59").achieved == 0
        assert judge(DEPUTY, [visit], as_of="07-14T10:00").achieved == 1


class TestAsOf:
    """REGIME 4: any moment can be replayed."""

    def test_a_visit_entered_later_is_not_there(self):
        visit = a_visit("07-06", entered_at=moment("07-07T10:00"))

        figure = judge(DEPUTY, [visit], as_of="07-07T09:59")

        assert figure.counted == figure.not_counted == ()

    def test_one_logged_later_was_planned(self):
        visit = a_visit("07-06", logged_at=moment("07-08T10:00"))

        before, after = (judge(DEPUTY, [visit], as_of=f"07-08T{at}") for at in ("09:59", "10:00"))

        assert (before.achieved, before.planned) == (0, 1)
        assert (after.achieved, after.planned) == (1, 0)

    def test_one_that_ends_later_was_planned(self):
        visit = a_visit("07-06", logged_at=moment("07-06T09:00"))

        figure = judge(DEPUTY, [visit], as_of="07-06T16:59")

        assert (figure.achieved, figure.planned) == (0, 1)

    def test_a_rejection_given_later_is_not_there(self):
        visit = a_visit("07-06", **judged(Verdict.REJECTED, "07-10T10:00"))

        assert judge(DEPUTY, [visit], as_of="07-10T09:59").achieved == 1
        assert judge(DEPUTY, [visit], as_of="07-10T10:00").achieved == 0

    def test_a_cancelled_visit_was_never_planned(self):
        figure = judge(DEPUTY, [a_visit("07-20", status=Status.CANCELLED)], as_of="07-02T10:00")

        assert figure.planned == 0


class TestStayUnderWay:
    """REGIME 3: each date before today counts as if done, and no month waits for the next."""

    def test_dates_before_today_count_and_the_rest_are_planned(self):
        figure = judge(RECRUITER, [a_stay("07-13", "07-20")])

        assert (figure.achieved, figure.planned) == (2, 6)
        assert reasons(figure) == [(Reason.NOT_DONE, 6)]

    def test_a_stay_from_last_month_fills_this_one_too(self):
        assert judge(RECRUITER, [a_stay("06-20", "07-20")]).achieved == 14

    def test_a_month_is_settled_though_the_stay_goes_on(self):
        figure = judge(RECRUITER, [a_stay("07-01", "08-20")], as_of="08-01T08:00")

        assert (figure.achieved, figure.planned) == (31, 0)

    @pytest.mark.parametrize(
        ("as_of", "numbers"),
        [
            ("07-10T17:00", (9, 1)),  # it has just ended
            ("07-13T23:59", (10, 0)),  # the last date on which it may be logged in time
            ("07-14T00:00", (0, 0)),
        ],
    )
    def test_once_it_has_ended_it_counts_as_long_as_it_may_be_logged_in_time(self, as_of, numbers):
        figure = judge(RECRUITER, [a_stay("07-01", "07-10")], as_of=as_of)

        assert (figure.achieved, figure.planned) == numbers

    def test_an_ended_one_that_is_done_in_time_counts_on(self):
        stay = a_visit("07-01", "07-10", kind=Kind.RESIDENCY, logged_at=moment("07-13T20:00"))

        result = [
            judge(RECRUITER, [stay], as_of=f"07-{day}T10:00").achieved for day in (12, 13, 14)
        ]

        assert result == [10, 10, 10]

    def test_an_ended_one_that_lapsed_counts_once_it_is_done_and_confirmed(self):
        late = {"kind": Kind.RESIDENCY, "logged_at": moment("07-14T10:00")}
        done = a_visit("07-01", "07-10", **late)
        confirmed = a_visit("07-01", "07-10", **late, **judged(Verdict.CONFIRMED, "07-14T12:00"))

        assert judge(RECRUITER, [done]).achieved == 0
        assert judge(RECRUITER, [confirmed]).achieved == 10

    def test_an_ended_one_that_is_rejected_counts_no_longer(self):
        rejected = a_stay("07-01", "07-10", **judged(Verdict.REJECTED, "07-11T10:00"))

        assert judge(RECRUITER, [rejected], as_of="07-11T09:00").achieved == 10
        assert judge(RECRUITER, [rejected], as_of="07-11T10:00").achieved == 0

    @pytest.mark.parametrize(
        ("way", "achieved"), [(JudgingVersion.STAYS_UNDER_WAY, 0), (JudgingVersion.ENDED_STAYS, 20)]
    )
    def test_what_is_frozen_is_judged_again_by_the_way_by_which_it_was_judged(self, way, achieved):
        freeze = Freeze(moment("08-02T00:00"), way)
        ended = a_stay("07-12", "08-01")

        assert judge(RECRUITER, [ended], as_of="08-10T10:00", freeze=freeze).achieved == achieved

    def test_a_stay_that_counted_at_the_freeze_goes_on_counting_when_it_lapses(self):
        freeze = Freeze(moment("08-06T00:00"), JudgingVersion.ENDED_STAYS)
        entered_after = {"entered_at": moment("08-07T10:00")}

        known_then = judge(
            RECRUITER, [a_stay("07-12", "08-04")], as_of="08-20T10:00", freeze=freeze
        )
        made_up = judge(
            RECRUITER,
            [a_stay("07-12", "08-05", **entered_after)],
            as_of="08-08T10:00",
            freeze=freeze,
        )

        assert (known_then.achieved, made_up.achieved) == (20, 0)

    def test_one_not_yet_begun_does_not_count(self):
        figure = judge(RECRUITER, [a_stay("07-16", "07-20")])

        assert (figure.achieved, figure.planned) == (0, 5)

    def test_a_rejected_one_does_not_count(self):
        rejected = a_stay("07-10", "07-20", **judged(Verdict.REJECTED, "07-14T10:00"))

        figure = judge(RECRUITER, [rejected])

        assert (figure.achieved, figure.planned) == (0, 0)
        assert reasons(figure) == [(Reason.NOT_DONE, 11)]

    def test_a_cancelled_one_does_not_count(self):
        assert judge(RECRUITER, [a_stay("07-10", "07-20", status=Status.CANCELLED)]).achieved == 0

    def test_an_outreach_under_way_waits_until_it_is_done(self):
        figure = judge(RECRUITER, [a_plan("07-10", "07-20")])

        assert (figure.achieved, figure.planned) == (0, 11)

    def test_where_visits_are_counted_its_first_date_decides(self):
        under_way = a_stay("07-14", "07-20")

        assert judge(DEPUTY, [under_way], as_of="07-14T23:59").achieved == 0
        assert judge(DEPUTY, [under_way], as_of="07-15T00:00").achieved == 1

    def test_one_done_by_now_was_under_way_then(self):
        stay = a_visit("07-13", "07-20", kind=Kind.RESIDENCY)

        assert judge(RECRUITER, [stay], as_of="07-16T10:00").achieved == 3


class TestEnteredLate:
    """REGIME 3: the days of a stay that were entered late count once they are confirmed."""

    @pytest.mark.parametrize(("late_by", "achieved"), [(9, 10), (10, 0)])
    def test_its_days_count_where_none_was_entered_later_than_the_rule_allows(
        self, late_by, achieved
    ):
        stay = a_visit("07-01", "07-10", kind=Kind.RESIDENCY, late_by_days=late_by)

        assert judge(RECRUITER, [stay]).achieved == achieved

    def test_they_are_told_as_logged_late_and_neither_achieved_nor_planned(self):
        figure = judge(RECRUITER, [a_stay("07-01", "07-20", late_by_days=12)])

        assert (figure.achieved, figure.planned) == (0, 0)
        assert reasons(figure) == [(Reason.LOGGED_LATE, 14), (Reason.NOT_DONE, 6)]

    def test_a_stay_under_way_may_be_confirmed_and_its_coming_days_count_as_they_pass(self):
        confirmed = judged(Verdict.CONFIRMED, "07-14T10:00")
        stay = a_stay("07-01", "07-20", late_by_days=12, **confirmed)

        figure = judge(RECRUITER, [stay])

        assert (figure.achieved, figure.planned) == (14, 6)

    def test_a_long_outreach_is_a_stay_in_this(self):
        assert judge(RECRUITER, [a_visit("07-01", "07-10", late_by_days=10)]).achieved == 0

    def test_a_visit_of_one_date_has_only_the_limit_for_logging(self):
        assert judge(RECRUITER, [a_visit("07-01", late_by_days=30)]).achieved == 1

    def test_a_rule_that_counts_visits_knows_no_such_limit(self):
        assert judge(DEPUTY, [a_visit("07-01", "07-10", late_by_days=30)]).achieved == 1

    def test_a_rule_without_the_limit_takes_them_however_late(self):
        unlimited = replace(RECRUITER, stay_within_days=None)

        assert judge(unlimited, [a_visit("07-01", "07-10", late_by_days=80)]).achieved == 10

    def test_days_entered_late_take_no_date_from_another_visit(self):
        late = a_visit("07-01", "07-10", late_by_days=10)

        assert judge(RECRUITER, [late, a_visit("07-02")]).achieved == 1


def test_a_week_takes_visits_from_its_monday_to_its_sunday():
    week = Period.parse("2026-W29")
    visits = [a_visit("07-12"), a_visit("07-13"), a_visit("07-19"), a_visit("07-20")]

    figure = judge(PRINCIPAL, visits, period=week, as_of="07-25T10:00")

    assert [part.visit.first_on for part in figure.counted] == [on("07-13"), on("07-19")]


@pytest.mark.parametrize(
    ("name", "kind", "achieved"),
    [
        ("2026-W28", PeriodKind.WEEK, 7),
        ("2026-07-X1", PeriodKind.XUN, 10),
        ("2026-07", PeriodKind.MONTH, 31),
        ("2026-Q3", PeriodKind.QUARTER, 51),
        ("2026", PeriodKind.YEAR, 82),
    ],
)
def test_each_kind_of_period_takes_its_own_dates(name, kind, achieved):
    stay = a_visit("05-31", "08-20", kind=Kind.RESIDENCY)

    figure = judge(
        a_rule(measure=RECRUITER.measure, period=kind),
        [stay],
        period=Period.parse(name),
        as_of="08-21T10:00",
    )

    assert figure.achieved == achieved


@pytest.mark.parametrize(
    ("status", "achieved"), [(Status.DONE, 1), (Status.PLANNED, 0), (Status.CANCELLED, 0)]
)
def test_only_a_visit_that_is_done_counts(status, achieved):
    assert judge(DEPUTY, [a_visit("07-06", status=status)]).achieved == achieved


def test_a_rejected_visit_does_not_count():
    rejected = a_visit("07-06", **judged(Verdict.REJECTED, "07-07T10:00"))

    assert judge(DEPUTY, [rejected, a_visit("07-08")]).achieved == 1


def test_visits_joined_are_those_that_one_leads_or_takes_part_in():
    visits = [a_visit("07-06"), a_visit("07-07", leader_id=ANOTHER)]

    assert judge(JOINING, visits).achieved == 2


def test_resident_days_are_always_counted_by_day():
    two_on_a_day = [a_visit("07-06", kind=Kind.RESIDENCY), a_visit("07-06")]

    figure = judge(a_rule(measure=RECRUITER.measure, count_by=BY_VISIT.count_by), two_on_a_day)

    assert figure.achieved == 1


def test_resident_days_are_of_the_counted_kinds_and_channels():
    wrong = [a_visit("07-06", kind=Kind.EVENT), a_visit("07-07", channel=Channel.VIDEO)]

    figure = judge(RECRUITER, [*wrong, a_visit("07-08", "07-09", kind=Kind.RESIDENCY)])

    assert figure.achieved == 2
    assert reasons(figure) == [(Reason.WRONG_KIND, 1), (Reason.WRONG_CHANNEL, 1)]


def test_each_visit_led_or_joined_is_told_as_counting_or_with_its_reason():
    visits = [a_visit("07-06"), a_visit("07-07", leader_id=ANOTHER), a_plan("07-20")]

    figure = judge(DEPUTY, visits)

    assert [part.visit for part in figure.counted] == visits[:1]
    assert [(part.visit, part.reason) for part in figure.not_counted] == [
        (visits[1], Reason.NOT_LEADER),
        (visits[2], Reason.NOT_DONE),
    ]


def test_only_days_ask_not_where_a_visit_begins():
    from_june = a_visit("06-29", "07-02")

    assert judge(RECRUITER, [from_june]).achieved == 2
    assert reasons(judge(DEPUTY, [from_june])) == [(Reason.OUTSIDE_PERIOD, 1)]
