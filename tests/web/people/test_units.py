"""Pages of the org units, for admins."""

import pytest
from sqlalchemy import select

from crm.people.models import Unit
from crm.people.rules import Duty, Role
from tests.factories import arranged, make_person, make_unit, sign_in

LIST = "/admin/units"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        unit = make_unit(db, "开发区", code="zone")
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=unit)
        return unit


@pytest.fixture
def at_roots(app, zone):
    return sign_in(app, "root")


def units(app):
    with arranged(app) as db:
        return {unit.code: unit for unit in db.scalars(select(Unit))}


def told(**given):
    return {"name": "招商局", "kind": "bureau", "parent_id": "", "position": "1"} | given


def test_a_unit_is_added_below_another(app, at_roots, zone):
    assert f'selected value="{zone.id}"' in at_roots.get(f"{LIST}/new?parent={zone.id}").text

    at_roots.post(f"{LIST}/new", data=told(code="zsj", parent_id=zone.id))

    assert units(app)["zsj"].parent_id == zone.id
    page = at_roots.get(LIST).text
    assert "招商局" in page
    assert "添加单位" in at_roots.get("/admin/audit?subject=unit").text


def test_a_unit_is_renamed_and_moved(app, at_roots, zone):
    with arranged(app) as db:
        team = make_unit(db, "一组", code="one")

    told_of = told(name="第一组", parent_id=zone.id, position="3")
    assert at_roots.post(f"{LIST}/{team.id}", data=told_of).location == LIST

    now = units(app)["one"]
    assert (now.name, now.parent_id, now.position) == ("第一组", zone.id, 3)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"code": "zone"}, "编号“zone”已被使用"),
        ({"name": ""}, "请填写名称。"),
        ({"position": "x"}, "请填写 0 到 9999 之间的整数。"),
        ({"position": "10000"}, "请填写 0 到 9999 之间的整数。"),
        ({"parent_id": "99999"}, "未找到该单位"),
    ],
)
def test_what_is_wrong_is_told(at_roots, given, sentence):
    answer = at_roots.post(f"{LIST}/new", data=told(code="zsj") | given)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Not a valid" not in answer.text


def test_a_unit_is_not_put_below_itself(app, at_roots, zone):
    with arranged(app) as db:
        team = make_unit(db, "一组", parent=zone)
    assert f'value="{team.id}"' not in at_roots.get(f"{LIST}/{zone.id}").text

    answer = at_roots.post(f"{LIST}/{zone.id}", data=told(parent_id=team.id))

    assert answer.status_code == 422
    assert "不能放到自己或下级单位的下面" in answer.text


def test_others_do_not_know_of_the_pages(app, zone):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.LEADER, unit=zone)
    client = sign_in(app, "boss")

    assert client.get(LIST).status_code == 404
    assert client.post(f"{LIST}/{zone.id}", data=told()).status_code == 404


def test_the_door_comes_first(client):
    assert client.get(LIST).location == "/login?next=/admin/units"
