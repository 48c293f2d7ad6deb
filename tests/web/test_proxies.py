"""Where a request comes from: as trusted proxies say, and as nobody else does."""

import pytest
from sqlalchemy import select

from crm.app import create_app
from crm.base.audit_entries import AuditEntry
from crm.extensions import db as database_of_app
from crm.people.models import LoginSession
from crm.people.service import hash_password, set_password
from tests.conftest import NOW
from tests.databases import settings_for
from tests.factories import arranged, make_person

PASSWORD = "a long enough password"
PROXY, THERE, PRETENDED = "10.0.0.1", "203.0.113.7", "198.51.100.9"
FORWARDED = {"X-Forwarded-For": f"{PRETENDED}, {THERE}"}


@pytest.fixture
def behind(database, moment):
    """The application with so many trusted proxies in front."""
    made = []

    def app(proxies):
        made.append(create_app(settings_for(database.url, proxies=proxies)))
        made[-1].config.update(WTF_CSRF_ENABLED=False, TESTING=True)
        return made[-1]

    yield app
    for each in made:
        with each.app_context():
            database_of_app.engine.dispose()


def enter(app, username="liwei", password=PASSWORD, **headers):
    return app.test_client().post(
        "/login",
        data={"username": username, "password": password},
        headers={**FORWARDED, **headers},
        environ_base={"REMOTE_ADDR": PROXY},
    )


@pytest.mark.parametrize(("proxies", "address"), [(0, PROXY), (1, THERE), (2, PRETENDED)])
def test_a_session_and_the_trail_note_the_address_that_is_trusted(behind, proxies, address):
    app = behind(proxies)
    with arranged(app) as db:
        person = make_person(db, "liwei")
        secret = hash_password("liwei", PASSWORD)
        set_password(db, person=person, password_hash=secret, by=None, now=NOW)

    enter(app)

    with arranged(app) as db:
        assert db.scalars(select(LoginSession.address)).one() == address
        entry = db.scalars(select(AuditEntry).filter_by(action="session.begun")).one()
        assert entry.address == address


@pytest.mark.parametrize(("proxies", "last"), [(0, 429), (1, 422)])
def test_guessing_is_slowed_down_by_the_address_that_is_trusted(behind, proxies, last):
    app = behind(proxies)

    answers = [
        enter(app, f"p{n}", "wrong", **{"X-Forwarded-For": f"203.0.113.{n}"}).status_code
        for n in range(61)
    ]

    assert answers == [422] * 60 + [last]


@pytest.mark.parametrize("told", ["-1", "many", "10", ""])
def test_a_number_of_proxies_that_nobody_has_is_refused(told):
    with pytest.raises(ValueError, match="应为 0 至 9 的整数"):
        settings_for("", proxies=told)
