"""Health checks: the clock's last tick, overdue slots, the backlog of mails."""

import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, column, func, inspect, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.base import replica
from crm.base.enums import LabeledEnum
from crm.base.outbox import Message, State
from crm.base.remembered import remembered_long
from crm.base.shipped import MIGRATIONS
from crm.base.value_class import value_class
from crm.jobs import lease, ledger
from crm.jobs.delivery_hold import hold_of
from crm.jobs.pausing import pauses
from crm.jobs.timetable import JOBS, ON_TIME, JobName, Slot
from crm.quotas.queries import working_calendar

VERSIONS = table("alembic_version", column("version_num"))
LONGEST_SILENCE = timedelta(minutes=5)  # ten ticks, or three leases
SLOW = timedelta(hours=1)
STUCK = timedelta(days=1)
UNDER_WAY = (State.PENDING, State.SENDING, State.AMBIGUOUS)
FOR_A_PERSON = (State.FAILED, State.HELD)


class Health(LabeledEnum):
    """The health of a part of the system."""

    OK = "ok", "正常"
    WARN = "warn", "注意"
    FAIL = "fail", "异常"


@value_class
class Pulse:
    """The clock's last tick."""

    has_ticked: bool
    silent_for: timedelta | None  # since the last tick or the installation; None: not installed

    @property
    def health(self) -> Health:
        """Fails where no node ticked within the last minutes."""
        silent = self.silent_for is None or self.silent_for > LONGEST_SILENCE
        return Health.FAIL if silent else Health.OK


@value_class
class Pile:
    """The number of messages in one state, and the age of the oldest."""

    count: int = 0
    oldest: timedelta | None = None


@value_class
class Backlog:
    """The messages that are not sent or skipped."""

    piles: Mapping[State, Pile]

    @property
    def waiting(self) -> int:
        return sum(self.piles[state].count for state in UNDER_WAY)

    @property
    def oldest(self) -> timedelta | None:
        """The age of the oldest waiting message."""
        return max(filter(None, (self.piles[state].oldest for state in UNDER_WAY)), default=None)

    @property
    def for_a_person(self) -> int:
        """How many are not sent unless a person resends them."""
        return sum(self.piles[state].count for state in FOR_A_PERSON)

    @property
    def health(self) -> Health:
        """Fails after a day's wait; warns after an hour's, or where a message needs a person."""
        oldest = self.oldest or timedelta(0)
        if oldest > STUCK:
            return Health.FAIL
        return Health.WARN if oldest > SLOW or self.for_a_person else Health.OK


@value_class
class Standstill:
    """What keeps work from being done: a silent clock, an overdue slot, a pause, held delivery."""

    silent_for: timedelta | None
    overdue: Slot | None
    paused: Sequence[str] = ()  # jobs, by their Chinese names
    held: str | None = None  # why delivery is held

    @property
    def job(self) -> str:
        """The label of the overdue job."""
        return JobName(self.overdue.job.name).label if self.overdue else ""


def pulse(db: Session, *, now: datetime) -> Pulse:
    """The last tick of the leading node, known from its lease."""
    # The lease is in the database, so any process of any node can tell.
    if (silence := lease.silent_for(db)) is not None:
        return Pulse(has_ticked=True, silent_for=silence)
    if (installed_at := ledger.installed_at(db)) is None:
        return Pulse(has_ticked=False, silent_for=None)
    return Pulse(has_ticked=False, silent_for=max(now - installed_at, timedelta(0)))


def overdue(db: Session, *, now: datetime, paused: Collection[str] | None = None) -> list[Slot]:
    """The slots that were due at least ten minutes ago, the oldest first.

    `paused`: the names of the paused jobs, where the caller has read them.
    """
    return ledger.due(db, JOBS, working_calendar(db), until=now - ON_TIME, paused=paused)


def standstill(db: Session, *, now: datetime) -> Standstill | None:
    """Why an installed clock stands still or delivery is held; None while all runs."""
    last_pulse = pulse(db, now=now)
    if last_pulse.silent_for is None:
        return None
    silent_for = last_pulse.silent_for if last_pulse.health is Health.FAIL else None
    paused_jobs = remembered_long(db, "paused jobs", read=lambda: list(pauses(db)))
    first = next(iter(overdue(db, now=now, paused=paused_jobs)), None)

    held = remembered_long(db, "delivery hold", read=lambda: why_held(db))
    if not (silent_for or first or paused_jobs or held):
        return None
    return Standstill(silent_for, first, [JobName(name).label for name in paused_jobs], held)


def why_held(db: Session) -> str | None:
    """Why delivery is held; None where it is not."""
    found = hold_of(db)
    return found.why if found else None


def paused(db: Session) -> list[str]:
    """The labels of the paused jobs."""
    return [JobName(name).label for name in pauses(db)]


def backlog(db: Session, *, now: datetime) -> Backlog:
    """The messages that are not sent or skipped, by state."""
    query = (
        select(Message.state, func.count(), func.min(Message.made_at))
        .where(Message.state.in_((*UNDER_WAY, *FOR_A_PERSON)))
        .group_by(Message.state)
    )
    found = {
        state: Pile(count, max(now - made_at, timedelta(0)))
        for state, count, made_at in db.execute(query)
    }
    return Backlog({state: found.get(state, Pile()) for state in (*UNDER_WAY, *FOR_A_PERSON)})


def replica_lag(engine: Engine) -> tuple[Health, timedelta | None]:
    """The replica's lag; only a warning, because pages are then read from the primary."""
    try:
        with Session(engine) as db:
            behind = replica.lag(db)
    except DBAPIError:
        return Health.WARN, None
    is_behind = behind is None or behind > replica.LONGEST_LAG
    return Health.WARN if is_behind else Health.OK, behind


@cache
def _newest() -> str:
    """The newest migration, by the names of the files: Alembic would have to load all of them."""
    return max(path.stem.partition("_")[0] for path in MIGRATIONS.glob("[0-9]*.py"))


def is_migrated(db: Session) -> bool:
    """Whether the tables are at this version's migration."""
    if not inspect(db.connection()).has_table(VERSIONS.name):
        return False
    return list(db.scalars(select(VERSIONS.c.version_num))) == [_newest()]


def is_read_only(db: Session) -> bool:
    """Whether nothing can be saved: a standby server, a setting, a read-only file."""
    if db.get_bind().dialect.name == "postgresql":
        return bool(db.scalar(text("SHOW transaction_read_only")) == "on")
    # SQLite says so only when it is written to
    file = db.connection().engine.url.database
    return file is not None and not os.access(file, os.W_OK)


def has_file(engine: Engine) -> bool:
    """Whether SQLite's file exists; connecting to a missing one would create it."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    return file is None or Path(file).exists()
