"""Whether the clock can be trusted, checked before anything is done by it.

A machine whose clock leaps years ahead would freeze periods that have not come and mail digests of
them. So a node does nothing while its clock differs from the database's, or when the last tick is
longer ago than any downtime that nobody noticed; then a person confirms that the clock is right.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.db import database_now
from crm.base.enums import LabeledEnum
from crm.base.logs import structlog
from crm.base.value_class import value_class
from crm.jobs import lease
from crm.transactions import transaction

LARGEST_GAP = timedelta(hours=1)
ASK_AGAIN_SECONDS, LARGEST_DRIFT_SECONDS = 5, 1

log = structlog.get_logger()


class Reason(LabeledEnum):
    """Why a clock is not trusted, and what a person can do about it."""

    APART = (
        "apart",
        "本机时间与数据库服务器的时间相差一小时以上，定时任务和发信已暂停；请校准两边的时间，校准后自动恢复",
    )
    LEAP = (
        "leap",
        "距上次运行超过31天，定时任务和发信已暂停；请先核对系统时间，无误后运行 crm clock trust",
    )


@value_class
class Doubt:
    """Why the clock is not trusted, and by how much it is off."""

    reason: Reason
    off: timedelta


class UntrustedClockError(Exception):
    """Nothing may be done by this clock now."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt.reason.label)
        self.doubt = doubt


def find_doubt(db: Session, *, now: datetime) -> Doubt | None:
    """The reason not to trust the clock; None where it can be trusted."""
    if db.get_bind().dialect.name != "sqlite":  # SQLite has no clock but the machine's
        gap = abs(now - db.scalars(select(database_now(db))).one())
        if gap > LARGEST_GAP:
            return Doubt(Reason.APART, gap)

    silent_for = lease.silent_for(db)
    if silent_for and silent_for > lease.LONGEST_SILENCE:
        return Doubt(Reason.LEAP, silent_for)

    return None


def require_trusted(db: Session) -> None:
    """Raise `UntrustedClockError` where nothing may be done by the machine's clock."""
    if doubt := find_doubt(db, now=clock.now()):
        raise UntrustedClockError(doubt)


def is_trusted(sessions: sessionmaker[Session]) -> bool:
    """Whether anything may be done by the machine's clock; logs why not."""
    with sessions() as db:
        doubt = find_doubt(db, now=clock.now())
    if doubt:
        log_doubt(doubt)
    return doubt is None


class TrustCheck:
    """Whether the clock is trusted, asked before each mail.

    The database is asked again after some seconds, and at once where the clock has leapt since.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        self._trusted_at: tuple[datetime, float] | None = None  # the same by the monotonic clock

    def __call__(self) -> bool:
        if self._trusted_at and self._has_run_on(*self._trusted_at):
            return True
        now = clock.now(), clock.monotonic()
        is_ours = is_trusted(self._sessions)
        self._trusted_at = now if is_ours else None
        return is_ours

    @staticmethod
    def _has_run_on(now: datetime, seconds: float) -> bool:
        elapsed = clock.monotonic() - seconds
        drift = abs((clock.now() - now).total_seconds() - elapsed)
        return elapsed < ASK_AGAIN_SECONDS and drift < LARGEST_DRIFT_SECONDS


def log_doubt(doubt: Doubt) -> None:
    log.error("clock.doubted", why=doubt.reason.label, off=str(doubt.off))


def trust(sessions: sessionmaker[Session]) -> None:
    """Record that a person confirmed the clock; what was missed until now is taken up."""
    with transaction(sessions) as db:
        lease.reset_silence(db)
