"""Trips: what a visit names is there, and is told of by those whose trip it is."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.people.permissions import viewer
from crm.people.rules import Duty
from crm.visits import service, trips
from crm.visits.models import Trip
from crm.visits.rules import Kind
from crm.visits.service import VisitData
from tests.conftest import NOW
from tests.factories import make_lead, make_person, make_visit
from tests.leads.zone import make_zone

REF = "批〔2026〕7号"
TODAY = date(2026, 7, 15)
TOLD = trips.TripData(
    destination="深圳",
    first_on=date(2026, 7, 13),
    last_on=date(2026, 7, 15),
    approval="通开出〔2026〕31号",
)


@pytest.fixture
def lina(db):
    return make_person(db, "lina", duty=Duty.DEPUTY)


def log(db, by, ref, **given):
    data = VisitData(
        ref=ref,
        kind=Kind.OUTREACH,
        starts_at=NOW - timedelta(hours=3),
        ends_at=NOW - timedelta(hours=1),
        city="深圳",
        leader_id=by.id,
        **given,
    )
    return service.log_visit(db, data=data, by=by, now=NOW)


def the_trip(db):
    return db.scalars(select(Trip)).one()


def test_visits_made_on_one_journey_belong_to_a_trip(db, lina):
    refs = {log(db, lina, ref, trip=f" {REF} ").trip for ref in ("V-1", "V-2")}

    assert refs == {the_trip(db).ref} == {REF}
    counts = trips.count_visits(db, viewer(db, lina, TODAY), [the_trip(db)], TODAY)
    assert counts == {REF: (2, 0)}


def test_an_imported_visit_begins_its_trip_too(db, lina):
    data = VisitData(
        ref="V-1",
        kind=Kind.OUTREACH,
        starts_at=NOW - timedelta(hours=3),
        ends_at=NOW - timedelta(hours=1),
        city="深圳",
        leader_id=lina.id,
        trip=REF,
    )

    service.insert_visit(db, data=data, now=NOW)

    assert the_trip(db).ref == REF


def test_a_trip_has_a_destination_days_and_an_approval_and_its_change_a_trail(db, lina):
    log(db, lina, "V-1", trip=REF)

    trips.describe_trip(db, trip=the_trip(db), data=TOLD, by=lina, now=NOW)

    trip = the_trip(db)
    result = (trip.destination, trip.first_on, trip.last_on, trip.approval)
    assert result == (TOLD.destination, TOLD.first_on, TOLD.last_on, TOLD.approval)
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "trip.changed")).one()
    assert (entry.by_id, "深圳" in entry.after) == (lina.id, True)


def test_a_trip_that_ends_before_it_begins_is_refused(db, lina):
    log(db, lina, "V-1", trip=REF)
    data = trips.TripData(
        None, first_on=date(2026, 7, 15), last_on=TODAY - timedelta(1), approval=None
    )

    with pytest.raises(Refused, match="last_day_before_first"):
        trips.describe_trip(db, trip=the_trip(db), data=data, by=lina, now=NOW)


def test_only_those_whose_trip_it_is_tell_of_it(db, lina):
    log(db, lina, "V-1", trip=REF, lead_ids=[make_lead(db).id])
    colleague = make_person(db)

    with pytest.raises(Refused, match="not_yours"):
        trips.describe_trip(db, trip=the_trip(db), data=TOLD, by=colleague, now=NOW)

    assert trips.trip_of(db, viewer(db, colleague, TODAY), the_trip(db).id, TODAY) == the_trip(db)


def test_who_sees_a_trip_adds_visits_to_it_and_gains_no_right_to_change_it(db, lina):
    log(db, lina, "V-1", trip=REF, lead_ids=[make_lead(db).id])
    colleague = make_person(db)

    log(db, colleague, "V-2", trip=REF, participant_ids=[lina.id])

    assert not trips.may_change(db, viewer(db, colleague, TODAY), the_trip(db), TODAY)
    assert trips.may_change(db, viewer(db, lina, TODAY), the_trip(db), TODAY)


def test_a_trip_of_others_is_not_named_in_a_visit_of_ones_own(db, lina):
    log(db, lina, "V-1", trip=REF)
    stranger = make_person(db)
    own = log(db, stranger, "V-2")
    data = VisitData(
        kind=own.kind,
        starts_at=own.starts_at,
        ends_at=own.ends_at,
        city=own.city,
        leader_id=stranger.id,
        trip=REF,
    )

    with pytest.raises(Refused, match="other_trip"):
        log(db, stranger, "V-3", trip=REF)
    with pytest.raises(Refused, match="other_trip"):
        service.change_visit(db, visit=own, data=data, by=stranger, now=NOW)


def test_who_was_taken_along_names_the_trip_too(db, lina):
    colleague = make_person(db)
    log(db, lina, "V-1", trip=REF, participant_ids=[colleague.id])

    assert log(db, colleague, "V-2", trip=REF).trip == REF


def test_the_supervisor_of_the_leader_tells_of_a_trip(db):
    zone = make_zone(db)
    log(db, zone.people["tracker"], "V-1", trip=REF)

    may = {
        name for name in zone.people if trips.may_change(db, zone.eyes(name), the_trip(db), TODAY)
    }

    assert may == {"tracker", "supervisor", "admin"}


def test_a_trip_is_seen_by_who_sees_one_of_its_visits(db, lina):
    log(db, lina, "V-1", trip=REF)
    stranger = make_person(db)

    assert trips.trip_of(db, viewer(db, lina, TODAY), the_trip(db).id, TODAY) == the_trip(db)
    assert trips.trip_of(db, viewer(db, stranger, TODAY), the_trip(db).id, TODAY) is None


def test_visits_beyond_the_trips_days_are_counted(db, lina):
    log(db, lina, "V-1", trip=REF)
    trips.describe_trip(db, trip=the_trip(db), data=TOLD, by=lina, now=NOW)
    make_visit(db, lina, on=date(2026, 7, 16), trip=REF)

    counts = trips.count_visits(db, viewer(db, lina, TODAY), [the_trip(db)], TODAY)

    assert counts == {REF: (2, 1)}


def test_a_form_offers_the_trips_of_ones_own_visits_of_late_the_latest_first(db, lina):
    for day, ref in ((1, "甲"), (14, "乙"), (13, "甲")):
        make_visit(db, lina, on=date(2026, 7, day), trip=ref)
    make_visit(db, lina, on=date(2026, 1, 5), trip="旧")
    make_visit(db, make_person(db), trip="别人的")

    assert trips.offered(db, viewer(db, lina, TODAY), TODAY) == ["乙", "甲"]
