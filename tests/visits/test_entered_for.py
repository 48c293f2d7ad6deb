"""Visits entered for another: seen, changed and judged by whom (REGIME 2, 代录)."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.leads.rules import Secrecy
from crm.people.entry_grants import end_grant
from crm.people.permissions import viewer
from crm.people.rules import Role
from crm.visits import service
from crm.visits.day import day_visits
from crm.visits.models import Visit
from crm.visits.permissions import may_change, may_judge
from crm.visits.queries import visit_by_id
from crm.visits.redaction import shown
from crm.visits.rules import Kind, Status
from crm.visits.service import VisitData
from tests.conftest import NOW
from tests.factories import make_grant, make_person, make_visit
from tests.leads.zone import TODAY, make_zone

DAY = timedelta(days=1)


@pytest.fixture
def zone(db):
    """Somebody of another bureau enters for the zone's leader."""
    zone = make_zone(db)
    zone.owner, zone.agent = zone.people["leader"], zone.people["stranger"]
    zone.grant = make_grant(db, zone.owner, zone.agent)
    return zone


def told(leader, **given):
    times = {"starts_at": NOW - timedelta(hours=2), "ends_at": NOW - timedelta(hours=1)}
    values = {"ref": "V-1", "kind": Kind.OUTREACH, "city": "苏州"} | times
    return VisitData(leader_id=leader.id, **values | given)


def eyes(db, person):
    return viewer(db, person, TODAY)


def seen_by(db, person, visit):
    db.expire(visit)
    found = visit_by_id(db, eyes(db, person), visit.id, TODAY)
    return shown(db, eyes(db, person), [found], TODAY)[0] if found else None


def test_a_visit_entered_for_another_is_theirs_and_says_by_whom(db, zone):
    visit = service.log_visit(db, data=told(zone.owner), by=zone.agent, now=NOW)

    seen = seen_by(db, zone.owner, visit)
    assert (seen.leader, seen.participants, seen.entered_by) == (zone.owner, (), zone.agent)
    entry = db.scalars(select(AuditEntry).filter_by(action="visit.logged")).one()
    assert json.loads(entry.after)["entered_for_id"] == zone.owner.id


def test_who_takes_part_has_entered_it_for_nobody(db, zone):
    data = told(zone.owner, participant_ids=[zone.agent.id])

    visit = service.log_visit(db, data=data, by=zone.agent, now=NOW)

    assert seen_by(db, zone.owner, visit).entered_by is None


def test_without_a_grant_nobody_enters_the_visits_of_another(db, zone):
    colleague = zone.people["colleague"]

    with pytest.raises(Refused, match="not_yours"):
        service.log_visit(db, data=told(colleague), by=zone.agent, now=NOW)


def test_a_plan_of_another_is_completed_moved_and_cancelled(db, zone):
    plans = [make_visit(db, zone.owner, TODAY - DAY, status=Status.PLANNED) for _ in range(3)]

    service.set_done(db, visit=plans[0], by=zone.agent, now=NOW)
    service.move_visit(db, visit=plans[1], starts_at=NOW + DAY, by=zone.agent, now=NOW)
    service.cancel_visit(db, visit=plans[2], by=zone.agent, now=NOW)

    statuses = [plan.status for plan in plans]
    assert statuses == [Status.DONE, Status.PLANNED, Status.CANCELLED]


def test_visits_that_they_join_are_seen_and_changed_too(db, zone):
    visit = make_visit(db, zone.people["colleague"], participants=[zone.owner])

    assert seen_by(db, zone.agent, visit) is not None
    assert may_change(db, eyes(db, zone.agent), visit.id, TODAY)


def test_when_it_ends_what_was_entered_is_still_seen_and_no_longer_changed(db, zone):
    mine = service.log_visit(db, data=told(zone.owner), by=zone.agent, now=NOW)
    other = make_visit(db, zone.owner)

    end_grant(db, grant=zone.grant, by=zone.owner, now=NOW)

    assert seen_by(db, zone.agent, mine) is not None
    assert seen_by(db, zone.agent, other) is None
    assert not may_change(db, eyes(db, zone.agent), mine.id, TODAY)


def test_entering_it_opens_no_words_of_a_hidden_lead(db, zone):
    lead, tracker = zone.leads[Secrecy.RESTRICTED], zone.people["tracker"]
    make_grant(db, tracker, zone.agent)
    visit = service.log_visit(db, data=told(tracker), by=zone.agent, now=NOW)
    data = told(tracker, lead_ids=[lead.id], minutes="机密洽谈")
    service.change_visit(db, visit=visit, data=data, by=tracker, now=NOW)

    seen = seen_by(db, zone.agent, visit)

    assert (seen.minutes, seen.is_readable) == (None, False)
    assert [label.text for label in seen.leads] == [lead.code_name]
    assert seen_by(db, tracker, visit).minutes == "机密洽谈"


def test_whoever_entered_it_never_judges_it_and_the_next_one_up_does(db, zone):
    supervisor, tracker = zone.people["supervisor"], zone.people["tracker"]
    above = make_person(db, "above", role=Role.SUPERVISOR, unit=zone.units["zone"])
    make_grant(db, tracker, supervisor)

    visit = service.log_visit(db, data=told(tracker), by=supervisor, now=NOW)

    judges = [
        each.username
        for each in (supervisor, above, zone.people["admin"])
        if may_judge(db, eyes(db, each), visit.id)
    ]
    assert judges == ["above", "admin"]


def test_those_of_today_and_those_that_wait_are_found(db, zone):
    today = make_visit(db, zone.owner, TODAY)
    waiting = make_visit(db, zone.owner, TODAY - 9 * DAY, status=Status.PLANNED)
    make_visit(db, zone.owner, TODAY - 9 * DAY)
    make_visit(db, zone.owner, TODAY, status=Status.CANCELLED)
    make_visit(db, zone.people["tracker"], TODAY)

    agent, owner_ids = eyes(db, zone.agent), [zone.owner.id]
    found = day_visits(db, agent, NOW, owner_ids=owner_ids, named_since=NOW).of_others

    assert [visit.id for visit in found] == [waiting.id, today.id]


def test_the_same_form_sent_twice_is_one_visit(db, zone):
    for _ in range(2):
        service.log_visit(db, data=told(zone.owner), by=zone.agent, now=NOW)

    assert len(db.scalars(select(Visit)).all()) == 1
