"""A process that adds entries to the audit trail in threads, or dies while it holds its end."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess

from crm.base.audit import coming_from, record
from crm.base.audit_chain import hold_position
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import sessions_of
from tests.factories import make_person
from tests.faults.running import forks

THREADS, CHANGES = 4, 9
ENTRIES = THREADS * (CHANGES + CHANGES // 3)


def fork_writer(url: str) -> BaseProcess:
    process = forks.Process(target=_add, args=(url,))
    process.start()
    return process


def fork_victim(url: str) -> BaseProcess:
    process = forks.Process(target=_die_with_the_lock, args=(url,))
    process.start()
    return process


def _add(url: str) -> None:
    sessions = sessions_of(url)

    def change(number: int) -> None:
        with coming_from("127.0.0.1"), transaction(sessions) as db:
            for place in range(2 if number % 3 == 0 else 1):
                name = f"of-{os.getpid()}-{number}-{place}"
                person = make_person(db, name, duty=None)
                record(db, "person.added", person, by=None, at=NOW, after={"name": name})

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(change, range(THREADS * CHANGES)))


def _die_with_the_lock(url: str) -> None:
    with transaction(sessions_of(url)) as db:
        hold_position(db)
        os.kill(os.getpid(), signal.SIGKILL)
