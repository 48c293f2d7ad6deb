"""Killing a `crm clock run` in the middle."""

import time

from tests.faults.facts import FIRST_DAYS, JUNE
from tests.faults.running import LONGEST_SECONDS, Running
from tests.faults.victim import Death, Moment
from tests.faults.zone import Rows, Zone

RUN = ("clock", "run", "--until", JUNE)
SHORT = ("clock", "run", "--until", FIRST_DAYS)
POLL_SECONDS = 0.005


def kill_at(zone: Zone, moment: Moment, number: int, *, run: tuple[str, ...] = RUN) -> None:
    """Let a run die by itself at that moment, when it comes for the N-th time."""
    zone.fork(*run, death=Death(moment, number)).see_killed()


def kill_after(zone: Zone, victim: Running, *, slots: int, seconds: float = 0) -> None:
    """Kill a run so long after so many slots are in the ledger, wherever it then is."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while zone.count_runs() < slots and not victim.is_over() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    victim.is_over(within=seconds)
    victim.kill()
    victim.see_killed()


def is_whole(rows: Rows, undisturbed: Rows) -> bool:
    """Whether what a killed run left is that of the first so many slots, not of a part of one."""
    return len(rows.runs) < len(undisturbed.runs) and rows == undisturbed.after(len(rows.runs))
