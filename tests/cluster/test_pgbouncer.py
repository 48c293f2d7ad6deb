"""The application behind a PgBouncer in transaction mode, which hands no session to a client."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import make_url

from tests.cluster.pgbouncer import pgbouncer
from tests.faults.conftest import filled_at
from tests.faults.crew import crew, wait_until
from tests.faults.facts import FIRST_DAYS
from tests.faults.visitor import Visitor, free_port
from tests.faults.zone import Zone
from tests.postgres import Postgres

pytestmark = pytest.mark.cluster
# what the connections themselves would ask for, if a session were theirs
LIMITS = "lock_timeout", "idle_in_transaction_session_timeout"


@pytest.fixture(scope="module")
def server():
    with Postgres() as own:
        yield own


@pytest.fixture
def pooled(server, tmp_path):
    """The URL of an empty database behind the pooler."""
    name = f"pooled_{os.urandom(4).hex()}"
    server.ask(f"CREATE DATABASE {name}")
    for limit in LIMITS:
        server.ask(f"ALTER DATABASE {name} SET {limit} = '90s'")
    with pgbouncer(server, tmp_path) as url:
        yield f"{url}/{name}?prepare_threshold=none"


def test_the_clock_lives_some_days_as_without_a_pooler(server, pooled, tmp_path):
    server.ask("CREATE DATABASE direct")

    behind, before = (filled_at(url, tmp_path) for url in (pooled, f"{server.url}/direct"))

    assert behind.live(FIRST_DAYS) == before.live(FIRST_DAYS)
    assert behind.rows() == before.rows()


def test_pages_are_answered_over_fewer_connections_than_there_are_visitors(pooled, tmp_path):
    zone = filled_at(pooled, tmp_path)
    visitors = [Visitor(port) for port in [free_port()] * 12]
    with crew(zone, CRM_BASE_URL="http://127.0.0.1") as runs:
        runs.start("serve", "--workers", "2", "--port", str(visitors[0].port))
        wait_until(lambda: visitors[0].get("/login")[0] == 200, else_tell=lambda: runs.says)

        with ThreadPoolExecutor(len(visitors)) as threads:
            answers = set(threads.map(sign_in_often, visitors))
        runs.dismiss()

    assert answers <= {422, 429}  # a wrong password, or too many of them: never an error
    assert "Traceback" not in runs.says


def sign_in_often(visitor: Visitor) -> int:
    for _ in range(8):
        visitor.begin()
        answer = visitor.sign_in()
    return answer


def test_the_doctor_misses_limits_that_the_pooler_dropped(server, pooled, tmp_path):
    zone = Zone(pooled, tmp_path)
    zone.crm("init")
    with_limits = zone.crm("doctor").decode()

    server.ask(f"ALTER DATABASE {make_url(pooled).database} RESET ALL")
    server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> 'postgres'")
    without = zone.crm("doctor").decode()

    assert "lock_timeout" not in with_limits
    assert "没有 lock_timeout、idle_in_transaction_session_timeout" in without


def test_two_installations_at_once_wait_for_each_other_and_leave_no_lock(server, pooled, tmp_path):
    zone = Zone(pooled, tmp_path)

    both = [zone.start("init"), zone.start("init")]
    ended = [each.end().status for each in both]

    assert ended == [0, 0]
    assert server.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]
