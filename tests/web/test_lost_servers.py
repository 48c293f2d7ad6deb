"""The database's server goes away between the making of a page and the end of its session."""

import pytest
from flask import request_finished
from sqlalchemy import create_engine, text

from crm.extensions import db
from tests.factories import arranged, make_person

OWN_PROCESS = text("SELECT pg_backend_pid()")
pytestmark = pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)


def app_engine(app):
    with app.app_context():
        return db.engine


def end_connection(database, process_id):
    """End it as an operator would; whether it has ended."""
    others = create_engine(database.url, isolation_level="AUTOCOMMIT")
    with others.connect() as other:
        ended = other.scalar(text(f"SELECT pg_terminate_backend({process_id}, 5000)"))
    others.dispose()
    return ended


def test_a_page_is_answered_though_its_connection_is_lost_before_its_session_ends(
    app, database, client
):
    with arranged(app) as session:
        make_person(session)
    ended = []

    def lose_connection(*_, **__):
        ended.append(end_connection(database, db.session.scalar(OWN_PROCESS)))

    with request_finished.connected_to(lose_connection, app):
        assert client.get("/login").status_code == 200
        assert client.get("/login").status_code == 200
    assert ended == [True, True]


def test_connections_that_the_server_closed_between_two_requests_are_not_used_again(app, database):
    engine = app_engine(app)
    with engine.connect() as one, engine.connect() as other:
        closed = [connection.scalar(OWN_PROCESS) for connection in (one, other)]

    assert [end_connection(database, process_id) for process_id in closed] == [True, True]

    with engine.connect() as one, engine.connect() as other:
        assert one.scalar(OWN_PROCESS) not in closed
        assert other.scalar(OWN_PROCESS) not in closed
