"""Pages are never stale, though a process remembers what they rest on."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from crm.base.audit import coming_from
from crm.base.remembered import forget
from crm.followups.service import FollowupData, add_followup
from crm.jobs import ledger
from crm.jobs.pausing import pause_job
from crm.jobs.timetable import JobName
from crm.leads.models import Lead
from crm.leads.progress import reach
from crm.leads.rules import Stage
from crm.leads.tiers import Tier
from crm.people import absences, accounts, entry_grants, units
from crm.people.entry_grants import GrantData
from crm.people.models import Absence, Person, Unit
from crm.people.rules import Duty, Role
from crm.targets.rules import Metric, TargetMeasure
from crm.targets.service import TargetInput, set_target
from crm.visits.models import Visit
from crm.visits.rules import Kind, Status
from crm.visits.service import VisitData, log_visit
from crm.visits.verdicts import confirm_visit
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_absence,
    make_lead,
    make_person,
    make_regime,
    make_unit,
    make_visit,
    sign_in,
)

PATHS = ("/", "/compliance", "/supervision", "/absences", "/leads", "/leads?q=电池", "/visits")
PEOPLE = ("shan", "wu", "shen", "yan")
TODAY = date(2026, 7, 15)


@pytest.fixture
def clients(app):
    """Who looks at pages: an admin, a supervisor, a recruiter and a leader."""
    late = {"logged_at": NOW, "entered_at": NOW}
    with arranged(app) as db:
        make_regime(db)
        ledger.install(db, clock_from=NOW, now=NOW)
        top = make_unit(db, "开发区", code="zone")
        bureau = make_unit(db, "招商局", code="invest", parent=top)
        shen = make_person(db, "shen", unit=bureau)
        for username, role in zip(PEOPLE, (Role.ADMIN, Role.SUPERVISOR), strict=False):
            make_person(db, username, role=role, duty=Duty.STAFF, unit=top)
        make_person(db, "yan", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top)
        make_lead(db, "电池基地", unit=bureau, tracker=shen)
        make_visit(db, shen, date(2026, 7, 6), **late)
        make_visit(db, shen, TODAY, status=Status.PLANNED, entered_at=NOW - timedelta(days=2))
        make_absence(db, shen, date(2026, 7, 20), date(2026, 7, 21), approved_at=None, asked_at=NOW)
    return {username: sign_in(app, username) for username in PEOPLE}


def by_name(db, username):
    return db.query(Person).filter_by(username=username).one()


def log(db):
    times = {"starts_at": NOW - timedelta(hours=2), "ends_at": NOW - timedelta(hours=1)}
    shen = by_name(db, "shen")
    lead_ids = frozenset({db.query(Lead).one().id})
    data = VisitData(kind=Kind.OUTREACH, city="苏州", leader_id=shen.id, lead_ids=lead_ids, **times)
    log_visit(db, data=data, by=shen, now=NOW)


def confirm(db, now=NOW):
    visit = db.query(Visit).order_by(Visit.id).first()
    confirm_visit(db, visit=visit, by=by_name(db, "wu"), now=now)


def approve(db):
    absence = db.query(Absence).one()
    absences.approve(db, absence=absence, by=by_name(db, "wu"), now=NOW)


def rename(db):
    unit = db.query(Unit).filter_by(code="invest").one()
    unit_data = units.UnitData(
        name="投资促进局", kind=unit.kind, parent_id=unit.parent_id, position=1
    )
    units.change_unit(db, unit=unit, data=unit_data, by=by_name(db, "shan"), now=NOW)


def grant(db):
    data = GrantData(agent_id=by_name(db, "wu").id, from_on=TODAY)
    shen, shan = by_name(db, "shen"), by_name(db, "shan")
    entry_grants.grant_entry(db, owner=shen, data=data, by=shan, now=NOW)


def pause(db):
    pause_job(db, job=JobName.NUDGE, why="维护", by=by_name(db, "shan"), now=NOW)


def close(db):
    shen, shan = by_name(db, "shen"), by_name(db, "shan")
    accounts.disable_person(db, person=shen, at=NOW, by=shan, now=NOW)


def aim(db):
    aims = {"metric": Metric.SIGNED, "tier": Tier.YI_10, "measure": TargetMeasure.COUNT}
    top = db.query(Unit).filter_by(code="zone").one()
    values = TargetInput(year=2026, unit_id=top.id, value=Decimal(20), **aims)
    set_target(db, values=values, by=by_name(db, "shan"), now=NOW)


def park(db):
    reason, until = "等用地指标", TODAY + timedelta(days=9)
    given = {"kind": Stage.PARKED.value, "on": TODAY, "reason": reason, "look_again_on": until}
    reach(db, lead=db.query(Lead).one(), **given, by=by_name(db, "shen"), now=NOW)


def owe(db, now=NOW):
    shen, lead = by_name(db, "shen"), db.query(Lead).one()
    data = FollowupData(lead_id=lead.id, person_id=shen.id, due_on=TODAY, what="送审合同")
    add_followup(db, data=data, by=shen, now=now)


EDITS = [log, confirm, approve, rename, grant, pause, aim, owe, park, close]


def test_a_page_shows_an_edit_of_another_at_once(app, clients):
    before = pages(clients)

    for edit in EDITS:
        with coming_from("another process"), arranged(app) as db:
            edit(db)
        remembered = pages(clients)
        forget()
        anew = pages(clients)

        assert remembered == anew, edit.__name__
        assert remembered != before, edit.__name__
        before = anew


@pytest.mark.parametrize("edit", [confirm, owe])
def test_a_page_whose_request_began_before_an_edit_is_not_shown_after_it(app, clients, edit):
    with coming_from("another process"), arranged(app) as db:
        edit(db, now=NOW + timedelta(seconds=1))
    pages(clients)

    with time_machine.travel(NOW + timedelta(seconds=2), tick=False):
        remembered = pages(clients)
        forget()
        assert remembered == pages(clients)


@pytest.mark.parametrize("hours", [7, 14, 24, 24 * 8, 24 * 30])
def test_a_page_shows_what_time_changes(app, clients, hours):
    pages(clients)

    with time_machine.travel(NOW + timedelta(hours=hours), tick=False):
        remembered = pages(clients)
        forget()
        assert remembered == pages(clients)


def pages(clients):
    return {
        (username, path): client.get(path).text
        for username, client in clients.items()
        for path in PATHS
    }
