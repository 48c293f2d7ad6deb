"""Each request has an id and a log line, and no line of a busy session holds personal data."""

import io
import json
import logging

import pytest
import structlog

from crm.base.mail_kinds import MessageKind
from crm.jobs.logs import hide_personal_data, log_as_json
from crm.people.rules import Duty, Role
from tests.conftest import NOW
from tests.databases import other_app
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in
from tests.jobs.mail import deliverer, post_office, put_for

pytestmark = pytest.mark.slow_on_postgresql

ID = "0123456789abcdef"
PRIVATE = ("沈若川", "shenruochuan", "13812345678", "秘密工厂", "zhaoshang-secret")


@pytest.fixture
def lines():
    """What this process logs, as a server does."""
    before, root, stream = structlog.get_config(), logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    log_as_json(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


@pytest.fixture
def root(app, moment):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        shen = make_person(
            db,
            "shenruochuan",
            name="沈若川",
            phone="13812345678",
            email="shenruochuan@crm.test",
            duty=Duty.RECRUITER,
            unit=make_unit(db),
        )
        make_lead(db, title="秘密工厂")
        put_for(db, shen, kind=MessageKind.WEEKLY, at=NOW)
    return sign_in(app, "root")


def test_a_request_names_itself_in_its_answer_its_log_and_its_error_page(root, lines):
    answer = root.get("/nowhere")

    name = answer.headers["X-Request-ID"]
    assert f"编号 {name}" in answer.text
    assert [line["request_id"] for line in lines()] == [name]
    assert (lines()[0]["route"], lines()[0]["status"]) == ("-", 404)


@pytest.mark.parametrize(
    ("proxies", "given", "is_kept"),
    [(0, ID, False), (1, ID, True), (1, "x", False), (1, 'a"}\t{"b', False)],
)
def test_an_id_is_taken_from_a_trusted_proxy_alone(database_url, proxies, given, is_kept):
    with other_app(database_url, proxies=proxies) as behind:
        answer = behind.test_client().get("/healthz", headers={"X-Request-ID": given})

    assert (answer.headers["X-Request-ID"] == given) is is_kept


def test_no_line_of_a_busy_session_holds_personal_data(app, root, sessions, lines, monkeypatch):
    def breaks(*_args, **_given):
        raise ValueError(f"沈若川 {PRIVATE}")

    secret = {"username": "shenruochuan", "password": "zhaoshang-secret"}
    app.test_client().post("/login", data=secret)
    root.get("/admin/people/shenruochuan")
    root.get("/search?q=沈若川 13812345678")
    root.post("/admin/people/new", data={"username": "shenruochuan", "name": "沈若川"})
    sign_in(app, "shenruochuan").get("/leads?q=秘密工厂")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(app.view_functions, "people.show", breaks)
    failed = root.get("/admin/people/shenruochuan")
    app.config["PROPAGATE_EXCEPTIONS"] = None
    with post_office() as office:
        office.at_recipient["shenruochuan@crm.test"] = "550 <shenruochuan@crm.test> 未知用户"
        deliverer(sessions, office.port).deliver_all()

    text = json.dumps(lines(), ensure_ascii=False)
    assert failed.status_code == 500
    assert {"request", "request.failed", "wrong_password", "message.refused"} <= {
        line["event"] for line in lines()
    }
    assert [word for word in PRIVATE if word in text] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 <li.wei@zone.gov.cn> unknown", "550 <***@zone.gov.cn> unknown"),
        ("call 13812345678 or 0513-85981234", "call *** or ***"),
        ("id 138123456789012", "id 138123456789012"),
        ("lease 3f13812345678a", "lease 3f13812345678a"),
    ],
)
def test_what_servers_say_is_cleared_of_addresses_and_numbers(text, expected):
    assert hide_personal_data(None, "", {"error": [text]}) == {"error": [expected]}


def test_a_trace_has_no_words_of_the_exception(lines):
    try:
        int("沈若川")
    except ValueError:
        logging.getLogger("a library").exception("broken")

    assert lines()[0]["exception"][0]["exc_type"] == "ValueError"
    assert "沈若川" not in json.dumps(lines(), ensure_ascii=False)
