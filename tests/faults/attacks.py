"""Killing a `crm clock run` in the middle."""

import signal
import subprocess
import time
from contextlib import suppress

from sqlalchemy import func, select

from crm.jobs.models import JobRun
from tests.faults.facts import JUNE
from tests.faults.victim import Moment
from tests.faults.zone import LONGEST_SECONDS, Rows, Zone

RUN = ("clock", "run", "--until", JUNE)
POLL_SECONDS = 0.005


def kill_at(zone: Zone, moment: Moment, number: int, *words: str, **settings: str) -> None:
    """Let a run die by itself at that moment, when it comes for the N-th time."""
    arguments = (moment.value, str(number), *(words or RUN))
    see_killed(zone.start(*arguments, module="tests.faults.victim", **settings))


def kill_after(zone: Zone, slots: int, seconds: float = 0) -> None:
    """Kill a run so long after that many more slots are done, wherever it then is."""
    wanted = _runs(zone) + slots
    victim = zone.start(*RUN)
    deadline = time.monotonic() + LONGEST_SECONDS
    while _runs(zone) < wanted and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    with suppress(subprocess.TimeoutExpired):
        victim.wait(seconds)
    victim.kill()
    see_killed(victim)


def see_killed(victim: subprocess.Popen[bytes]) -> None:
    """See that it did not come to its end by itself."""
    _, told = victim.communicate(timeout=LONGEST_SECONDS)
    assert victim.returncode == -signal.SIGKILL, told.decode()


def is_whole(rows: Rows, undisturbed: Rows) -> bool:
    """Whether what a killed run left is that of the first so many slots, not of a part of one."""
    return len(rows.runs) < len(undisturbed.runs) and rows == undisturbed.after(len(rows.runs))


def _runs(zone: Zone) -> int:
    with zone.session() as db:
        return db.scalar(select(func.count()).select_from(JobRun)) or 0
