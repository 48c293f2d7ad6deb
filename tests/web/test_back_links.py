"""Where pages lead back to, and where one goes on after signing in again."""

from datetime import date

import pytest

from crm.people.service import hash_password, set_password
from tests.conftest import NOW
from tests.factories import arranged, make_lead, make_person, make_visit, sign_in

HOST = "http://localhost"
PASSWORD = "a long enough password"


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        person = make_person(db, "lina", name="李娜")
        secret = hash_password("lina", PASSWORD)
        set_password(db, person=person, password_hash=secret, by=None, now=NOW)
        return person


@pytest.fixture
def visit(app, lina):
    with arranged(app) as db:
        return make_visit(db, lina, date(2026, 7, 14))


def back_link(client, path, referrer):
    page = client.get(path, headers={"Referer": referrer}).text
    return page.split('class="back-link" href="')[1].split('"')[0]


@pytest.mark.parametrize(
    ("referrer", "back"),
    [
        (f"{HOST}/", "/"),
        (f"{HOST}/visits?who=all&kind=outreach", "/visits?who=all&amp;kind=outreach"),
        (f"{HOST}/leads/7", "/leads/7"),
        (f"{HOST}/visits/new", "/visits"),
        (f"{HOST}/visits/9", "/visits"),
        (f"{HOST}/visits/9/done", "/visits"),
        (f"{HOST}/nowhere", "/visits"),
        (f"{HOST}//evil.example/", "/visits"),
        ("https://evil.example/", "/visits"),
        ("", "/visits"),
    ],
)
def test_a_page_leads_back_to_what_led_to_it(app, lina, visit, referrer, back):
    assert back_link(sign_in(app, "lina"), f"/visits/{visit.id}", referrer) == back


def test_two_pages_do_not_lead_back_to_each_other(app, lina, visit):
    with arranged(app) as db:
        lead = make_lead(db, tracker=lina)

    back = back_link(sign_in(app, "lina"), f"/leads/{lead.id}", f"{HOST}/visits/{visit.id}")

    assert back == "/leads"


def test_who_is_signed_out_while_typing_goes_on_at_the_form(app, client, lina):
    headers = {"Referer": f"{HOST}/visits/new?lead=3"}

    answer = client.post("/visits/new", data={"minutes": "很长的纪要"}, headers=headers)

    assert answer.location == "/login?next=/visits/new?lead%3D3"
    assert "登录已过期" in client.get(answer.location).text
    secret = {"username": "lina", "password": PASSWORD}
    assert client.post(answer.location, data=secret).location == "/visits/new?lead=3"


def test_a_form_whose_session_is_gone_leads_to_the_door(app, lina):
    app.config["WTF_CSRF_ENABLED"] = True
    headers = {"Referer": f"{HOST}/visits/new"}

    answer = app.test_client().post("/visits/new", data={"minutes": "纪要"}, headers=headers)

    assert answer.location == "/login?next=/visits/new"


def test_an_expired_form_leads_back_to_itself(app, lina):
    client = sign_in(app, "lina")
    app.config["WTF_CSRF_ENABLED"] = True

    answer = client.post("/visits/new", headers={"Referer": f"{HOST}/visits/new"})

    assert answer.status_code == 400
    assert 'href="/visits/new">返回原页面' in answer.text
