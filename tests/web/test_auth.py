"""The door: who gets in, how a session ends, and what the pages guard."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from crm.people.models import LoginSession
from crm.people.service import hash_password, set_password
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in

PASSWORD = "a long enough password"


@pytest.fixture
def liwei(app):
    with arranged(app) as db:
        person = make_person(db, "liwei", name="李威")
        set_password(
            db, person=person, password_hash=hash_password("liwei", PASSWORD), by=None, now=NOW
        )
    return person


def enter(client, password=PASSWORD, username="liwei", **query):
    return client.post(
        "/login", data={"username": username, "password": password}, query_string=query
    )


def logins(app):
    with arranged(app) as db:
        return list(db.scalars(select(LoginSession)))


def test_the_right_password_opens_the_door(client, liwei):
    answer = enter(client, follow_redirects=None)

    assert answer.status_code == 302
    assert answer.location == "/"
    assert "李威" in client.get("/").text


def test_a_wrong_password_is_told_at_its_field_and_the_username_stays(client, liwei):
    answer = enter(client, "wrong")

    assert answer.status_code == 422
    assert "账号或密码不正确" in answer.text
    assert 'value="liwei"' in answer.text


def test_an_unknown_username_gets_the_same_answer(client, liwei):
    assert "账号或密码不正确" in enter(client, username="nobody").text


def test_every_page_sends_strangers_to_the_door_and_back(client, liwei):
    answer = client.get("/visits?status=done")

    assert answer.location == "/login?next=/visits?status%3Ddone"
    assert enter(client, next="/visits?status=done").location == "/visits?status=done"


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "x"]
)
def test_the_door_leads_nowhere_else(client, liwei, target):
    assert enter(client, next=target).location == "/"


def test_signing_out_ends_the_session_in_the_database(app, liwei):
    client = sign_in(app, "liwei")
    stolen = sign_in(app, "liwei")
    with client.session_transaction() as cookie, stolen.session_transaction() as copy:
        copy.update(cookie)

    client.post("/logout")

    assert stolen.get("/").location.startswith("/login")


def test_a_new_password_ends_all_sessions(app, liwei):
    client = sign_in(app, "liwei")

    with arranged(app) as db:
        set_password(
            db,
            person=db.merge(liwei),
            password_hash=hash_password("liwei", "another password"),
            by=None,
            now=NOW,
        )

    assert client.get("/").location.startswith("/login")


@pytest.mark.parametrize(("days", "lives"), [(13, True), (15, False)])
def test_a_session_ends_by_idle_time(app, liwei, days, lives):
    client = sign_in(app, "liwei")

    with time_machine.travel(NOW + timedelta(days=days), tick=False):
        assert (client.get("/").status_code == 200) is lives


def test_use_is_noted_at_most_every_five_minutes(app, liwei):
    client = sign_in(app, "liwei")

    with time_machine.travel(NOW + timedelta(minutes=4), tick=False):
        client.get("/")
    first = logins(app)[0].seen_at
    with time_machine.travel(NOW + timedelta(minutes=6), tick=False):
        client.get("/")

    assert first == NOW
    assert logins(app)[0].seen_at == NOW + timedelta(minutes=6)


def test_a_disabled_person_is_out_at_once(app, liwei):
    client = sign_in(app, "liwei")

    with arranged(app) as db:
        db.merge(liwei).disabled_at = NOW

    assert client.get("/").location.startswith("/login")


def test_guessing_is_slowed_down_by_account(app, client, liwei):
    answers = [enter(client, "wrong").status_code for _ in range(11)]

    assert answers == [422] * 10 + [429]


def test_pages_carry_the_policy_that_forbids_foreign_and_inline_code(client):
    policy = client.get("/login").headers["Content-Security-Policy"]

    assert policy == (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'"
    )


def test_a_form_without_its_token_is_refused(app, liwei):
    app.config["WTF_CSRF_ENABLED"] = True

    answer = enter(app.test_client())

    assert answer.status_code == 400
    assert "页面已过期" in answer.text


def test_a_page_that_does_not_exist_says_so_kindly(app, liwei):
    answer = sign_in(app, "liwei").get("/nowhere")

    assert answer.status_code == 404
    assert "未找到该页面" in answer.text


def test_the_door_says_that_state_secrets_may_not_be_entered(client, liwei):
    assert "本系统为非涉密系统，禁止录入、存储、传输国家秘密。" in client.get("/login").text
