"""`crm deliver` and `crm clock` as processes: they outlive a database that is away."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from crm.base.outbox import State
from crm.jobs import lease, ledger
from crm.jobs.models import Lease
from crm.transactions import transaction
from tests.databases import SECRET, Kept, administer
from tests.factories import LONG_AGO
from tests.faults.arranged import Pause
from tests.faults.running import Running
from tests.jobs.mail import post_office, write
from tests.jobs.work import at, messages

WITHIN_SECONDS = 40
SHORTER_PAUSE = (Pause(0.2),)


class Worker:
    """A forked process, with what it logs."""

    def __init__(self, process: Running) -> None:
        self.process = process

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.process.says.splitlines()]

    def says(self, event: str, times: int = 1) -> bool:
        """Whether it comes to log this, so often, in time."""
        deadline = time.monotonic() + WITHIN_SECONDS
        while self.events().count(event) < times and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.events().count(event) >= times

    def ended(self) -> int | None:
        return self.process.terminated(within=10)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Kept]:
    """A PostgreSQL database of the test's own, to be taken away and given back."""
    database = Kept("postgresql", tmp_path)
    yield database
    database.close()


@pytest.fixture
def office():
    with post_office() as office:
        yield office


@pytest.fixture
def start(fork, postgres):
    """Fork `crm …` on the PostgreSQL database, with a shorter pause between two deliveries."""

    def start(*words, mail="mailbox", url=postgres.url):
        own = {"CRM_DATABASE_URL": url, "CRM_MAIL": mail, "CRM_SECRET_KEY": SECRET}
        return Worker(fork(*words, arranged=SHORTER_PAUSE, **own))

    return start


@pytest.fixture
def worker(start, office):
    return start("deliver", mail=office.url)


def take_away(database: Kept) -> None:
    name = database.url.rpartition("/")[2]
    administer(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def give_back(database: Kept) -> None:
    administer(f"ALTER DATABASE {database.url.rpartition('/')[2]} ALLOW_CONNECTIONS true")


def test_a_database_that_drops_out_is_waited_for(postgres, office, worker):
    write(postgres.sessions, "li", at=LONG_AGO)
    assert worker.says("outbox.delivered")

    take_away(postgres)
    assert worker.says("deliver.failed", 2)
    give_back(postgres)
    write(postgres.sessions, "wang", at=LONG_AGO)

    assert worker.says("outbox.delivered", 2)
    assert office.recipients == ["li@crm.test", "wang@crm.test"]
    assert {message.state for message in messages(postgres.sessions)} == {State.SENT}
    assert worker.ended() == 0


def test_it_ends_when_told_while_the_database_is_away(postgres, worker):
    write(postgres.sessions, "li", at=LONG_AGO)
    assert worker.says("outbox.delivered")
    take_away(postgres)
    assert worker.says("deliver.failed", 1)

    assert worker.ended() == 0
    give_back(postgres)


@pytest.mark.parametrize("command", ["deliver", "clock"])
def test_a_database_that_is_away_at_the_start_is_waited_for(postgres, start, command):
    with transaction(postgres.sessions) as db:
        ledger.install(db, clock_from=at("2200-01-01T00:00"), now=LONG_AGO)
    take_away(postgres)
    worker = start(command)
    assert worker.says("database.away", 2)

    give_back(postgres)

    assert worker.says(f"{command}.started")
    assert worker.ended() == 0


def test_it_ends_when_told_while_it_waits_for_the_database(postgres, start):
    take_away(postgres)
    worker = start("deliver")
    assert worker.says("database.away")

    assert worker.ended() == 0
    give_back(postgres)


def test_pages_are_served_while_the_database_is_away_and_go_on_when_it_is_back(postgres, start):
    with transaction(postgres.sessions) as db:
        ledger.install(db, clock_from=at("2200-01-01T00:00"), now=LONG_AGO)
    port = free_port()
    take_away(postgres)
    worker = start("serve", "--port", str(port))

    assert answers(port, "fail")
    give_back(postgres)

    assert answers(port, "ok")
    assert worker.ended() == 0


@pytest.mark.usefixtures("believed")
def test_a_single_round_obeys_a_doubted_clock(crm, sessions):
    write(sessions, "li", at=LONG_AGO)
    with transaction(sessions) as db:
        lease.acquire(db, "a node of long ago")
        db.execute(update(Lease).values(expires_at=LONG_AGO))

    done = crm("deliver", "--once")

    assert (done.exit_code, "crm clock trust" in done.stderr) == (1, True)
    assert [message.state for message in messages(sessions)] == [State.PENDING]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, database: str) -> bool:
    """Whether /readyz comes to say this of the database, in time."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/readyz")
            if json.loads(connection.getresponse().read())["database"] == database:
                return True
        except OSError:  # it does not listen yet
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("command", ["deliver", "clock"])
@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (lambda url: f"{url}_that_is_not_there", "CRM_DATABASE_URL"),
        (lambda url: url.rpartition("/")[0] + "/postgres", "crm init"),
    ],
    ids=["no database", "no tables"],
)
def test_what_does_not_mend_itself_is_refused_at_the_start(
    postgres, start, command, wrong, expected
):
    worker = start(command, url=wrong(postgres.url))

    assert expected in worker.process.refused()
