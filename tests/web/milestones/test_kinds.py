"""The admin's page of side milestones."""

import pytest
from sqlalchemy import select

from crm.leads.models import MilestoneKind
from crm.people.rules import Duty, Role, UnitKind
from tests.factories import arranged, make_person, make_unit, sign_in

KINDS = "/admin/milestones"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        top = make_unit(db, "滨海开发区", kind=UnitKind.ZONE)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=top)
        make_person(db, "liwei", unit=top)
    return app


def test_an_admin_adds_a_side_milestone_and_takes_it_out_of_use(zone):
    client = sign_in(zone, "root")
    client.post(f"{KINDS}/new", data={"name": "环评", "position": "3", "is_used": "y"})
    with arranged(zone) as db:
        kind_id = db.scalar(select(MilestoneKind.id).where(MilestoneKind.name == "环评"))

    added = client.get(KINDS).text
    client.post(f"{KINDS}/{kind_id}", data={"name": "环境影响评价", "position": "3"})
    changed = client.get(KINDS).text
    trail = client.get("/admin/audit").text

    assert "代码 huan_ping" in added
    assert "环境影响评价" in changed
    assert "已停用" in changed
    assert "修改项目节点" in trail


def test_a_name_that_another_has_keeps_what_was_typed(zone):
    page = sign_in(zone, "root").post(
        f"{KINDS}/new", data={"name": "供地", "position": "3", "is_used": "y"}
    )

    assert page.status_code == 422
    assert "这个名称已被使用" in page.text
    assert 'value="供地"' in page.text


def test_the_stages_have_no_page_and_others_none_at_all(zone):
    with arranged(zone) as db:
        stage_id = db.scalar(select(MilestoneKind.id).where(MilestoneKind.code == "signed"))

    assert sign_in(zone, "root").get(f"{KINDS}/{stage_id}").status_code == 404
    assert sign_in(zone, "liwei").get(KINDS).status_code == 404
    assert zone.test_client().get(KINDS).status_code == 302
