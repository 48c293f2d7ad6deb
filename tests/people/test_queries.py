"""Whose data a person may see (REGIME 2)."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from crm.people.models import Posting
from crm.people.permissions import viewer, visible_to
from crm.people.queries import held_on, primary_posting, unit_tree, units_above, units_below
from crm.people.rules import Duty, Role
from tests.factories import make_person, make_posting, make_unit

TODAY = date(2026, 7, 15)


def seen(db, person):
    return set(db.scalars(visible_to(viewer(db, person, TODAY), TODAY)))


def test_a_supervisor_sees_the_people_of_their_unit_and_of_all_below(db):
    zone, other = make_unit(db, "开发区"), make_unit(db, "别的局")
    team = make_unit(db, "一组", parent=make_unit(db, "招商局", parent=zone))
    supervisor = make_person(db, role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone)
    member = make_person(db, unit=team)
    make_person(db, unit=other)

    assert seen(db, supervisor) == {supervisor, member}


def test_a_recruiter_sees_oneself_alone(db):
    unit = make_unit(db)
    recruiter = make_person(db, unit=unit)
    make_person(db, unit=unit)

    assert seen(db, recruiter) == {recruiter}


def test_an_admin_sees_the_zone(db):
    admin = make_person(db, role=Role.ADMIN, duty=None)
    recruiter = make_person(db)

    assert seen(db, admin) == {admin, recruiter}


def test_scope_follows_the_primary_posting_of_those_who_are_seen(db):
    unit = make_unit(db)
    supervisor = make_person(db, role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
    guest = make_person(db)
    make_posting(db, guest, unit=unit, is_primary=False)

    assert seen(db, supervisor) == {supervisor}


def test_a_posting_that_has_ended_gives_no_scope(db):
    unit = make_unit(db)
    supervisor = make_person(db, role=Role.SUPERVISOR, duty=None)
    make_posting(db, supervisor, unit=unit, duty=Duty.STAFF, to_on=date(2026, 7, 14))
    make_person(db, unit=unit)

    assert seen(db, supervisor) == {supervisor}


def test_units_are_walked_down_and_up(db):
    zone = make_unit(db)
    bureau = make_unit(db, parent=zone)
    team = make_unit(db, parent=bureau)

    assert units_below(unit_tree(db), {bureau.id}) == {bureau.id, team.id}
    assert units_above(unit_tree(db), team.id) == [team.id, bureau.id, zone.id]


@pytest.mark.parametrize("to_on", [None, date(2026, 7, 1)])
def test_the_database_itself_refuses_overlapping_primary_postings(sessions, to_on):
    with sessions.begin() as db:
        person = make_person(db, from_on=date(2026, 7, 1))

    with pytest.raises(DBAPIError, match="ex_posting_primary"), sessions.begin() as db:
        make_posting(db, person, from_on=date(2026, 6, 1), to_on=to_on)


def test_the_next_primary_posting_may_begin_the_day_after(db):
    person = make_person(db, duty=None)
    make_posting(db, person, to_on=date(2026, 6, 30))

    assert make_posting(db, person, from_on=date(2026, 7, 1)).id


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.LEADER])
def test_scope_is_the_units_of_all_current_postings_and_all_below(db, role):
    bureau, park, other = make_unit(db), make_unit(db), make_unit(db)
    team = make_unit(db, parent=park)
    person = make_person(db, role=role, duty=Duty.STAFF, unit=bureau)
    make_posting(db, person, unit=park, duty=Duty.STAFF, is_primary=False)
    there = [make_person(db, unit=unit) for unit in (bureau, park, team)]
    make_person(db, unit=other)

    assert seen(db, person) == {person, *there}


def test_the_role_and_not_the_duty_decides_what_one_sees(db):
    unit = make_unit(db)
    principal = make_person(db, duty=Duty.PRINCIPAL, unit=unit)
    make_person(db, unit=unit)

    assert seen(db, principal) == {principal}


def test_a_reader_sees_no_person_but_the_figures_of_their_units(db):
    unit = make_unit(db)
    team = make_unit(db, parent=unit)
    reader = make_person(db, role=Role.READER, duty=Duty.STAFF, unit=unit)
    make_person(db, unit=unit)

    assert seen(db, reader) == {reader}
    assert viewer(db, reader, TODAY).unit_ids == {unit.id, team.id}


@pytest.mark.parametrize(
    ("on", "holds"),
    [
        (date(2026, 6, 30), False),
        (date(2026, 7, 1), True),
        (date(2026, 7, 10), True),
        (date(2026, 7, 11), False),
    ],
)
def test_a_posting_holds_from_its_first_date_to_its_last_both_included(db, on, holds):
    person = make_person(db, duty=None)
    make_posting(db, person, from_on=date(2026, 7, 1), to_on=date(2026, 7, 10))

    assert (primary_posting(db, person.id, on) is not None) is holds


def test_a_posting_without_a_last_date_is_open(db):
    person = make_person(db, from_on=date(2026, 7, 1))

    assert primary_posting(db, person.id, date(2099, 12, 31)) is not None


def test_a_person_may_hold_several_postings_at_once_one_of_them_primary(db):
    person = make_person(db)
    second = make_posting(db, person, is_primary=False)

    assert primary_posting(db, person.id, TODAY).id != second.id
    assert len(db.scalars(select(Posting).where(held_on(TODAY))).all()) == 2
