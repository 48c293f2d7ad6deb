"""The account page: contact data, password, devices."""

import pytest
from sqlalchemy import select

from crm.people.models import Person
from crm.people.service import hash_password, verify
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in

OLD, NEW = "the-old-password", "the-new-password"
FORM = {"old": OLD, "password": NEW, "again": NEW}


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        columns = {"name": "李娜", "password_hash": hash_password("lina", OLD)}
        return make_person(db, "lina", **columns)


@pytest.fixture
def at_linas(app, lina):
    return sign_in(app, "lina")


def person(app):
    with arranged(app) as db:
        return db.scalars(select(Person)).one()


def test_anonymous_visitors_are_redirected_to_the_login(client):
    assert client.get("/me").location == "/login?next=/me"
    assert client.post("/me/password", data=FORM).location == "/login"


def test_contact_data_can_be_changed(app, at_linas):
    at_linas.post("/me", data={"email": "li@crm.test", "phone": "0513-1"})

    assert (person(app).email, person(app).phone, person(app).name) == (
        "li@crm.test",
        "0513-1",
        "李娜",
    )


@pytest.mark.parametrize("typed", ["no", "li@example.com."])
def test_an_invalid_address_is_refused(at_linas, typed):
    answer = at_linas.post("/me", data={"email": typed})

    assert answer.status_code == 422
    assert "不是邮箱地址" in answer.text
    assert f'value="{typed}"' in answer.text


def test_changing_the_password_signs_out_all_other_devices(app, at_linas):
    elsewhere = sign_in(app, "lina")

    assert at_linas.post("/me/password", data=FORM).location == "/"

    assert verify(person(app), NEW, now=NOW)
    assert at_linas.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"old": "wrong-password"}, "当前密码不正确。"),
        ({"again": "another-one"}, "两次输入的新密码不一致。"),
        ({"password": "short", "again": "short"}, "密码至少 10 个字符。"),
        ({"password": OLD, "again": OLD}, "新密码不能与当前密码相同。"),
        ({"old": ""}, "请填写当前密码。"),
    ],
)
def test_an_invalid_password_is_refused(app, at_linas, changed, sentence):
    answer = at_linas.post("/me/password", data=FORM | changed)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert verify(person(app), OLD, now=NOW)


def test_other_devices_can_be_signed_out(app, at_linas):
    elsewhere = sign_in(app, "lina")
    assert at_linas.get("/me").text.count("device-laptop") == 2

    page = at_linas.post("/me/sign-out-elsewhere", follow_redirects=True).text

    assert "已退出其他设备（1 处）。" in page
    assert elsewhere.get("/").status_code == 302
    assert at_linas.get("/me").status_code == 200
