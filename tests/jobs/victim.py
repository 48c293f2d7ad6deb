"""A process that is killed in the middle of its work; the tests of crashes start it.

`python -m tests.jobs.victim URL slot N` dies in its N-th slot, after that slot's messages were put
into the outbox and before it is committed; `… URL batch N` dies so in the N-th batch of a slot,
`… URL data PORT` between the SMTP server's answer and our mark, and `… URL import N` right before
the N-th commit of its work on imports.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from crm.base.batches import Batch
from crm.base.db import engine_options
from crm.base.mail import Site
from crm.jobs import importing, part_size
from crm.jobs.delivery import Deliverer
from crm.jobs.importing import Importer
from crm.jobs.runner import Runner
from crm.jobs.smtp import SmtpServer
from crm.jobs.timetable import JOBS, JobName, Slot, Timing
from tests.conftest import NOW
from tests.jobs.mail import SENDER
from tests.jobs.work import SITE, at, mail_everybody, mail_in_batches, runner_of

ROOT = Path(__file__).parents[2]
A_PART = 10  # rows of an import that are kept or taken back in one transaction
MARKS = 4  # the moments of a delivery: it settles, claims, begins DATA, and marks


def kill_in(url: str, where: str, number: int, at: datetime = NOW) -> None:
    """Start the victim, and see that it was killed; `at`: when it works on an import."""
    victim = [sys.executable, "-m", "tests.jobs.victim", url, where, str(number), at.isoformat()]
    process = subprocess.run(victim, cwd=ROOT, check=False, capture_output=True, timeout=60)
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def live_until_killed(sessions: sessionmaker[Session], last: int) -> None:
    numbers = count(1)

    def work(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
        made = mail_everybody(db, slot, timing, site)
        if next(numbers) == last:
            die()
        return made

    runner = runner_of(sessions, weekly_digest=work, monthly_digest=work, nudge=work)
    runner.run_until(at("2026-08-01T00:00"), to_mailbox=True)


def write_batches_until_killed(sessions: sessionmaker[Session], last: int) -> None:
    numbers = count(1)

    def batches(*args: object) -> Iterator[Batch]:
        for batch in mail_in_batches(*args):  # type: ignore[arg-type]

            def write(db: Session, batch: Batch = batch) -> Mapping[str, int]:
                made = batch.write(db)
                if next(numbers) == last:
                    die()
                return made

            yield replace(batch, write=write)

    weekly = [job for job in JOBS if job.name is JobName.WEEKLY_DIGEST]
    runner = Runner(sessions, SITE, weekly, {}, {JobName.WEEKLY_DIGEST: batches})
    runner.run_until(at("2026-07-20T07:30"), to_mailbox=False)


def deliver_until_killed(sessions: sessionmaker[Session], port: int) -> None:
    numbers = count(1)

    def now():
        if next(numbers) == MARKS:
            die()
        return NOW

    Deliverer(sessions, SmtpServer.parse(f"smtp://127.0.0.1:{port}"), SENDER, now).deliver_all()


def import_until_killed(sessions: sessionmaker[Session], last: int, at: datetime) -> None:
    numbers = count(1)
    importing.BATCH = importing.UNDO_BATCH = part_size.MOST = A_PART

    def end(db: Session) -> None:
        if not db.in_nested_transaction() and next(numbers) == last:
            die()

    event.listen(Session, "before_commit", end)
    Importer(sessions, lambda: at).work()


WORK = {
    "slot": live_until_killed,
    "batch": write_batches_until_killed,
    "data": deliver_until_killed,
}

if __name__ == "__main__":
    url, where, number, moment = sys.argv[1:]
    options = engine_options(url)
    maker = sessionmaker(create_engine(options.pop("url"), **options), expire_on_commit=False)
    if where == "import":
        import_until_killed(maker, int(number), datetime.fromisoformat(moment))
    else:
        WORK[where](maker, int(number))
