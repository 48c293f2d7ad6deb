"""What comes from outside is read as what it is: addresses, references, texts made to do harm."""

import pytest

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
