"""Signing in at a provider of OpenID Connect, which runs as a process of its own."""

import json
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from threading import BoundedSemaphore, Event, Thread
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from crm.app import create_app
from crm.extensions import db as database_of_app
from crm.people.models import Person
from crm.settings import WrongSettingsError, read_settings
from crm.web import bounded_requests, oidc_client
from crm.web.bounded_requests import LARGEST_ANSWER
from tests.databases import settings_for
from tests.factories import arranged, make_person

pytestmark = pytest.mark.slow_on_postgresql
SECRET = "s" * 32
PEOPLE = (
    {"sub": "1001", "preferred_username": "liwei", "email": "root@crm.test"},
    {"sub": "1002", "preferred_username": "LIWEI", "email": "liwei@crm.test"},
    {"sub": "1003", "email": "liwei", "email_verified": False},
)


@pytest.fixture(scope="module")
def issuer():
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    claims = [part for each in PEOPLE for part in ("--user-claims", json.dumps(each))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *claims]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(port, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port, process):
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with closing(socket.socket()) as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the provider did not start")


def app_at(database, issuer, **given):
    settings = settings_for(database.url).model_copy(
        update={"oidc_issuer": issuer, "oidc_client_id": "crm", "oidc_client_secret": "x"} | given
    )
    app = create_app(settings)
    app.config.update(WTF_CSRF_ENABLED=False)
    return app


@pytest.fixture
def served(database, issuer, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the provider has no TLS
    app = app_at(database, issuer)
    with arranged(app) as db:
        make_person(db, "liwei", name="李威")
    yield app
    with app.app_context():
        database_of_app.engine.dispose()


def leave(client):
    """The address at the provider to which the button leads."""
    return client.get("/login/oidc?next=/visits").location


def consent(url, sub):
    """The address to which the provider sends whoever signs in there."""
    answer = requests.post(url, data={"sub": sub}, allow_redirects=False, timeout=20)
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def test_who_has_an_account_comes_back_signed_in(served):
    client = served.test_client()
    assert "统一认证登录" in client.get("/login").text

    url = leave(client)
    answer = client.get(consent(url, "1001"))

    asked = parse_qs(urlsplit(url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert answer.location == "/visits"
    assert "李威" in client.get("/me").text
    assert client.post("/logout").location == "/login?out=oidc"
    assert "一并退出" in client.get("/login?out=oidc").text
    assert "/oauth2/end_session?client_id=crm" in client.get("/login/oidc/end").location


@pytest.mark.parametrize("sub", ["1002", "1003", "9999"])
def test_nobody_is_made_or_linked_by_another_spelling_or_address(served, sub):
    client = served.test_client()

    answer = client.get(consent(leave(client), sub), follow_redirects=True)

    assert "未找到对应的本系统账号" in answer.text
    assert client.get("/").location.startswith("/login")
    with arranged(served) as db:
        assert db.query(Person).count() == 1


def test_an_unverified_address_is_no_claim_even_where_it_is_asked_for(database, served, issuer):
    app = app_at(database, issuer, oidc_claim="email")
    client = app.test_client()

    answer = client.get(consent(leave(client), "1003"), follow_redirects=True)

    assert "未找到对应的本系统账号" in answer.text
    with app.app_context():
        database_of_app.engine.dispose()


def test_an_answer_meant_for_another_browser_opens_nothing(served):
    owner, thief = served.test_client(), served.test_client()
    place = consent(leave(owner), "1001")
    leave(thief)

    stolen = thief.get(place, follow_redirects=True)
    forged = owner.get(place.replace("state=", "state=x"), follow_redirects=True)

    assert "登录已超时或已取消" in stolen.text
    assert "登录已超时或已取消" in forged.text
    assert owner.get(place).location == "/login"  # what it was checked against is used up


def test_a_token_for_another_sign_in_is_not_taken(served):
    client = served.test_client()
    place = consent(leave(client), "1001")
    with client.session_transaction() as cookie:
        state, _nonce, *others = cookie["oidc_departure"]
        cookie["oidc_departure"] = [state, "another nonce", *others]

    assert "统一认证暂时无法使用" in client.get(place, follow_redirects=True).text


def test_while_the_provider_is_away_the_password_form_stays(database):
    app = app_at(database, "http://127.0.0.1:9")
    client = app.test_client()

    answer = client.get("/login/oidc", follow_redirects=True)

    assert "统一认证暂时无法使用，请稍后重试，或用账号和密码登录。" in answer.text
    assert 'name="password"' in answer.text
    with app.app_context():
        database_of_app.engine.dispose()


@contextmanager
def dripping(beginning):
    """A provider that says this at once and then a byte now and then; it notes who has gone."""
    gone, waiting = Event(), Event()

    def attend(line):
        with line, suppress(OSError):
            line.recv(65_536)
            line.sendall(beginning)
            while not waiting.wait(0.02):
                line.sendall(b"x")
        gone.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=lambda: attend(server.accept()[0]), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", gone
        waiting.set()


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"],
    ids=["status", "head", "body"],
)
def test_a_provider_that_drips_is_left_in_time_and_its_line_is_cut(
    database, monkeypatch, beginning
):
    monkeypatch.setattr(oidc_client, "ALTOGETHER_SECONDS", 0.5)
    with dripping(beginning) as (url, gone):
        app = app_at(database, url)
        begun = time.monotonic()
        answer = app.test_client().get("/login/oidc", follow_redirects=True)
        taken = time.monotonic() - begun

        assert "统一认证暂时无法使用，请稍后重试，或用账号和密码登录。" in answer.text
        assert taken < oidc_client.WAIT_SECONDS
        assert gone.wait(oidc_client.WAIT_SECONDS)
    with app.app_context():
        database_of_app.engine.dispose()


def test_a_provider_that_sends_without_end_is_not_read_to_the_end(database):
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (2 * LARGEST_ANSWER)
    with dripping(endless) as (url, gone):
        app = app_at(database, url)
        answer = app.test_client().get("/login/oidc", follow_redirects=True)

        assert "统一认证暂时无法使用" in answer.text
        assert gone.wait(oidc_client.WAIT_SECONDS)
    with app.app_context():
        database_of_app.engine.dispose()


def test_while_others_wait_for_the_provider_it_asks_nothing_more(monkeypatch):
    monkeypatch.setattr(bounded_requests, "_turns", BoundedSemaphore(1))
    monkeypatch.setattr(bounded_requests, "TURN_SECONDS", 0)

    def ask_within(_adapter):
        with pytest.raises(TimeoutError):
            bounded_requests.within(1, lambda _: None)
        return "answered"

    assert bounded_requests.within(5, ask_within) == "answered"
    assert bounded_requests.within(5, lambda _: "again") == "again"


def test_without_a_provider_there_is_no_button_and_no_page(client):
    assert "统一认证" not in client.get("/login").text
    assert client.get("/login/oidc").status_code == 404


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"oidc_issuer": "http://sso.example.org"}, "CRM_OIDC_ISSUER 应为以 https:// 开头的网址"),
        ({"oidc_issuer": "https://sso.example.org"}, "还需设置 CRM_OIDC_CLIENT_ID"),
    ],
)
def test_half_a_setting_stops_the_start(given, words):
    with pytest.raises(WrongSettingsError, match=words):
        read_settings(secret_key=SECRET, **given)
