"""`crm serve` with several workers, each with a clock of its own, one of which is killed."""

import json
import os
import signal

from crm.base.outbox import State
from tests.faults.arranged import Clocks, Haste, OfUse, off_from
from tests.faults.crew import crew, wait_until
from tests.faults.storm import fair
from tests.faults.visitor import Visitor, free_port
from tests.jobs.work import at

BEGINNING = at("2026-06-01T00:00")


def nodes(says: str) -> list[int]:
    """The processes with a clock, as their logs name them."""
    lines = [json.loads(line) for line in says.splitlines() if '"clock.started"' in line]
    return [int(line["holder"].split(":")[-2]) for line in lines]


def test_three_workers_with_a_clock_each_do_everything_once(zone, june, tmp_path):
    hand = tmp_path / "hand"
    hand.write_text(BEGINNING.isoformat())
    clocks = Clocks(off_from(at("2026-07-15T10:00")), hand=hand)
    visitor = Visitor(free_port())
    with (
        fair() as office,
        crew(zone, clocks, Haste(answer_seconds=20), OfUse(), CRM_MAIL=office.url) as runs,
    ):
        server = runs.start("serve", "--workers", "3", "--port", str(visitor.port))
        wait_until(lambda: len(nodes(server.says)) == 3, else_tell=lambda: server.says)
        for moment in ("2026-06-01T07:31", "2026-06-01T12:01", "2026-06-02T12:01"):
            hand.write_text(at(moment).isoformat())
            wait_until(lambda moment=moment: not zone.due(at(moment)), else_tell=lambda: runs.says)
        wait_until(lambda: zone.states() == {State.SENT})  # who dies in DATA leaves a nudge held
        os.kill(nodes(server.says)[0], signal.SIGKILL)
        wait_until(lambda: len(nodes(server.says)) == 4, else_tell=lambda: server.says)
        hand.write_text(at("2026-06-03T12:01").isoformat())
        wait_until(lambda: not zone.due(at("2026-06-03T12:01")), else_tell=lambda: runs.says)
        wait_until(lambda: zone.states() == {State.SENT}, else_tell=lambda: runs.says)
        answered = visitor.get("/login")[0]
        runs.dismiss()

    lived, should = zone.rows(), june.rows.after(zone.count_runs())
    assert answered == 200
    assert slots(lived) == slots(should)
    assert lived.digests == should.digests
    assert set(office.got.values()) == {1}
    assert len(office.got) == len(lived.mails)


def slots(rows):
    return sorted((run["job"], run["slot"]) for run in rows.runs)
