"""`python -m bench.lock_times serve …` is `crm serve …`, and notes how long writers were held up.

On SQLite that is from BEGIN IMMEDIATE to the end of the transaction; on PostgreSQL from when a
transaction holds the end of the audit chain, for which every other change waits, to its end.
Beside it stands the processor time of that, which a busy machine does not lengthen. Where all of it
is one message to the server, the server's clock measures, and no thread here takes any.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from crm.base.clock import monotonic
from crm.base.one_message import COMMIT, EARLY, SEPARATOR
from crm.cli import import_worker, main

HELD = "held since"
IMPORTS = "imports"  # in place of a command: the process that the clock starts for them
TAKES_LOCK = ("BEGIN IMMEDIATE", "INSERT INTO audit_head")
CLOCK = "SELECT clock_timestamp()"


@dataclass(frozen=True, slots=True, order=True)
class LockTime:
    """How long a transaction held the lock, in milliseconds."""

    held: float
    processor: float


def file_in(folder: Path) -> Path:
    """Where the times are written, a line each."""
    return folder / "lock-times.txt"


def times_in(folder: Path) -> list[LockTime]:
    """The times in order of length; the file begins anew."""
    lines = file_in(folder).read_text().splitlines()
    os.truncate(file_in(folder), 0)
    return sorted(LockTime(*map(float, line.split())) for line in lines)


def _with_clocks(statement: str) -> str:
    """A message of `crm.base.one_message` that also asks when the lock is granted and ends."""
    if f"{SEPARATOR}{COMMIT}" not in statement:
        return statement
    parts = statement.split(SEPARATOR)
    held, end = parts.index(EARLY) + 2, parts.index(COMMIT)  # the first step takes it
    timed = (*parts[:held], CLOCK, *parts[held : end + 1], CLOCK, *parts[end + 1 :])
    return SEPARATOR.join(timed)


def _clocks(cursor: Any) -> list[datetime]:
    rows = [row for result in cursor.results() if result.description for row in result]
    cursor.set_result(0)
    return [value for value, *_ in rows if isinstance(value, datetime)]


def listen(note: Callable[[LockTime], object]) -> None:
    """Note each transaction of this process that held the lock."""

    def write(held: float, processor: float) -> None:
        note(LockTime(held * 1000, processor * 1000))

    def ask(*sent: Any) -> tuple[str, Any]:
        return _with_clocks(sent[2]), sent[3]

    def begin(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if CLOCK in statement:
            granted, ended = _clocks(cursor)
            write((ended - granted).total_seconds(), 0)
        elif statement.startswith(TAKES_LOCK):
            connection.info.setdefault(HELD, (monotonic(), time.thread_time()))

    def end(_connection: Any, record: Any) -> None:
        if since := record.info.pop(HELD, None):
            write(monotonic() - since[0], time.thread_time() - since[1])

    event.listen(Engine, "before_cursor_execute", ask, retval=True)
    event.listen(Engine, "after_cursor_execute", begin)
    event.listen(Pool, "checkin", end)


if __name__ == "__main__":
    path = file_in(Path(os.environ["CRM_DATA"]))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    listen(lambda took: os.write(file, b"%.3f %.3f\n" % (took.held, took.processor)))
    import_worker.COMMAND = (sys.executable, "-m", "bench.lock_times", IMPORTS)
    import_worker.main() if sys.argv[1:] == [IMPORTS] else main()
