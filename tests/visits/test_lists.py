"""Lists of visits: the same as the visits themselves say, at the same cost however long."""

from dataclasses import asdict
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.visits.fields import WORDS
from crm.visits.filters import VisitFilter
from crm.visits.lists import listed, visits_page
from crm.visits.models import Visit
from crm.visits.permissions import of_person
from crm.visits.queries import LOADED, visible_to
from crm.visits.redaction import shown
from crm.visits.rules import Kind, Verdict
from tests.factories import make_visit
from tests.leads.zone import TODAY, make_zone

DAY = timedelta(days=1)


def names(seen):
    """The visit with people as their ids and names, without its words."""
    values = {name: getattr(seen, name) for name in seen.__slots__}
    people = {
        "leader": (seen.leader.id, seen.leader.name),
        "participants": {(person.id, person.name) for person in seen.participants},
        "entered_by": seen.entered_by and (seen.entered_by.id, seen.entered_by.name),
        "leads": {tuple(asdict(label).values()) for label in seen.leads},
    }
    return values | people


@pytest.mark.parametrize(
    "name", ["tracker", "colleague", "below", "stranger", "supervisor", "leader", "admin"]
)
def test_a_list_says_of_a_visit_what_its_page_says(db, name):
    zone = make_zone(db)
    people, leads = zone.people, list(zone.leads.values())
    make_visit(db, people["tracker"], participants=[people["below"], people["admin"]], leads=leads)
    make_visit(db, people["stranger"], days=3, leads=leads[1:], verdict=Verdict.CONFIRMED)
    make_visit(db, people["below"], entered_by_id=people["colleague"].id, kind=Kind.RECEPTION)
    eyes = zone.eyes(name)
    query = (
        visible_to(eyes, TODAY).options(*LOADED).order_by(Visit.first_on.desc(), Visit.id.desc())
    )

    visits = db.scalars(query).all()
    in_list = listed(db, eyes, [visit.id for visit in visits], TODAY)

    assert [names(seen) for seen in in_list] == [
        names(seen) for seen in shown(db, eyes, visits, TODAY)
    ]
    assert all(getattr(seen, word) is None for seen in in_list for word in WORDS)


@pytest.mark.parametrize("by", [{}, {"kind": Kind.OUTREACH}, {"first": date(2026, 5, 20)}])
def test_my_list_has_what_i_lead_or_join_in_order_and_all_of_it_is_visible(db, by):
    zone = make_zone(db)
    me, other = zone.people["tracker"], zone.people["stranger"]
    for number in range(35):
        on = date(2026, 5, 1) + number * DAY
        kind = Kind.OUTREACH if number % 3 else Kind.RECEPTION
        make_visit(db, me if number % 2 else other, on, kind=kind,
                   participants=[other if number % 2 else me])  # fmt: skip
        make_visit(db, other, on)
    eyes = zone.eyes("tracker")

    asked = VisitFilter(person_id=me.id, **by)
    first = visits_page(db, eyes, TODAY, by=asked)
    rest = visits_page(db, eyes, TODAY, by=asked, cursor=first.older) if first.older else None
    found = [seen.id for page in (first, rest) if page for seen in page.items]

    query = select(Visit).where(of_person(me.id)).order_by(Visit.first_on.desc(), Visit.id.desc())
    mine = [
        visit.id
        for visit in db.scalars(query)
        if visit.kind is by.get("kind", visit.kind) and visit.last_on >= by.get("first", date.min)
    ]
    assert found == mine
    assert {visit.id for visit in db.scalars(visible_to(eyes, TODAY))} >= set(mine)


def test_a_reader_has_no_list_of_visits_though_named_in_one(db):
    zone = make_zone(db)
    reader = zone.people["reader"]
    make_visit(db, zone.people["tracker"], participants=[reader])

    page = visits_page(db, zone.eyes("reader"), TODAY, by=VisitFilter(person_id=reader.id))

    assert not page.items


def test_a_list_costs_the_same_however_long(db, counted):
    zone = make_zone(db)
    for _ in range(12):
        make_visit(
            db,
            zone.people["tracker"],
            participants=[zone.people["below"]],
            leads=list(zone.leads.values()),
        )
    eyes = zone.eyes("supervisor")
    db.flush()

    with counted(5):
        page = visits_page(db, eyes, TODAY, by=VisitFilter())

    assert len(page.items) == 12
