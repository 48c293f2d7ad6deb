"""`crm deliver` as a process of its own: it outlives a database that drops out."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.base.outbox import State
from tests.databases import SECRET, Kept, administer
from tests.factories import LONG_AGO
from tests.jobs.mail import post_office, write
from tests.jobs.work import messages

WITHIN_SECONDS = 40
# `crm deliver`, with a shorter pause between two rounds
HASTY = "from crm.cli import deliver, main; deliver.PAUSE_SECONDS = 0.2; main(['deliver'])"


class Worker:
    """The process, with what it logs."""

    def __init__(self, url: str, mail: str, folder: Path) -> None:
        self.log = folder / "log"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
        own = {"CRM_DATABASE_URL": url, "CRM_MAIL": mail, "CRM_SECRET_KEY": SECRET}
        with self.log.open("wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HASTY], env=clean | own, stderr=told
            )

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.log.read_text().splitlines()]

    def says(self, event: str, times: int = 1) -> bool:
        """Whether it comes to log this, so often, in time."""
        deadline = time.monotonic() + WITHIN_SECONDS
        while self.events().count(event) < times and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.events().count(event) >= times

    def ended(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


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
def worker(postgres, office, tmp_path):
    worker = Worker(postgres.url, office.url, tmp_path)
    yield worker
    worker.process.kill()
    worker.process.wait()


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


def test_without_a_database_at_the_start_it_says_so(postgres, tmp_path):
    take_away(postgres)

    worker = Worker(postgres.url, "mailbox", tmp_path)

    assert worker.process.wait(30) == 1
    assert "数据库无法使用" in worker.log.read_text()
    give_back(postgres)
