"""Long imports in a process of their own, whose memory goes with it.

Beside it pages keep Python's lock for themselves: while a table was checked and kept by a thread,
both waited for it most of the time.
"""

from collections.abc import Callable
from datetime import datetime
from subprocess import Popen, TimeoutExpired
from time import sleep

from sqlalchemy.orm import Session, sessionmaker

from crm.base.logs import structlog
from crm.jobs import clock_check
from crm.jobs.importing import Importer, rows_waiting
from crm.jobs.write_yield import WriteYield

MOST_IN_THREAD = 5_000  # rows: a process takes as long to start as they do
LOOK_SECONDS = 0.3  # between two looks whether it has ended
STOPS_WITHIN_SECONDS = 5  # once it is told to; what it has not committed is done again
Start = Callable[[], Popen[bytes]]
GoesOn = Callable[[], bool]

log = structlog.get_logger()


def work_on_imports(
    sessions: sessionmaker[Session], now: Callable[[], datetime], may_go_on: GoesOn
) -> None:
    """Check, keep and take back the tables that wait, in this process."""
    write_yield = WriteYield(sessions)
    is_trusted = clock_check.TrustCheck(sessions)

    def goes_on() -> bool:
        write_yield.pause_if_due()
        return may_go_on() and is_trusted()

    Importer(sessions, now, write_yield).work(goes_on)


def work_on_long_imports(
    sessions: sessionmaker[Session],
    now: Callable[[], datetime],
    may_go_on: GoesOn,
    start: Start,
) -> None:
    """Work on the tables that wait, by the process that `start` starts where they are long.

    Where it fails this one does the work, as what keeps it from starting need not be a fault of
    the table. A table on which a process died is leased to it for a while, and then taken up.
    """
    if not (may_go_on() and (rows := rows_waiting(sessions, now()))):
        return
    if rows > MOST_IN_THREAD and _has_worked(start, may_go_on):
        return
    work_on_imports(sessions, now, may_go_on)


def _has_worked(start: Start, may_go_on: GoesOn) -> bool:
    """Whether a process did the work, or was ended with us."""
    try:
        status = _run(start(), may_go_on)
    except OSError:  # there is no memory for another process
        log.exception("import.process_failed")
        return False
    if status and may_go_on():
        log.error("import.process_failed", status=status)
        return False
    return True


def _run(process: Popen[bytes], may_go_on: GoesOn) -> int:
    """Wait for the end of the process, and return its status; end it where we stop."""
    while process.poll() is None:
        if not may_go_on():
            process.terminate()
            try:
                return process.wait(STOPS_WITHIN_SECONDS)
            except TimeoutExpired:
                process.kill()
                return process.wait()
        sleep(LOOK_SECONDS)
    return process.returncode
