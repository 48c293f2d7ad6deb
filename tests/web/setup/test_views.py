"""The first run: the code of the console, the zone's name and the first admin."""

import pytest
from sqlalchemy import func, select

from crm.base.errors import Refused
from crm.cli import seeds
from crm.jobs import ledger
from crm.people.first_run import FirstAdmin, set_up, setup_code
from crm.people.models import Person, Unit
from crm.people.rules import Role
from crm.people.service import verify
from crm.people.sign_in_profiles import choose_profile, profiles
from tests.conftest import NOW
from tests.factories import arranged, make_person

FORM = {
    "zone_name": "临江经济技术开发区",
    "name": "单兴洲",
    "username": "Shanxingzhou",
    "email": "shan@example.cn",
    "password": "xin-kai-fa-qu-1",
    "again": "xin-kai-fa-qu-1",
}


@pytest.fixture
def code(app):
    """What the console prints of an installation in which nobody is."""
    with arranged(app) as db:
        seeds.plant(db, now=NOW)
        ledger.install(db, clock_from=NOW, now=NOW)
        return setup_code(app.config["SECRET_KEY"], NOW)


def people(app):
    with arranged(app) as db:
        return db.scalar(select(func.count(Person.id)))


def test_sign_in_leads_to_the_first_run_while_nobody_is_there(app, client, code):
    assert client.get("/login").location == "/setup"
    assert "开发区名称" in client.get("/setup").text


def test_the_first_admin_names_the_zone_and_is_signed_in(app, client, code):
    answer = client.post("/setup", data=FORM | {"code": code.lower().replace("-", " ")})

    assert answer.location == "/admin/begin"
    assert "导入花名册" in client.get("/admin/begin").text
    with arranged(app) as db:
        admin = db.scalars(select(Person)).one()
        assert (admin.role, admin.email) == (Role.ADMIN, "shan@example.cn")
        assert verify(admin, FORM["password"], now=NOW)
        assert db.scalar(select(Unit.name).where(Unit.parent_id.is_(None))) == FORM["zone_name"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"code": "AAAAAAAA-AAAAAAAA"}, "验证码不正确"),
        ({"again": "xin-kai-fa-qu-2"}, "两次输入的密码不一致"),
        ({"password": "short", "again": "short"}, "至少"),
        ({"email": "nobody"}, "邮箱"),
        ({"zone_name": " "}, "请填写开发区名称"),
    ],
)
def test_a_mistake_is_named_and_nobody_is_entered(app, client, code, change, sentence):
    answer = client.post("/setup", data=FORM | {"code": code} | change)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert people(app) == 0


def test_the_first_password_obeys_the_profile_that_was_chosen(app, client, code):
    with arranged(app) as db:
        strict = next(each for each in profiles(db) if each.character_kinds)
        choose_profile(db, profile=strict, by=None, now=NOW)
    weak = {"password": "xinkaifaqudi", "again": "xinkaifaqudi"}

    page = client.get("/setup").text
    answer = client.post("/setup", data=FORM | weak | {"code": code})

    assert f"{strict.character_kinds} 种" in page
    assert (answer.status_code, people(app)) == (422, 0)


def test_there_is_no_second_first_admin(app, client, code):
    with arranged(app) as db:
        make_person(db, "li")

    answer = client.post("/setup", data=FORM | {"code": code})

    assert (answer.location, client.get("/setup").location) == ("/login", "/login")
    assert people(app) == 1


def test_of_two_at_once_the_second_is_refused(app, code):
    admin = FirstAdmin(username="li", name="李", email=None, password_hash="-")
    with arranged(app) as db:
        set_up(db, zone_name="临江", admin=admin, now=NOW)

        with pytest.raises(Refused) as caught:
            set_up(db, zone_name="临海", admin=admin, now=NOW)

    assert caught.value.code == "already_set_up"
