"""Lists and *my day* find their rows by index; SQLite says so for each statement."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from crm.leads.lists import leads_page
from crm.leads.queries import LeadFilter, named_lately
from crm.visits.day import day_visits
from crm.visits.filters import VisitFilter
from crm.visits.lists import visits_page
from tests.conftest import NOW
from tests.leads.zone import TODAY, make_zone

LARGE = ("visit", "lead", "visit_participant", "visit_lead", "lead_role")


@pytest.fixture
def plans(db):
    """The steps of the plans of all statements from here on."""
    if db.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL scans tables as small as these")
    steps = []

    def explain(connection, cursor, statement, parameters, *_rest):
        explained = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps.extend(step for *_, step in explained)

    bind = db.get_bind()
    event.listen(bind, "before_cursor_execute", explain)
    yield steps
    event.remove(bind, "before_cursor_execute", explain)


def scanned(steps):
    return [step for step in steps if step.split()[:2] in [["SCAN", table] for table in LARGE]]


def test_my_visits_and_my_day_read_no_table_from_end_to_end(db, plans):
    zone = make_zone(db)
    me, eyes = zone.people["tracker"], zone.eyes("tracker")
    plans.clear()

    visits_page(db, eyes, TODAY, by=VisitFilter(person_id=me.id))
    day_visits(db, eyes, NOW, owner_ids=[], named_since=NOW - timedelta(days=7))
    named_lately(db, me.id, TODAY)

    assert plans
    assert scanned(plans) == []


def test_a_list_of_leads_follows_an_index_and_sorts_nothing(db, plans):
    zone = make_zone(db)
    eyes = zone.eyes("stranger")
    plans.clear()

    leads_page(db, eyes, TODAY, by=LeadFilter())

    assert scanned(plans) == ["SCAN lead USING INDEX ix_lead_entered_on"]
    # the few roles of a page alone are sorted
    assert sum("TEMP B-TREE" in step for step in plans) == 1


def test_visits_to_settle_are_found_among_the_planned_ones(db, plans):
    eyes = make_zone(db).eyes("tracker")
    plans.clear()

    day_visits(db, eyes, NOW, owner_ids=[], named_since=NOW - timedelta(days=7))

    assert any("ix_visit_status_ends_at" in step for step in plans)
