"""`/metrics`: for who shows the token; request times by route, and what the database says."""

from datetime import timedelta

import pytest

from crm.base.mail_kinds import MessageKind
from crm.jobs import lease, ledger
from tests.conftest import NOW
from tests.databases import other_app
from tests.factories import arranged, make_person
from tests.jobs.mail import put_for

TOKEN = "a token of the tests"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def measured(app, database_url, moment):
    with arranged(app) as db:
        ledger.install(db, clock_from=NOW, now=NOW)
        lease.acquire(db, "host:1:abc")
        li = make_person(db, "li")
        put_for(db, li, kind=MessageKind.WEEKLY, at=NOW - timedelta(minutes=5))
    with other_app(database_url, metrics_token=TOKEN) as measured:
        yield measured.test_client()


def test_metrics_tell_of_routes_and_of_the_installation(measured):
    measured.get("/admin/people/shenruochuan")

    text = measured.get("/metrics", headers=SHOWN).text

    assert 'method="GET",route="/admin/people/<username:username>"' in text
    assert "shenruochuan" not in text
    assert 'crm_outbox_messages{state="pending"} 1.0' in text
    assert "crm_outbox_oldest_seconds 300.0" in text
    assert "crm_delivery_held 0.0" in text
    assert "crm_database_up 1.0" in text
    assert "crm_database_connections" in text


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), ({"Authorization": "Bearer wrong"}, 401), (SHOWN, 200)]
)
def test_only_who_shows_the_token_reads_them(measured, headers, status):
    assert measured.get("/metrics", headers=headers).status_code == status


def test_without_a_token_in_the_settings_there_is_no_such_page(client):
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
