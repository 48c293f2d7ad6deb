"""Figures before a change of a visit are derived from what is read after it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.people.rules import Duty, Role
from crm.quotas.facts import facts_for
from crm.quotas.queries import figures_on
from crm.quotas.rules import Explanation
from crm.quotas.visit_effects import VisitChange, figures_around, read_facts
from crm.visits import service
from crm.visits.companions import leave_visit
from crm.visits.fields import data_of
from crm.visits.models import Visit
from crm.visits.queries import LOADED
from crm.visits.rules import Channel, Kind, Status
from tests.conftest import NOW
from tests.factories import make_person, make_regime, make_unit, make_visit

DATES = [date(2026, 6, 30), date(2026, 7, 14)]  # of two months
CHANGES = {
    "cancelled": lambda db, visit, by: service.cancel_visit(db, visit=visit, by=by, now=NOW),
    "moved": lambda db, visit, by: service.move_visit(
        db, visit=visit, starts_at=visit.starts_at - timedelta(days=20), by=by, now=NOW
    ),
    "done": lambda db, visit, by: service.set_done(db, visit=visit, by=by, now=NOW),
    "another kind": lambda db, visit, by: service.change_visit(
        db, visit=visit, data=replace(data_of(loaded(db, visit)), **REMOTE), by=by, now=NOW
    ),
}
REMOTE = {"kind": Kind.REMOTE, "channel": Channel.VIDEO}


def loaded(db, visit):
    return db.scalars(select(Visit).where(Visit.id == visit.id).options(*LOADED)).unique().one()


@pytest.fixture
def zone(db):
    """A leader and a companion, each with a visit of their own on the day before the change."""
    make_regime(db)
    unit = make_unit(db)
    people = {name: make_person(db, name, unit=unit) for name in ("leader", "companion")}
    people["supervisor"] = make_person(
        db, "supervisor", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit
    )
    for name in ("leader", "companion"):
        make_visit(db, people[name], date(2026, 7, 14), kind=Kind.RESIDENCY)
    return people


def numbers(figures):
    return {key: replace(figure, explanation=Explanation()) for key, figure in figures.items()}


def explained(figures, visit):
    """By figure, how the dates of the visit count or do not."""
    return {
        key: [
            part
            for part in (*figure.explanation.counted, *figure.explanation.not_counted)
            if part.visit.id == visit.id
        ]
        for key, figure in figures.items()
    }


@pytest.mark.parametrize("name", ["leader", "companion"])
@pytest.mark.parametrize("change", CHANGES)
def test_figures_around_a_change_are_those_read_before_and_after(db, zone, change, name):
    person = zone[name]
    visit = make_visit(
        db,
        zone["leader"],
        date(2026, 7, 13),
        participants=[zone["companion"]],
        status=Status.PLANNED,
        kind=Kind.OUTREACH,
    )
    before, was = figures_on(db, person.id, DATES, NOW), facts_for(db, visit, person.id)

    CHANGES[change](db, visit, zone["leader"])

    after = figures_on(db, person.id, DATES, NOW)
    around = figures_around(
        read_facts(db, person.id, DATES), NOW, VisitChange(visit.id, person.id, was)
    )
    assert numbers(around[0]) == numbers(before)
    assert numbers(around[1]) == numbers(after)
    assert explained(around[1], visit) == explained(after, visit)


def test_before_a_new_visit_there_was_none(db, zone):
    person = zone["leader"]
    before = figures_on(db, person.id, DATES, NOW)
    visit = make_visit(db, person, date(2026, 7, 10), kind=Kind.RESIDENCY)

    around = figures_around(
        read_facts(db, person.id, DATES), NOW, VisitChange(visit.id, person.id, None)
    )

    assert numbers(around[0]) == numbers(before)
    after = figures_on(db, person.id, DATES, NOW)
    assert numbers(around[1]) == numbers(after)
    assert explained(around[1], visit) == explained(after, visit)
    assert numbers(around[1]) != numbers(before)


def test_who_has_left_a_visit_has_no_part_in_it(db, zone):
    me = zone["companion"]
    visit = make_visit(
        db, zone["leader"], date(2026, 7, 10), participants=[me], kind=Kind.RESIDENCY
    )
    before, was = figures_on(db, me.id, DATES, NOW), facts_for(db, visit, me.id)

    leave_visit(db, visit=visit, by=me, now=NOW)

    around = figures_around(read_facts(db, me.id, DATES), NOW, VisitChange(visit.id, me.id, was))
    assert numbers(around[0]) == numbers(before)
    assert facts_for(db, visit, me.id) is None
