"""`/healthz` and `/readyz`: what monitors ask, of anyone, and nothing personal in it."""

from datetime import timedelta

import pytest
from sqlalchemy import event, text, update

from crm.app import create_app
from crm.base.outbox import Message, MessageKind, State
from crm.extensions import db as database_of_app
from crm.jobs import health, lease, ledger
from tests.conftest import NOW
from tests.databases import settings_for
from tests.factories import arranged, make_person, sign_in
from tests.jobs.mail import put_for


@pytest.fixture
def installed(app):
    """A clock that a node has just ticked."""
    with arranged(app) as db:
        ledger.install(db, clock_from=NOW, now=NOW)
        lease.acquire(db, "host:1:abc")


def test_the_process_lives_without_asking_the_database(app, installed):
    with arranged(app) as db:
        make_person(db, "li")
    client, statements = sign_in(app, "li"), []
    with app.app_context():
        engine = database_of_app.engine
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))

    answer = client.get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"state": "ok"})
    assert statements == []


def test_all_is_ready(client, installed):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json["last_tick_seconds"] < 60
    assert answer.json | {"last_tick_seconds": 0} == {
        "state": "ok",
        "database": "ok",
        "migrations": "ok",
        "clock": "ok",
        "last_tick_seconds": 0,
        "paused_jobs": 0,
        "delivery": "ok",
        "outbox": "ok",
        "backlog": {"pending": 0, "sending": 0, "ambiguous": 0, "failed": 0, "held": 0},
        "oldest_seconds": None,
    }


def test_the_backlog_is_told_in_counts_and_ages_only(app, client, installed):
    with arranged(app) as db:
        put_for(db, make_person(db, "li"), kind=MessageKind.NUDGE, at=NOW - timedelta(minutes=2))

    answer = client.get("/readyz")

    assert (answer.json["backlog"]["pending"], answer.json["oldest_seconds"]) == (1, 120)
    assert "crm.test" not in answer.text
    assert "host" not in answer.text


def test_what_waits_for_a_person_does_not_stop_the_rest(app, client, installed):
    with arranged(app) as db:
        put_for(db, make_person(db, "li"), kind=MessageKind.NUDGE, at=NOW)
        db.execute(update(Message).values(state=State.HELD))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["outbox"]) == (200, "warn")


def test_a_clock_that_nobody_runs_is_not_ready(app, client, installed):
    with arranged(app) as db:
        lease.acquire(db, "host:1:abc", lasts=lease.LASTS - timedelta(minutes=6))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["clock"]) == (503, "fail")
    assert answer.json["last_tick_seconds"] >= 360


def test_before_the_installation_nothing_is_ready(client):
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["clock"]) == (503, "fail")
    assert answer.json["last_tick_seconds"] is None


def test_tables_of_another_version_are_not_ready(client, installed, monkeypatch):
    monkeypatch.setattr(health, "_newest", lambda: "newer")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["migrations"]) == (503, "fail")


def test_a_database_that_is_away_is_told_in_json(client, monkeypatch):
    monkeypatch.setattr(health, "has_file", lambda _engine: False)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json == {"state": "fail", "database": "fail"}


def test_a_server_that_is_away_is_told_in_json():
    away = create_app(settings_for("postgresql://crm@127.0.0.1:1/crm"))

    answer = away.test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json == {"state": "fail", "database": "fail"}


def test_a_database_that_refuses_is_told_in_json(client, installed, monkeypatch):
    monkeypatch.setattr(health, "is_migrated", lambda db: db.execute(text("SELECT nothing")))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["database"]) == (503, "fail")
    assert "nothing" not in answer.text
