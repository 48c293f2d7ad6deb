"""Planning all milestones of a lead at once by a template (PROJECTS 1)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.leads.models import MilestonePlan
from crm.leads.plan_templates import TemplateData, set_template
from crm.leads.rules import Stage
from crm.leads.template_models import PlanTemplate
from crm.people.rules import Duty, Role, UnitKind
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_lead,
    make_milestone,
    make_person,
    make_plan,
    make_unit,
    sign_in,
)

ADMIN = "/admin/plan-templates"


@pytest.fixture
def lead_id(app):
    """A signed lead with land planned; a template of four milestones."""
    with arranged(app) as db:
        top = make_unit(db, "滨海开发区", kind=UnitKind.ZONE)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=top)
        tracker = make_person(db, "liwei", unit=top)
        make_person(db, "other", unit=make_unit(db, "经济发展局", parent=top))
        bureau = make_unit(db, "投资促进局", parent=top)
        lead = make_lead(db, "甲项目", unit=bureau, tracker=tracker)
        make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 1))
        make_plan(db, lead, "land", date(2026, 8, 3))
        workdays = {Stage.SIGNED.value: 0, "registered": 3, "land": 5, "started": 60}
        set_template(db, data=TemplateData("供地建设类", workdays), by=None, now=NOW)
        return lead.id


def template_id(app):
    with arranged(app) as db:
        return db.scalar(select(PlanTemplate.id))


def test_the_dates_are_shown_first_and_then_planned_by_one_touch(app, lead_id):
    client = sign_in(app, "liwei")
    path = f"/leads/{lead_id}/plan-by-template"
    given = {"template": str(template_id(app)), "start": "2026-09-24"}

    preview = client.get(path, query_string=given).text
    client.post(path, data=given)
    again = client.post(path, data=given)

    with arranged(app) as db:
        rows = db.execute(select(MilestonePlan.kind, MilestonePlan.planned_on)).all()
    # 25 to 27 September is a holiday, 1 to 7 October, too; 20 September and 10 October are worked
    assert "2026年9月30日" in preview
    assert "已完成，不安排" in preview
    assert "已有计划，不变" in preview
    assert "排定 2 个节点" in preview
    assert dict(rows)["registered"] == date(2026, 9, 30)
    assert dict(rows)["land"] == date(2026, 8, 3)
    assert len(rows) == 3
    assert "没有可安排的" in again.text


def test_an_admin_sets_the_working_days_of_a_template(app, lead_id):
    client = sign_in(app, "root")

    client.post(f"{ADMIN}/new", data={"name": "租赁厂房类", "is_used": "y", "days_moved_in": "40"})
    bare = client.post(f"{ADMIN}/new", data={"name": "供地建设类", "days_land": "x"})
    taken = client.post(f"{ADMIN}/new", data={"name": "供地建设类", "days_land": "9"})
    client.post(f"{ADMIN}/{template_id(app)}", data={"name": "供地类", "days_land": "30"})
    page = client.get(ADMIN).text

    assert "进场 40天" in page
    assert (bare.status_code, taken.status_code) == (422, 422)
    assert "这个名称已被使用" in taken.text
    assert "供地 30天 · 已停用" in page


def test_others_cannot(app, lead_id):
    client = sign_in(app, "other")

    assert client.get(f"/leads/{lead_id}/plan-by-template").status_code == 404
    assert client.get(ADMIN).status_code == 404
    assert app.test_client().get(ADMIN).status_code == 302
