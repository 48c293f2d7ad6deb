"""The page of the lines of the tiers, which an admin sets (PROJECTS 1)."""

import pytest

from crm.base.money import Currency
from crm.people.rules import Role, UnitKind
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in

PAGE = "/admin/tiers"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        top = make_unit(db, "滨海开发区", kind=UnitKind.ZONE)
        make_person(db, "root", role=Role.ADMIN, unit=top)
        make_person(db, "liwei", unit=top)
        make_lead(db, "欧元项目", unit=top, yi="0.9", currency=Currency.EUR)
    return app


def test_an_admin_sets_a_line_by_which_projects_are_flagged_at_once(zone):
    client = sign_in(zone, "root")
    line = {"tier": "yi10", "currency": "EUR", "threshold": "9000", "from_on": "2026-07-15"}
    before = client.get("/leads").text

    past = client.post(f"{PAGE}/new", data=line | {"from_on": "2026-01-01"})
    client.post(f"{PAGE}/new", data=line)
    page = client.get(PAGE).text

    assert "缺挂钩领导" not in before
    assert "已按原标准统计的项目不变" in past.text
    assert "9,000万欧元" in page
    assert "缺挂钩领导" in client.get("/leads").text


def test_others_cannot(zone):
    assert sign_in(zone, "liwei").get(PAGE).status_code == 404
    assert zone.test_client().get(PAGE).status_code == 302
