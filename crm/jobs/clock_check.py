"""Whether the clock can be believed, asked before anything is done by it.

A machine whose clock leaps years ahead would freeze periods that have not come and mail digests of
them. So a node does nothing while its clock stands apart from the database's, or when the last tick
lies further back than any downtime that nobody noticed; a person then says that the clock is right.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.db import database_now
from crm.base.enums import LabeledEnum
from crm.jobs import lease
from crm.transactions import transaction

LARGEST_GAP = timedelta(hours=1)

log = structlog.get_logger()


class Reason(LabeledEnum):
    """Why a clock is not believed, and what a person can do about it."""

    APART = (
        "apart",
        "本机时间与数据库服务器的时间相差一小时以上，定时任务和发信已暂停；请校准两边的时间，校准后自动恢复",
    )
    LEAP = (
        "leap",
        "距上次运行超过31天，定时任务和发信已暂停；请先核对系统时间，无误后运行 crm clock trust",
    )


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the clock is not believed, and by how much it is off."""

    reason: Reason
    off: timedelta


class DoubtfulClockError(Exception):
    """Nothing may be done by this clock now."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt.reason.label)
        self.doubt = doubt


def doubt(db: Session, *, now: datetime) -> Doubt | None:
    """Why the clock cannot be believed; none where it can."""
    if db.get_bind().dialect.name != "sqlite":  # which has no clock but the machine's
        gap = abs(now - db.scalars(select(database_now(db))).one())
        if gap > LARGEST_GAP:
            return Doubt(Reason.APART, gap)
    silence = lease.silence(db)
    if silence and silence > lease.LONGEST_BREAK:
        return Doubt(Reason.LEAP, silence)
    return None


def believe(db: Session) -> None:
    """Raise `DoubtfulClockError` where nothing may be done by the machine's clock."""
    if found := doubt(db, now=clock.now()):
        raise DoubtfulClockError(found)


def is_believed(sessions: sessionmaker[Session]) -> bool:
    """Whether anything may be done by the machine's clock; the log tells why not."""
    with sessions() as db:
        found = doubt(db, now=clock.now())
    if found:
        tell(found)
    return found is None


def tell(found: Doubt) -> None:
    """Tell the log why nothing is done."""
    log.error("clock.doubted", why=found.reason.label, off=str(found.off))


def resume(sessions: sessionmaker[Session]) -> None:
    """A person says that the clock is right: what was missed until now is taken up."""
    with transaction(sessions) as db:
        lease.end_silence(db)
