"""Starting what runs on and on: a database that is away is waited for, wrong settings are not."""

from threading import Event

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from crm.base.db_faults import Fault, fault_of, first_line
from crm.cli.base import RefusedError
from crm.jobs import health

LONGEST_WAIT_SECONDS = 60

log = structlog.get_logger()


def wait_seconds(failures: int) -> int:
    """How long to wait after so many failures running: it doubles, from a second on."""
    return int(min(2 ** (failures - 1), LONGEST_WAIT_SECONDS))


def wait_for_database(sessions: sessionmaker[Session], stopped: Event) -> bool:
    """Wait until the database answers; False where the process is told to stop before.

    Refused where waiting helps nobody: tables that are missing or older, a password that is not
    accepted, a database that does not exist, a SQLite file that is not there.
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
    """Whether the database may come back by itself; a file that cannot be opened does not."""
    fault = fault_of(error)
    with sessions() as db:
        is_server = db.get_bind().dialect.name != "sqlite"
    return fault is Fault.BUSY or (is_server and fault is Fault.AWAY)


def refuse_without_tables(sessions: sessionmaker[Session]) -> None:
    """Refuse a database whose tables are not those of this version."""
    with sessions() as db:
        if not health.is_migrated(db):
            raise RefusedError(Fault.NO_TABLES.label)
