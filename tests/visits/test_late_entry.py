"""Days entered late: how late the dates of a visit are for each of its people (REGIME 3)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.people.rules import Role
from crm.visits import service, verdicts
from crm.visits.models import VisitParticipant
from crm.visits.rules import Kind, Status, Verdict, late_after_change
from crm.visits.service import ImportedVisit, VisitData
from tests.factories import make_person

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def july(day, hour=10):
    return at_civil(date(2026, 7, day)) + hour * HOUR


def stay(leader, first, last, **given):
    """A planned stay from one day of July to another."""
    values = {"kind": Kind.RESIDENCY, "status": Status.PLANNED, "city": "上海"}
    times = {"starts_at": july(first, 9), "ends_at": july(last, 18)}
    return VisitData(**{"leader_id": leader.id} | values | times | given)


@pytest.fixture
def people(db):
    return make_person(db, "leader"), make_person(db, "colleague")


@pytest.fixture
def entered(db, people):
    """A stay of the first ten days, entered on its third."""
    leader, _ = people
    data = stay(leader, 1, 10, ref="V-1")
    return service.log_visit(db, data=data, by=leader, now=july(3))


@pytest.fixture
def change(db, people, entered):
    """Change the stay on a day of July."""

    def make(day, *, by=None, **given):
        data = stay(people[0], 1, 10, **given)
        return service.change_visit(db, visit=entered, data=data, by=by or people[0], now=july(day))

    return make


def lateness(db, visit):
    """Of the leader, then by participant."""
    rows = db.execute(
        select(VisitParticipant.person_id, VisitParticipant.late_by_days).where(
            VisitParticipant.visit_id == visit.id
        )
    )
    return visit.late_by_days, dict(rows.all())


@pytest.mark.parametrize(
    ("old", "new", "today", "late"),
    [
        ((1, 10), (1, 10), 30, 2),  # nothing was added
        ((1, 10), (1, 12), 12, 2),  # the 11th and 12th, a day late at most
        ((1, 10), (1, 25), 20, 9),  # the 11th
        ((5, 10), (3, 10), 20, 17),  # the 3rd
        ((1, 10), (12, 20), 16, 4),  # all anew
        ((1, 10), (12, 20), 10, 0),  # and all to come
        ((1, 10), (4, 10), 5, 1),  # of what stays, none can be later than that
        ((1, 10), (4, 12), 20, 9),  # the 11th
    ],
)
def test_dates_that_a_change_adds_are_as_late_as_the_change(old, new, today, late):
    spans = [tuple(date(2026, 7, day) for day in span) for span in (old, new)]

    assert late_after_change(2, *spans, date(2026, 7, today)) == late


@pytest.mark.parametrize(("today", "late"), [(1, 0), (3, 2), (25, 24)])
def test_at_entry_the_first_date_decides_for_everybody(db, people, today, late):
    leader, colleague = people
    data = stay(leader, 1, 26, participant_ids=[colleague.id])

    visit = service.log_visit(db, data=data, by=leader, now=july(today))

    assert lateness(db, visit) == (late, {colleague.id: late})


def test_a_plan_is_not_late(db, people):
    leader, _ = people

    visit = service.log_visit(db, data=stay(leader, 5, 26), by=leader, now=july(1))

    assert visit.late_by_days == 0


def test_an_extension_counts_the_days_that_it_adds(db, change):
    extended = change(24, ends_at=july(26, 18))

    assert lateness(db, extended) == (13, {})


def test_a_change_of_other_things_makes_nothing_late(db, change):
    assert lateness(db, change(24, city="苏州")) == (2, {})


def test_a_change_of_kind_enters_all_dates_anew(db, change):
    assert lateness(db, change(24, kind=Kind.OUTREACH)) == (23, {})


def test_a_colleague_named_late_is_late_and_the_leader_is_not(db, people, change):
    _, colleague = people

    assert lateness(db, change(24, participant_ids=[colleague.id])) == (2, {colleague.id: 23})


def test_who_takes_over_the_lead_takes_the_own_lateness_along(db, people, change):
    leader, colleague = people
    change(5, participant_ids=[colleague.id])

    handed_over = change(24, leader_id=colleague.id, participant_ids=[leader.id])

    assert lateness(db, handed_over) == (4, {leader.id: 2})


def test_a_leader_who_was_not_there_before_is_late(db, people, change):
    leader, colleague = people

    changed = change(24, leader_id=colleague.id, participant_ids=[leader.id])

    assert lateness(db, changed) == (23, {leader.id: 2})


def test_moved_to_other_dates_they_are_entered_anew_for_everybody(db, people, change, entered):
    leader, colleague = people
    change(4, participant_ids=[colleague.id])

    moved = service.move_visit(db, visit=entered, starts_at=july(12, 9), by=leader, now=july(20))

    assert lateness(db, moved) == (8, {colleague.id: 8})


def test_a_cancelled_one_that_is_taken_back_counts_as_entered_then(db, people, change, entered):
    leader, _ = people
    service.cancel_visit(db, visit=entered, by=leader, now=july(4))

    taken_back = change(20)

    assert (taken_back.status, taken_back.entered_at) == (Status.PLANNED, july(20))
    assert lateness(db, taken_back) == (19, {})


def test_a_done_one_that_is_undone_loses_when_it_was_logged(db, people, change, entered):
    leader, _ = people
    service.set_done(db, visit=entered, by=leader, now=july(11))

    undone = change(12)
    logged_at = undone.logged_at
    service.set_done(db, visit=undone, by=leader, now=july(15))

    assert (logged_at, undone.logged_at) == (None, july(15))


def test_an_import_is_as_late_as_its_moment(db, people):
    leader, colleague = people
    data = stay(leader, 1, 10, ref="V-2", status=Status.DONE, participant_ids=[colleague.id])

    [visit] = service.insert_visits(db, [ImportedVisit(data, logged_at=july(12))], now=july(30))

    assert lateness(db, visit) == (11, {colleague.id: 11})


@pytest.fixture
def supervisor(db):
    return make_person(db, "supervisor", role=Role.ADMIN)


@pytest.fixture
def confirmed(db, entered, supervisor):
    """The stay, confirmed while it is under way."""
    return verdicts.confirm_visit(db, visit=entered, by=supervisor, now=july(6))


@pytest.mark.parametrize("day", [3, 6, 14])
def test_a_stay_that_has_begun_may_be_confirmed_before_it_is_done(db, entered, supervisor, day):
    confirmed = verdicts.confirm_visit(db, visit=entered, by=supervisor, now=july(day))

    assert (confirmed.status, confirmed.verdict) == (Status.PLANNED, Verdict.CONFIRMED)


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"minutes": "补充"}, Verdict.CONFIRMED),
        ({"status": Status.DONE}, Verdict.CONFIRMED),
        ({"status": Status.DONE, "ends_at": july(10, 12)}, Verdict.CONFIRMED),
        ({"ends_at": july(11, 18)}, None),
        ({"kind": Kind.OUTREACH}, None),
        ({"participant_ids": ["colleague"]}, None),
    ],
)
@pytest.mark.usefixtures("confirmed")
def test_a_confirmation_falls_with_a_change_of_dates_kind_or_people(people, change, given, verdict):
    if "participant_ids" in given:
        given = {"participant_ids": [people[1].id]}

    assert change(12, **given).verdict is verdict


def test_a_confirmation_stands_when_the_stay_is_done_and_falls_when_it_is_moved(
    db, people, confirmed
):
    leader, _ = people
    done = service.set_done(db, visit=confirmed, by=leader, now=july(12))
    kept = done.verdict
    done.status, done.logged_at = Status.PLANNED, None

    moved = service.move_visit(db, visit=done, starts_at=july(13, 9), by=leader, now=july(12))

    assert (kept, moved.verdict) == (Verdict.CONFIRMED, None)


def test_a_confirmation_falls_when_a_done_visit_is_undone(db, people, confirmed, change):
    service.set_done(db, visit=confirmed, by=people[0], now=july(12))

    assert change(12).verdict is None
