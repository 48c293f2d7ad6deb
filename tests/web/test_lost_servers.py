"""The database's server goes away between the making of a page and the end of its session."""

import pytest
from flask import request_finished
from sqlalchemy import create_engine, text

from crm.extensions import db
from tests.factories import arranged, make_person

pytestmark = pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)


def test_a_page_is_answered_though_its_connection_is_lost_before_its_session_ends(
    app, database, client
):
    with arranged(app) as session:
        make_person(session)
    others = create_engine(database.url, isolation_level="AUTOCOMMIT")
    ended = []

    def lose_connection(*_, **__):
        connection = db.session.scalar(text("SELECT pg_backend_pid()"))
        with others.connect() as other:
            ended.append(other.scalar(text(f"SELECT pg_terminate_backend({connection}, 5000)")))

    with request_finished.connected_to(lose_connection, app):
        assert client.get("/login").status_code == 200
        assert client.get("/login").status_code == 200
    assert ended == [True, True]
    others.dispose()
