"""Boards and lists from a replica: its own server, which follows the one of the tests."""

import os
import time
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import psycopg
import pytest
from flask import url_for
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError

from crm.app import create_app
from crm.base.replica import position
from crm.extensions import db, limiter
from crm.people.rules import Role
from crm.web.access import ACCESS
from crm.web.replica import PAGES
from crm.web.transaction import REPLICA
from tests.databases import settings_for
from tests.factories import arranged, make_person, make_regime, sign_in
from tests.postgres import Standby

GIVE_UP_SECONDS = 30
GONE = "postgresql://crm@127.0.0.1:1/crm"
NAME = "新设局"
# what some are asked for
ASKED = {
    "leads.cards": {"stage": "lead"},
    "search.found": {"q": "项目"},
    "search.show": {"q": "项目"},
}
CONFLICT = psycopg.errors.SerializationFailure("canceling statement due to conflict with recovery")
UNTIL_PAUSED = text(
    "DO $$ BEGIN WHILE pg_get_wal_replay_pause_state() <> 'paused' LOOP"
    " PERFORM pg_sleep(0.01); END LOOP; END $$"
)
pytestmark = pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)


@pytest.fixture(scope="module")
def standby():
    with Standby(os.environ["CRM_TEST_POSTGRES"]) as server:
        yield server


@pytest.fixture
def control(standby):
    """Statements to the replica's server itself."""
    engine = create_engine(f"{standby.url}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
        connection.execute(text("SELECT pg_wal_replay_resume()"))
    engine.dispose()


@pytest.fixture
def app(database, standby):
    replica = f"{standby.url}/{database.url.rpartition('/')[2]}"
    with app_of(database, replica) as app:
        yield app


@contextmanager
def app_of(database, replica):
    app = create_app(settings_for(database.url, database_read_url=replica))
    app.config.update(WTF_CSRF_ENABLED=False, TESTING=True, SESSION_COOKIE_SECURE=True)
    limiter.enabled = False
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def enter(app, control):
    """Sign in a new person, whom the replica knows."""

    def entered(username, role=Role.ADMIN):
        with arranged(app) as session:
            make_person(session, username, role=role)
        client = sign_in(app, username)
        catch_up(app, control)
        return client

    return entered


@pytest.fixture
def statements(app):
    """The statements that the replica was sent."""
    sent = []
    with app.app_context():
        engine = db.get_engine(REPLICA)
    event.listen(engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    return sent


def catch_up(app, control):
    with app.app_context(), db.sessionmaker() as primary:
        reached = position(primary)
    query = text("SELECT pg_last_wal_replay_lsn() >= CAST(:position AS pg_lsn)")
    until = time.monotonic() + GIVE_UP_SECONDS
    while not control.scalar(query, {"position": reached}):
        assert time.monotonic() < until


def add_unit(client):
    form = {"code": "new", "name": NAME, "kind": "bureau", "parent_id": "", "position": "9"}
    return client.post("/admin/units/new", data=form)


def copy_of(client):
    """Another browser with the same cookies."""
    other = client.application.test_client()
    with client.session_transaction() as cookie, other.session_transaction() as own:
        own.update(cookie)
    return other


@pytest.mark.parametrize("endpoint", sorted(PAGES))
def test_a_board_or_list_is_read_from_the_replica(app, enter, statements, endpoint):
    client = enter("chen", max(ACCESS[endpoint] & {Role.SUPERVISOR, Role.ADMIN}))
    with app.test_request_context():
        path = url_for(endpoint, **ASKED.get(endpoint, {}))

    answer = client.get(path)

    assert answer.status_code == 200
    assert len(statements) > 1  # besides the question how far it is
    assert app.extensions["replica_pause"].is_over()


def test_figures_are_remembered_between_views_of_the_replica(app, enter, statements):
    with arranged(app) as session:
        make_regime(session)
    client = enter("chen", Role.SUPERVISOR)
    client.get("/compliance")
    first = len(statements)
    client.get("/compliance")

    assert len(statements) - first < first


def test_a_form_and_a_change_are_the_primarys(enter, statements):
    client = enter("wei")

    assert client.get("/admin/units/new").status_code == 200
    assert add_unit(client).status_code == 302
    assert statements == []


def test_who_has_changed_something_sees_it_whatever_the_replica_has(control, enter):
    writer, reader = enter("wei"), enter("chu")
    control.execute(text("SELECT pg_wal_replay_pause()"))
    control.execute(UNTIL_PAUSED)

    add_unit(writer)

    assert NAME in writer.get("/admin/units").text
    assert NAME not in reader.get("/admin/units").text


def test_a_change_is_answered_though_the_primary_dies_right_after_its_commit(app, enter):
    writer = enter("wei")
    with app.app_context():
        engine = db.engine

    def cut_off(connection, _cursor, statement, *_):
        if "pg_current_wal" in statement:
            connection.connection.dbapi_connection.close()

    event.listen(engine, "before_cursor_execute", cut_off)

    assert add_unit(writer).status_code == 302
    assert NAME in writer.get("/admin/units").text


def test_the_replica_is_read_again_once_it_has_the_change(app, control, enter, statements):
    writer = enter("wei")
    add_unit(writer)
    catch_up(app, control)

    assert NAME in writer.get("/admin/units").text
    assert len(statements) > 1


def test_a_replica_that_stands_still_is_left_alone(app, control, enter, statements, monkeypatch):
    reader = enter("wei")
    monkeypatch.setattr("crm.base.replica.LONGEST_LAG", timedelta(0))

    assert reader.get("/admin/units").status_code == 200
    assert len(statements) == 1
    assert app.extensions["replica_pause"].is_over()  # it may be current at the next page


def test_somebody_signed_out_is_out_whatever_the_replica_has(control, enter):
    reader = enter("wei")
    control.execute(text("SELECT pg_wal_replay_pause()"))
    other = copy_of(reader)
    reader.post("/logout")

    assert other.get("/admin/units").status_code == 302


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_page_that_fails_on_the_replica_is_made_from_the_primary(app, enter, fails_at):
    reader = enter("wei")
    with app.app_context():
        engine = db.get_engine(REPLICA)
    numbers = count(1)

    def fail(connection, *_):
        if next(numbers) == fails_at:
            raise OperationalError("", {}, CONFLICT)

    event.listen(engine, "before_cursor_execute", fail)

    assert reader.get("/admin/units").status_code == 200
    assert not app.extensions["replica_pause"].is_over()


def test_monitors_learn_how_far_the_replica_is(app, control, enter):
    client = enter("wei")

    ready = client.get("/readyz").json

    assert ready["replica"] == "ok"
    assert 0 <= ready["replica_lag_seconds"] <= GIVE_UP_SECONDS


def test_without_its_replica_every_page_is_read_from_the_primary(database):
    with app_of(database, GONE) as app:
        with arranged(app) as session:
            make_person(session, "wei", role=Role.ADMIN)
        client = sign_in(app, "wei")

        assert [client.get("/admin/units").status_code for _ in range(2)] == [200, 200]
        assert client.get("/readyz").json["replica"] == "warn"
