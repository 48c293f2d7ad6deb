"""What comes from outside is read as what it is: addresses, references, texts made to do harm."""

import pytest

from crm.jobs import ledger
from crm.people.rules import Role
from crm.people.service import hash_password, set_password
from tests.conftest import NOW
from tests.factories import arranged, make_person, make_visit, sign_in

PASSWORD = "a long enough password"
ELSEWHERE = ["/\t/evil.example", "/\r/evil.example", "/\n/evil.example", "/\t\\evil.example"]
TOO_LARGE = "99999999999999999999"


@pytest.fixture
def liwei(app):
    with arranged(app) as db:
        person = make_person(db, "liwei")
        set_password(
            db, person=person, password_hash=hash_password("liwei", PASSWORD), by=None, now=NOW
        )
        make_visit(db, person)
    return person


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_door_leads_nowhere_that_a_browser_reads_as_another_host(client, liwei, target):
    answer = client.post(
        "/login",
        data={"username": "liwei", "password": PASSWORD},
        query_string={"next": target},
    )

    assert answer.location == "/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_button_leads_back_nowhere_that_a_browser_reads_as_another_host(app, liwei, target):
    with arranged(app) as db:
        visit_id = make_visit(db, db.merge(liwei)).id

    answer = sign_in(app, "liwei").post(f"/visits/{visit_id}/cancel", data={"back": target})

    assert answer.location == f"/visits/{visit_id}"


def test_a_username_that_no_database_can_hold_is_just_a_wrong_one(client, liwei):
    answer = client.post("/login", data={"username": "liwe\0", "password": PASSWORD})

    assert answer.status_code == 422
    assert "账号或密码不正确" in answer.text


@pytest.fixture
def admin(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
        ledger.install(db, clock_from=NOW, now=NOW)
    return sign_in(app, "root")


@pytest.mark.parametrize(
    "path", ["/admin/people/%00", "/admin/people/a%00/edit", "/admin/rules/a%00"]
)
def test_a_name_that_no_database_can_hold_is_no_page(admin, path):
    assert admin.get(path).status_code == 404


def test_a_code_that_no_database_can_hold_is_no_rule(admin):
    assert admin.get("/admin/rules/backtest?code=a%00").status_code == 200


def test_a_page_that_says_nonsense_of_where_one_came_from_is_shown(admin):
    answer = admin.get("/admin/people/root", headers={"Referer": "http://["})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "cursor",
    [
        "n_a_99999999999",
        "o_0001-01-01T00:00:00+23:00_1",
        "n_9999-12-31T23:59:59-23:00_1",
        "o_2026-07-01T00:00:00+00:00_99999999999",
    ],
)
@pytest.mark.parametrize("path", ["/admin/people", "/admin/clock/nudge", "/admin/audit"])
def test_a_cursor_that_was_tampered_with_is_a_page(admin, path, cursor):
    assert admin.get(path, query_string={"at": cursor}).status_code == 200


@pytest.mark.parametrize("path", [f"/mailbox/{TOO_LARGE}", f"/mailbox/{TOO_LARGE}/body"])
def test_a_number_beyond_every_row_is_no_page(app, liwei, path):
    assert sign_in(app, "liwei").get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"/mailbox?before={TOO_LARGE}",
        f"/digests?before={TOO_LARGE}",
        f"/visits?at=o_2026-01-01_{TOO_LARGE}",
        f"/leads?at=o_2026-01-01_{TOO_LARGE}",
        f"/followups?at=n_2026-01-01_{TOO_LARGE}",
    ],
)
def test_a_cursor_beyond_every_row_is_the_first_page(app, liwei, path):
    assert sign_in(app, "liwei").get(path).status_code == 200
