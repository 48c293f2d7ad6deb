"""A process that is killed in the middle of its work; the tests of crashes start it.

`python -m tests.jobs.victim URL slot N` dies in its N-th slot, after that slot's messages were put
into the outbox and before it is committed; `… URL batch N` dies so in the N-th batch of a slot,
`… URL data PORT` between the SMTP server's answer and our mark, `… URL import N` right before the
N-th commit of its work on imports, and `… URL file N` right before that of a command's file.
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
from crm.jobs import file_import, importing, part_size
from crm.jobs.delivery import Deliverer
from crm.jobs.file_import import FileImport
from crm.jobs.importing import Importer
from crm.jobs.runner import Runner
from crm.jobs.smtp import SmtpServer
from crm.jobs.timetable import JOBS, JobName, Slot, Timing
from crm.visits.imports import check_visits
from tests.conftest import NOW
from tests.jobs.mail import SENDER
from tests.jobs.work import SITE, at, mail_everybody, mail_in_batches, runner_of

ROOT = Path(__file__).parents[2]
FILE_ROWS = 25
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
    importing.BATCH = importing.UNDO_BATCH = part_size.MOST = A_PART
    die_before_commit(last)
    Importer(sessions, lambda: at).work()


def keep_file_until_killed(sessions: sessionmaker[Session], last: int, at: datetime) -> None:
    file_import.BATCH = part_size.MOST = A_PART
    with sessions() as db:
        file = check_visits(db, content=file_of(FILE_ROWS), now=at)
    die_before_commit(last)
    FileImport(sessions, file, lambda: at).keep("visits.csv")


def die_before_commit(last: int) -> None:
    numbers = count(1)

    def end(db: Session) -> None:
        if not db.in_nested_transaction() and next(numbers) == last:
            die()

    event.listen(Session, "before_commit", end)


def file_of(rows: int) -> bytes:
    """A file of visits made in July, one a day, of the people and the lead of its tests."""
    head = (
        "ref,kind,channel,status,starts_at,ends_at,city,"
        "leader,participants,leads,logged_at,verdict,note"
    )
    lines = (
        f"V{number},outreach,in_person,done,2026-07-{number + 1:02}T09:00,"
        f"2026-07-{number + 1:02}T11:00,上海,shen,lin,L1,,confirmed,"
        for number in range(rows)
    )
    return "\n".join((head, *lines)).encode()


WORK = {
    "slot": live_until_killed,
    "batch": write_batches_until_killed,
    "data": deliver_until_killed,
}
IMPORTS = {"import": import_until_killed, "file": keep_file_until_killed}

if __name__ == "__main__":
    url, where, number, moment = sys.argv[1:]
    options = engine_options(url)
    maker = sessionmaker(create_engine(options.pop("url"), **options), expire_on_commit=False)
    if where in IMPORTS:
        IMPORTS[where](maker, int(number), datetime.fromisoformat(moment))
    else:
        WORK[where](maker, int(number))
