"""Somebody with one of everything open, a colleague, and the line of command above them."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.rules import Duty, Role
from crm.visits.rules import Kind, Status
from tests.factories import (
    make_claim,
    make_followup,
    make_grant,
    make_lead,
    make_order,
    make_person,
    make_problem,
    make_role,
    make_unit,
    make_visit,
)

TODAY = date(2026, 7, 15)
DAY = timedelta(days=1)


@pytest.fixture
def zone(db):
    """A bureau with a supervisor, below a zone with another."""
    return arrange(db)


def arrange(db):
    top = make_unit(db, "开发区")
    bureau = make_unit(db, "招商局", parent=top)
    overseeing = {"role": Role.SUPERVISOR, "duty": Duty.STAFF}
    return SimpleNamespace(
        bureau=bureau,
        leaver=make_person(db, "leaver", name="离任人", unit=bureau, role=Role.LEADER),
        heir=make_person(db, "heir", name="接任人", unit=bureau, role=Role.LEADER),
        chief=make_person(db, "chief", name="局督查", unit=bureau, **overseeing),
        top=make_person(db, "top", name="区督查", unit=top, **overseeing),
        admin=make_person(db, "admin", name="管理员", role=Role.ADMIN, unit=top, duty=Duty.STAFF),
    )


def open_everything(db, zone):
    """One of each kind of thing, open in the leaver's name."""
    leaver, planned = zone.leaver, {"status": Status.PLANNED}
    lead = make_lead(db, "开放项目", unit=zone.bureau, tracker=leaver)
    make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=leaver)
    zone.lead = lead
    zone.plan = make_visit(db, leaver, TODAY + 5 * DAY, leads=[lead], **planned)
    zone.joined = make_visit(db, zone.top, TODAY + 6 * DAY, participants=[leaver], **planned)
    zone.stay = make_visit(db, leaver, TODAY - 4 * DAY, days=9, kind=Kind.RESIDENCY, **planned)
    zone.ended = make_visit(db, leaver, TODAY - 2 * DAY, **planned)
    zone.step = make_followup(db, lead, leaver, TODAY + DAY)
    zone.order = make_order(db, zone.bureau, person_id=leaver.id)
    zone.draft = make_order(db, zone.bureau, officer=leaver)
    zone.claim = make_claim(db, lead, leaver)
    zone.problem = make_problem(db, zone.chief, [lead], unit=zone.bureau, person=leaver)
    zone.grant = make_grant(db, leaver, zone.chief)
    return zone


@pytest.fixture
def full(db, zone):
    """The zone in which everything is open in the leaver's name."""
    return open_everything(db, zone)


@pytest.fixture
def hidden(db, zone):
    """A restricted lead tracked by the leaver, on which the chief is named too."""
    lead = make_lead(db, "秘密", secrecy=Secrecy.RESTRICTED, unit=zone.bureau, tracker=zone.leaver)
    make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=zone.chief)
    return lead
