"""What `crm serve`, `crm clock` and `crm deliver` share: stop signals, waiting."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from crm.base.db import MOVED_MARK
from crm.base.db_faults import Fault, fault_of, first_line
from crm.base.errors import Refused
from crm.base.logs import structlog
from crm.cli.errors import RefusedError
from crm.jobs import health
from crm.jobs.backoff import wait_after

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=1)

log = structlog.get_logger()


@contextmanager
def stop_signal() -> Iterator[Event]:
    """An event that SIGTERM and SIGINT set inside the block."""
    stopped = Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in signals]
    yield stopped
    # for callers that go on after the block, as tests do
    for number, handler in zip(signals, before, strict=True):
        signal.signal(number, handler)


def wait_seconds(failures: int) -> int:
    """The wait after that many failures in a row."""
    wait = wait_after(failures, first=FIRST_WAIT)
    return int(min(wait, LONGEST_WAIT).total_seconds())


def wait_for_database(sessions: sessionmaker[Session], stopped: Event) -> bool:
    """Wait until the database answers; False where the process is stopped first.

    Refuses faults that waiting cannot mend: missing or outdated tables, a wrong password, a
    missing database or SQLite file.
    """
    failures = 0

    while not stopped.is_set():
        try:
            refuse_without_tables(sessions)
        except DBAPIError as error:
            if not is_worth_waiting(sessions, error):
                raise
            failures += 1
            wait = wait_seconds(failures)
            log.warning("database.away", error=first_line(error), next_try_in_seconds=wait)
            stopped.wait(wait)
        else:
            return True

    return False


def is_worth_waiting(sessions: sessionmaker[Session], error: DBAPIError) -> bool:
    """Whether the database may come back by itself: a server may, a file does not."""
    fault = fault_of(error)
    with sessions() as db:
        is_server = db.get_bind().dialect.name != "sqlite"
    return fault is Fault.BUSY or (is_server and fault is Fault.AWAY)


def refuse_without_tables(sessions: sessionmaker[Session]) -> None:
    """Refuse a database without tables, with tables of another version, or one moved away."""
    with sessions() as db:
        _refuse_moved(db)
        # tables of another version would fail later, and less clearly
        if not health.is_migrated(db):
            raise RefusedError(Fault.NO_TABLES.label)


def _refuse_moved(db: Session) -> None:
    file = db.get_bind().engine.url.database
    mark = Path(f"{file}{MOVED_MARK}")
    if db.get_bind().dialect.name == "sqlite" and mark.exists():
        raise Refused("database_moved", at=mark.read_text(encoding="utf-8").strip(), mark=mark)
