"""A zone with a coordinating office, a bureau that removes obstacles, and who raises them."""

from datetime import date
from types import SimpleNamespace

import pytest

from crm.base.workdays import WorkingCalendar
from crm.leads.rules import LeadRoleKind
from crm.people.rules import Duty, Role
from crm.problems.models import ProblemCategory
from crm.problems.raising import ProblemData, raise_problem
from crm.problems.service import StepInput, take_step
from tests.conftest import NOW
from tests.factories import make_lead, make_person, make_role, make_unit

CALENDAR = WorkingCalendar({})
DUE = date(2026, 7, 30)


def make_category(db, name="用地", *, unit=None, **given):
    values = {"code": name, "name": name, "position": 1, "unit_id": unit and unit.id}
    category = ProblemCategory(**values | given)
    db.add(category)
    db.flush()
    return category


def arrange(db):
    """The zone's units and people, by the names that tests call them by."""
    zone = make_unit(db, "开发区")
    office = make_unit(db, "招商局", parent=zone, coordinates=True)
    team = make_unit(db, "一科", parent=office)
    builders = make_unit(db, "建设局", parent=zone)
    economy = make_unit(db, "经发局", parent=zone)
    yard = make_unit(db, "堆场办", parent=zone)
    overseeing = {"role": Role.SUPERVISOR, "duty": Duty.STAFF}
    li = make_person(db, "li", unit=team)
    lead = make_lead(db, "晶圆项目")
    make_role(db, lead, LeadRoleKind.TRACKER, person=li)
    make_role(db, lead, LeadRoleKind.RESPONSIBLE_UNIT, unit=team)
    return SimpleNamespace(
        zone=zone,
        office=office,
        team=team,
        builders=builders,
        economy=economy,
        top=make_person(db, "top", unit=zone, **overseeing),
        leader=make_person(db, "leader", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=zone),
        officer=make_person(db, "officer", unit=office, **overseeing),
        head=make_person(db, "head", unit=team, **overseeing),
        builder=make_person(db, "builder", unit=builders, **overseeing),
        mason=make_person(db, "mason", unit=builders, duty=Duty.STAFF),
        econ=make_person(db, "econ", unit=economy, **overseeing),
        li=li,
        wang=make_person(db, "wang", unit=team),
        yard=yard,
        porter=make_person(db, "porter", unit=yard, duty=Duty.STAFF),
        admin=make_person(db, "admin", role=Role.ADMIN, duty=Duty.STAFF, unit=economy),
        reader=make_person(db, "reader", role=Role.READER, duty=Duty.STAFF, unit=zone),
        lead=lead,
        land=make_category(db, "用地", unit=builders),
        other=make_category(db, "其他"),
    )


@pytest.fixture
def zone(db):
    return arrange(db)


def raised(db, zone, *, by=None, now=NOW, **given):
    """A problem that wang raised on the lead that li tracks; the builders own it."""
    values = {
        "matter": "用地指标未落实",
        "category_id": zone.land.id,
        "lead_ids": [zone.lead.id],
        "due_on": DUE,
    }
    data = ProblemData(**values | given)
    return raise_problem(db, data=data, by=by or zone.wang, calendar=CALENDAR, now=now)


def take(db, problem, step, by, *, now=NOW, **given):
    """A step with words and dates that are enough for it."""
    values = {"text": "已说明"} | given
    return take_step(
        *(db,),
        problem=problem,
        step=step,
        by=by,
        calendar=CALENDAR,
        now=now,
        given=StepInput(**values),
    )
