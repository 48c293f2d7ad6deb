"""A zone in a database that the real commands work on, and what lies in it afterwards."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.base.outbox import Message, MessageKind, State
from crm.base.periods import DAY
from crm.jobs import ledger
from crm.jobs.mime import mime_of
from crm.jobs.models import JobRun
from crm.jobs.timetable import JOBS, JobName, Slot
from crm.quotas.queries import working_calendar
from tests.databases import SECRET, sessions_of
from tests.faults import running
from tests.faults.arranged import Arranged, Arrangement
from tests.faults.running import Running

SENDER = "招商系统 <crm@crm.test>"
BASE_URL = "https://crm.test"
Row = dict[str, object]
Summary = dict[str, dict[str, Any]]  # by job: done, skipped, made
Received = tuple[str, bytes]  # by whom, and the mail


# The jobs whose mails have another name than theirs.
MADE_BY = {MessageKind.REMINDER: JobName.FREEZE, MessageKind.ORDER: JobName.ESCALATE}


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
        return sorted(key for key in self.keys if "-digest:" in key)

    @property
    def mails(self) -> list[Received]:
        """What goes out, and to whom."""
        return sorted(
            (message["recipient"], message["mime"])
            for message in self.messages
            if message["recipient"]
        )

    def up_to(self, day: str) -> "Rows":
        """What there was at that day's end."""
        end = at_civil(date.fromisoformat(day) + DAY)
        return self.after(sum(run["due_at"] < end for run in self.runs))

    def after(self, number: int) -> "Rows":
        """What there was after that many runs."""
        runs = self.runs[:number]
        lived = {(run["job"], run["due_at"]) for run in runs}
        messages = [
            message
            for message in self.messages
            if (MADE_BY.get(message["kind"], message["kind"]), message["made_at"]) in lived
        ]
        return Rows(runs, messages)


@dataclass(frozen=True)
class Zone:
    """A zone in a database of its own, with a folder for what its processes say."""

    url: str
    folder: Path

    def start(self, *words: str, **settings: str) -> Running:
        """Start `crm …` as a user does."""
        return running.start(words, self.environment(settings), self._desk())

    def fork(
        self,
        *words: str,
        death: Arrangement | None = None,
        arranged: Arranged = (),
        **settings: str,
    ) -> Running:
        """Start `crm …` in a fork, which may be bound to die."""
        return running.fork(
            words,
            self.environment(settings),
            self._desk(),
            (death, *arranged) if death else arranged,
        )

    def crm(self, *words: str, **settings: str) -> bytes:
        """Run `crm …` to its good end; what it printed."""
        return self.fork(*words, **settings).ended()

    def live(self, until: str, *words: str, **settings: str) -> Summary:
        """Run the clock up to that day's end; what it says of it."""
        return json.loads(self.crm("clock", "run", "--until", until, *words, **settings))

    def let_an_hour_pass(self) -> None:
        """Make what waits in the outbox an hour older, rather than wait."""
        hour = timedelta(hours=1)
        with self.session() as db, db.begin():
            for message in db.scalars(select(Message).where(Message.sent_at.is_(None))):
                message.due_at -= hour
                if message.claimed_until:
                    message.claimed_until -= hour

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, from outside."""
        with self.session() as db:
            return [tuple(row) for row in db.execute(text(statement))]

    def change(self, statement: str) -> None:
        """Change its rows from outside."""
        with self.session() as db, db.begin():
            db.execute(text(statement))

    def count_runs(self) -> int:
        """How many slots are done."""
        with self.session() as db:
            return (db.scalar(select(func.count()).select_from(JobRun)) or 1) - 1

    @property
    def kind(self) -> str:
        """The kind of its database."""
        return self.url.partition(":")[0].partition("+")[0]

    def due(self, moment: datetime) -> list[Slot]:
        """The slots that are due by then and not done."""
        with self.session() as db:
            return ledger.due(db, JOBS, working_calendar(db), until=moment)

    def messages(self) -> list[Message]:
        """The outbox."""
        with self.session() as db:
            return list(db.scalars(select(Message).order_by(Message.id)))

    def states(self) -> set[State]:
        """The states in which there are messages."""
        with self.session() as db:
            return set(db.scalars(select(Message.state).distinct()))

    def rows(self) -> Rows:
        """All that the clock left."""
        with self.session() as db:
            runs = [_row(run) for run in db.scalars(select(JobRun).order_by(JobRun.id))]
            messages = [
                _row(message) | {"mime": mime_of(message, sender=SENDER)}
                for message in db.scalars(select(Message).order_by(Message.id))
            ]
        return Rows(runs[1:], messages)  # the first is the installation

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session for a look from outside: all that it reads is of one moment."""
        maker = sessions_of(self.url)
        with maker.kw["bind"].connect() as connection:
            yield Session(connection.execution_options(isolation_level="SERIALIZABLE"))
        maker.kw["bind"].dispose()

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        """The settings of a process of this zone."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
        return own | {
            "CRM_DATABASE_URL": self.url,
            "CRM_SECRET_KEY": SECRET,
            "CRM_BASE_URL": BASE_URL,
            "CRM_MAIL_FROM": SENDER,
            "CRM_MAIL_PER_MINUTE": "0",
            **settings,
        }

    def _desk(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))


@dataclass(frozen=True, slots=True)
class Lived:
    """A zone with what the clock did in it."""

    zone: Zone
    summary: Summary
    rows: Rows
    received: list[Received]  # by the mail server that the settings name


def _row(row: JobRun | Message) -> Row:
    names = row.__mapper__.column_attrs.keys()
    return {name: getattr(row, name) for name in names if name != "id"}
