"""The demonstration zone told for many dates: the report's figures, every status of the board."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from crm.base.clock import at_civil, civil_date
from crm.base.money import YI
from crm.base.periods import days
from crm.cli import seeds
from crm.leads.rules import LINE, MOVED_IN, Secrecy, Stage
from crm.people.rules import Duty, Role
from crm.quotas.rules import FigureStatus, Reason
from crm.visits.rules import Status, Verdict
from tests.seeds.zone import figures, periods_around, story_of

# Spring Festival near, ends of months, a leap day, years that the library does not know.
DATES = [
    date(2026, 1, 15),
    date(2026, 2, 25),
    date(2026, 3, 12),
    date(2026, 6, 28),
    date(2026, 8, 31),
    date(2026, 11, 18),
    date(2027, 2, 12),
    date(2028, 2, 29),
]
WORKDAYS_CALM = 8  # with nothing done of six a month, nobody is at risk before the ninth (REGIME 4)
MIDDLE_DAYS = [
    day
    for year in (2026, 2027)
    for month in range(1, 13)
    for day in days(date(year, month, 12), date(year, month, 25))
    if seeds.calendar().is_workday(day)
    and len(seeds.calendar().workdays(day.replace(day=1), day)) > WORKDAYS_CALM
]
on_each_date = pytest.mark.parametrize("day", DATES, ids=str)


def leads_of(day):
    return story_of(day).leads


def size(lead):
    return (lead.row.yi or Decimal(0)) * YI


def six_months_before(day):
    months = day.year * 12 + day.month - 1 - 6
    return date(months // 12, months % 12 + 1, min(day.day, 28))


def recruiters_of(day):
    return {
        posting.row.username
        for posting in story_of(day).postings
        if posting.row.duty is Duty.RECRUITER and posting.to_on is None
    }


@on_each_date
def test_thirteen_projects_above_one_billion_were_signed_in_six_months(day):
    signed = [
        lead
        for lead in leads_of(day)
        if size(lead) > 10 * YI
        and six_months_before(day) < lead.reached.get(Stage.SIGNED, date.min) <= day
    ]

    assert len(signed) == 13


@on_each_date
def test_eighteen_of_one_billion_or_more_are_in_hand_with_67_1_billion(day):
    sizes = [
        size(lead)
        for lead in leads_of(day)
        if lead.row.stage in (Stage.FOLLOWING, Stage.NEGOTIATING) and size(lead) >= 10 * YI
    ]

    assert (len(sizes), sum(sizes)) == (18, 671 * YI)


@on_each_date
def test_all_of_them_had_come_so_far_by_the_end_of_the_month_before(day):
    first = day.replace(day=1)
    stages = {Stage.SIGNED, Stage.FOLLOWING, Stage.LOST, Stage.PARKED}
    large = [
        (lead.reached[stage], lead.row.ref)
        for lead in leads_of(day)
        if size(lead) >= 10 * YI
        for stage in stages & lead.reached.keys()
    ]

    assert [found for found in large if found[0] >= first] == []


@on_each_date
def test_the_companys_sixteen_recruiters_have_over_twenty_leads_and_eight_landed(day):
    recruiters = recruiters_of(day)
    leads = [lead for lead in leads_of(day) if lead.row.tracker in recruiters]
    landed = [
        lead
        for lead in leads
        if lead.row.stage in LINE and LINE.index(lead.row.stage) >= LINE.index(Stage.REGISTERED)
    ]

    assert (len(recruiters), len(leads), len(landed)) == (16, 24, 8)
    assert {lead.row.tracker for lead in leads} == recruiters


@on_each_date
def test_a_project_of_half_a_billion_took_ten_days_from_follow_up_to_signing(day):
    spans = [
        (lead.reached[Stage.SIGNED] - lead.reached[Stage.FOLLOWING], size(lead))
        for lead in leads_of(day)
        if Stage.SIGNED in lead.reached
    ]

    assert [span for span in spans if span[0].days == 10] == [(timedelta(days=10), 5 * YI)]


@on_each_date
def test_one_project_took_76_days_from_moving_in_to_opening(day):
    spans = [
        (lead.reached[Stage.OPERATING] - lead.reached[MOVED_IN]).days
        for lead in leads_of(day)
        if {MOVED_IN, Stage.OPERATING} <= lead.reached.keys()
    ]

    assert spans == [76]


@on_each_date
def test_every_major_project_has_a_leader_a_unit_and_a_tracker(day):
    in_hand = [
        lead for lead in leads_of(day) if lead.row.stage in (Stage.FOLLOWING, Stage.NEGOTIATING)
    ]

    assert all(lead.row.leader for lead in in_hand if size(lead) >= 10 * YI)
    assert all(lead.row.unit and lead.row.tracker for lead in in_hand)


@on_each_date
def test_nothing_is_entered_on_the_date_or_later(day):
    story, midnight = story_of(day), at_civil(day)
    moments = [
        *(visit.entered_at for visit in story.visits),
        *(visit.logged_at for visit in story.visits if visit.logged_at),
        *(visit.verdict_at for visit in story.visits if visit.verdict_at),
        *(step.entered_at for step in story.followups),
        *(step.done_at for step in story.followups if step.done_at),
        *(absence.entered_at for absence in story.absences),
    ]

    assert max(moments) < midnight
    assert all(max(lead.reached.values()) < day for lead in story.leads)


@on_each_date
def test_no_visit_is_logged_before_its_end_or_judged_before_it_is_logged(day):
    done = [visit for visit in story_of(day).visits if visit.status is Status.DONE]

    assert [visit.ref for visit in done if not visit.ends_at <= visit.logged_at] == []
    assert [
        visit.ref for visit in done if visit.verdict_at and visit.verdict_at < visit.logged_at
    ] == []


@on_each_date
def test_references_are_unique(day):
    story = story_of(day)
    refs = [each.ref for each in (*story.visits, *story.followups)]

    assert len(refs) == len(set(refs))


def test_the_same_date_tells_the_same_story():
    again = story_of.__wrapped__(DATES[0])

    assert again == story_of(DATES[0])


@pytest.mark.parametrize("day", MIDDLE_DAYS[::9], ids=str)
@pytest.mark.parametrize("hours", [0, 9, 24])
def test_the_board_shows_every_status_in_the_middle_of_a_month(day, hours):
    as_of = at_civil(day) + timedelta(hours=hours)
    shown = {
        figure.status
        for period in periods_around(day)
        for figure in figures(story_of(day), period, as_of)
    }

    assert shown == set(FigureStatus)


@pytest.mark.slow
@pytest.mark.parametrize("day", MIDDLE_DAYS, ids=str)
def test_the_board_shows_every_status_on_each_working_day_from_the_12th_to_the_25th(day):
    shown = {
        figure.status
        for period in periods_around(day)
        for figure in figures(story_of(day), period, at_civil(day) + timedelta(hours=9))
    }

    assert shown == set(FigureStatus)


def test_the_board_shows_most_reasons_why_a_visit_does_not_count():
    day = date(2026, 11, 18)
    shown = {
        each.reason
        for period in periods_around(day)
        for figure in figures(story_of(day), period, at_civil(day) + timedelta(hours=9))
        for each in figure.not_counted
    }

    # by another channel it is remote contact, another kind
    assert shown >= set(Reason) - {Reason.OUTSIDE_PERIOD, Reason.WRONG_CHANNEL}


def test_the_zone_holds_what_a_visitor_wants_to_see():
    day = date(2026, 11, 18)
    story = story_of(day)
    today = [visit for visit in story.visits if civil_date(visit.starts_at) == day]
    due = {(step.due_on - day).days for step in story.followups if not step.done_at}

    assert {visit.status for visit in story.visits} == set(Status)
    assert {visit.verdict for visit in story.visits} == {None, *Verdict}
    assert {lead.row.secrecy for lead in story.leads} == set(Secrecy)
    # the other two administer only where three people do
    others = {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN}
    assert {posting.row.role for posting in story.postings} == set(Role) - others
    assert len(today) >= 5
    assert min(due) < 0 < max(due)
    assert 0 in due
    assert [step.ref for step in story.followups if step.repeats]
    assert {lead.row.stage for lead in story.leads} >= {Stage.PARKED, Stage.LOST, Stage.LEAD}
