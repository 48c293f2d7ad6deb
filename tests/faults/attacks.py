"""Killing a `crm clock run` in the middle."""

import json
import time

from crm.jobs.models import RunState
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
    """Whether a killed run left whole slots, and of one still open whole batches."""
    number = len(rows.runs)
    if number and rows.runs[-1]["state"] == RunState.RUNNING:
        return _has_whole_batches(rows, undisturbed)
    return number < len(undisturbed.runs) and rows == undisturbed.after(number)


def _has_whole_batches(rows: Rows, undisturbed: Rows) -> bool:
    """Whether the last slot, which is open, left as many of its messages as it says it made."""
    *closed_runs, run = rows.runs
    before = undisturbed.after(len(closed_runs))
    finished = undisturbed.after(len(rows.runs))
    made = json.loads(str(run["made"] or "{}")).get("made", 0)
    same = ("job", "slot", "due_at", "attempts")

    return (
        closed_runs == before.runs
        and [run[name] for name in same] == [finished.runs[-1][name] for name in same]
        and rows.messages == finished.messages[: len(before.messages) + made]
    )
