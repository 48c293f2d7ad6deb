"""How long projects take: any two milestones, and the norms that an admin sets (PROJECTS 1)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.leads.rules import Stage
from crm.people.rules import Duty, Role, UnitKind
from crm.targets.catalog import SpanData, set_span
from crm.targets.models import SpeedSpan
from crm.targets.speed import NormUnit
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_lead,
    make_milestone,
    make_person,
    make_unit,
    sign_in,
)

ADMIN = "/admin/speed"


@pytest.fixture
def zone(app):
    """A project that went from land to completion in a hundred days."""
    with arranged(app) as db:
        top = make_unit(db, "滨海开发区", kind=UnitKind.ZONE)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=top)
        make_person(db, "boss", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top)
        lead = make_lead(db, "甲项目", unit=top, yi="12")
        make_milestone(db, lead, "land", date(2026, 3, 1))
        make_milestone(db, lead, Stage.COMPLETED, date(2026, 6, 9))
        data = SpanData(Stage.SIGNED, Stage.STARTED)
        set_span(db, data=data, by=None, now=NOW)
    return app


def test_days_between_any_two_milestones_that_a_user_picks(zone):
    client = sign_in(zone, "boss")

    page = client.get("/targets?from=land&to=completed").text
    none = client.get("/targets?from=completed&to=land").text
    odd = client.get("/targets?from=x&to=land")

    assert "供地至竣工" in page
    assert '<td class="num" data-label="中位天数（四分位）">100</td>' in page
    assert "10亿元档" in page
    assert "没有项目走完所选周期" in none
    assert odd.status_code == 200


def test_an_admin_sets_the_norm_of_a_span(zone):
    client = sign_in(zone, "root")
    span = {"begin": "land", "end": "completed", "is_used": "y"}

    client.post(f"{ADMIN}/new", data=span | {"unit": "days", "most": "90"})
    twice = client.post(f"{ADMIN}/new", data=span | {"unit": "year"})
    bare = client.post(f"{ADMIN}/new", data=span | {"begin": "filing", "unit": "months"})
    same = client.post(f"{ADMIN}/new", data=span | {"begin": "completed", "unit": "none"})
    page = sign_in(zone, "boss").get("/targets").text
    with arranged(zone) as db:
        row = db.scalars(select(SpeedSpan).where(SpeedSpan.begin == "land")).one()

    client.post(f"{ADMIN}/{row.id}", data=span | {"unit": "months", "most": "6", "least": "4"})

    assert row.unit is NormUnit.DAYS
    assert "90天内，0/1 个在时限内" in page
    assert "这个周期已在统计" in twice.text
    assert "请填写此项" in bare.text
    assert "不能是同一个节点" in same.text
    assert "4至6个月" in client.get(ADMIN).text


def test_others_cannot(zone):
    assert sign_in(zone, "boss").get(ADMIN).status_code == 404
    assert zone.test_client().get(ADMIN).status_code == 302
