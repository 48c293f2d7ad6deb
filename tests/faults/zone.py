"""A database that the real commands work on, and what lies in it afterwards."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.outbox import Message
from crm.jobs.mime import mime_of
from crm.jobs.models import JobRun
from tests.conftest import SECRET, sessions_of

ROOT = Path(__file__).parents[2]
SENDER = "招商系统 <crm@crm.test>"
BASE_URL = "https://crm.test"
LONGEST_SECONDS = 120  # of one command, on a machine that does much else
Received = tuple[str, bytes]  # by whom, and the mail
Row = dict[str, object]
Summary = dict[str, dict[str, Any]]  # by job: done, skipped, made


@dataclass(frozen=True, slots=True)
class Rows:
    """What the clock left in a database, without the numbers of the rows."""

    runs: list[Row]  # the ledger, in its order
    messages: list[Row]  # the outbox, in its order; `mime` is the mail as bytes

    @property
    def keys(self) -> list[str]:
        return [str(message["dedupe_key"]) for message in self.messages]

    @property
    def digests(self) -> list[str]:
        return sorted(key for key in self.keys if not key.startswith("nudge:"))

    def after(self, number: int) -> "Rows":
        """What there was after that many runs."""
        runs = self.runs[:number]
        lived = {(run["job"], run["due_at"]) for run in runs}
        return Rows(
            runs,
            [each for each in self.messages if (each["kind"].value, each["made_at"]) in lived],
        )


@dataclass(frozen=True)
class Zone:
    """A zone in a database of its own."""

    url: str

    def environment(self, **settings: str) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
        return own | {
            "CRM_DATABASE_URL": self.url,
            "CRM_SECRET_KEY": SECRET,
            "CRM_BASE_URL": BASE_URL,
            "CRM_MAIL_FROM": SENDER,
            **settings,
        }

    def start(
        self, *words: str, module: str = "crm.cli", **settings: str
    ) -> subprocess.Popen[bytes]:
        """Start a process of ours on it."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env=self.environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def crm(self, *words: str, **settings: str) -> bytes:
        """Run `crm …` to its good end; what it printed."""
        return ended(self.start(*words, **settings))

    def live(self, until: str, *words: str, **settings: str) -> Summary:
        """Run the clock up to that day's end; what it says of it."""
        return json.loads(self.crm("clock", "run", "--until", until, *words, **settings))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session for a look from outside: all that it reads is of one moment."""
        maker = sessions_of(self.url)
        with maker.kw["bind"].connect() as connection:
            yield Session(connection.execution_options(isolation_level="SERIALIZABLE"))
        maker.kw["bind"].dispose()

    def let_a_while_pass(self) -> None:
        """Let an hour pass for what waits in the outbox, rather than wait for it."""
        hour = timedelta(hours=1)
        with self.session() as db, db.begin():
            for message in db.scalars(select(Message).where(Message.sent_at.is_(None))):
                message.due_at -= hour
                if message.claimed_until:
                    message.claimed_until -= hour

    def rows(self) -> Rows:
        with self.session() as db:
            runs = [_row(run) for run in db.scalars(select(JobRun).order_by(JobRun.id))]
            messages = [
                _row(message) | {"mime": mime_of(message, sender=SENDER)}
                for message in db.scalars(select(Message).order_by(Message.id))
            ]
        return Rows(runs[1:], messages)  # the first is the installation


@dataclass(frozen=True, slots=True)
class Lived:
    """A zone with what the clock did in it."""

    zone: Zone
    summary: Summary
    rows: Rows
    received: list[Received]  # by the mail server that the settings name


def ended(process: subprocess.Popen[bytes]) -> bytes:
    """What a process printed that came to a good end."""
    printed, told = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 0, told.decode()
    return printed


def _row(row: JobRun | Message) -> Row:
    names = row.__mapper__.column_attrs.keys()
    return {name: getattr(row, name) for name in names if name != "id"}
