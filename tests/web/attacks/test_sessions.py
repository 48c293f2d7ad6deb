"""A session that somebody else has laid down is not the one that a sign-in opens."""

import pytest
from sqlalchemy import func, select

from crm.people.models import LoginSession
from crm.people.service import hash_password, set_password
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in

PASSWORD = "a long enough password"

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def liwei(app):
    with arranged(app) as db:
        person = make_person(db, "liwei", name="李威")
        hashed = hash_password("liwei", PASSWORD)
        set_password(db, person=person, password_hash=hashed, by=None, now=NOW)
        make_person(db, "mallory")


def test_a_sign_in_opens_a_session_of_its_own(app, liwei):
    laid_down, victim = sign_in(app, "mallory"), app.test_client()
    cookie = laid_down.get_cookie("session").value
    victim.set_cookie("session", cookie)

    victim.post("/login", data={"username": "liwei", "password": PASSWORD})

    assert victim.get_cookie("session").value != cookie
    assert "李威" in victim.get("/me").text
    assert "李威" not in laid_down.get("/me").text
    with arranged(app) as db:
        assert db.scalar(select(func.count(func.distinct(LoginSession.person_id)))) <= 2


def test_a_token_that_was_not_handed_out_opens_nothing(app, liwei):
    browser = app.test_client()
    with browser.session_transaction() as chosen:
        chosen["_user_id"], chosen["_fresh"] = "chosen-by-somebody", True

    browser.post("/login", data={"username": "liwei", "password": PASSWORD})
    other = app.test_client()
    with other.session_transaction() as chosen:
        chosen["_user_id"], chosen["_fresh"] = "chosen-by-somebody", True

    assert "李威" in browser.get("/me").text
    assert other.get("/me").location.startswith("/login")
