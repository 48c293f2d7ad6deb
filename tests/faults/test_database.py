"""A database that is locked, full, gone, restarted, or held by a process that was stopped."""

import os
import resource
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from crm.base.db import MISSING_FILE
from tests.faults.arranged import Clocks, Haste, NoRoom, off_from
from tests.faults.attacks import SHORT, is_whole
from tests.faults.conftest import filled_at
from tests.faults.crew import crew, wait_until
from tests.faults.facts import FIRST_DAYS
from tests.faults.victim import Death, Moment
from tests.faults.visitor import Visitor, free_port
from tests.faults.zone import Zone
from tests.jobs.work import at
from tests.postgres import Postgres

on_sqlite = pytest.mark.parametrize("kind", ["sqlite"], indirect=True, scope="session")
on_postgresql = pytest.mark.parametrize("kind", ["postgresql"], indirect=True, scope="session")
BOTH = [pytest.param(1, id="a second"), pytest.param(20, id="20 s", marks=pytest.mark.slow)]
PLAIN = {"CRM_BASE_URL": "http://127.0.0.1"}  # or cookies would want TLS
# two, as one entry alone is linked by the message that commits
ABSENT = """username,from,to,reason,kind
zhao,2026-06-03,2026-06-04,疗养,leave
zhao,2026-06-08,2026-06-09,疗养,leave
"""


class Hand:
    """The moment at which the timetable is, turned by the test."""

    def __init__(self, folder: Path, moment: str) -> None:
        self.file = folder / "hand"
        self.turn(moment)

    def turn(self, moment: str) -> None:
        self.moment = at(moment)
        self.file.write_text(self.moment.isoformat())

    @property
    def clocks(self) -> Clocks:
        return Clocks(off_from(at("2026-07-15T10:00")), hand=self.file)

    def wait(self, zone, runs) -> None:
        wait_until(lambda: not zone.due(self.moment), else_tell=lambda: runs.says)


@pytest.fixture
def hand(tmp_path):
    return Hand(tmp_path, "2026-06-01T00:00")


@pytest.fixture
def absent(tmp_path):
    file = tmp_path / "absences.csv"
    file.write_text(ABSENT, encoding="utf-8")
    return str(file)


def file_of(zone) -> Path:
    return Path(zone.url.removeprefix("sqlite:///"))


def serve(runs) -> Visitor:
    visitor = Visitor(free_port())
    runs.start("serve", "--port", str(visitor.port))
    wait_until(lambda: visitor.get("/login")[0] == 200, else_tell=lambda: runs.says)
    visitor.begin()
    return visitor


@on_sqlite
@pytest.mark.parametrize("seconds", BOTH)
def test_a_file_locked_for_long_stops_nobody_for_good(zone, hand, seconds):
    with crew(zone, hand.clocks, Haste(busy_seconds=seconds), **PLAIN) as runs:
        visitor = serve(runs)
        hand.wait(zone, runs)
        with closing(sqlite3.connect(file_of(zone), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            hand.turn("2026-06-01T07:45")
            read, wrote = visitor.get("/login"), visitor.sign_in()
            wait_until(lambda: "database is locked" in runs.says)
            other.execute("ROLLBACK")
        hand.wait(zone, runs)
        afterwards = visitor.sign_in()
        runs.dismiss()

    assert (read[0], wrote, afterwards) == (200, 503, 422)
    assert {message.state.value for message in zone.messages()} == {"sent"}


@on_sqlite
def test_a_full_disk_leaves_nothing_half_written_and_all_is_done_once_there_is_room(
    zone, june, hand
):
    with crew(zone, hand.clocks, Haste()) as runs:
        node = runs.start("clock")
        wait_until(lambda: ".started" in node.says)
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
        hand.turn("2026-06-03T00:00")
        wait_until(lambda: "disk" in node.says, else_tell=lambda: node.says)
        left = zone.rows()
        whole = zone.ask("PRAGMA integrity_check")
        resource.prlimit(
            node.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        hand.turn("2026-06-03T00:01")  # what failed is tried again a while later
        hand.wait(zone, runs)
        runs.dismiss()

    lived = zone.rows()
    assert whole == [("ok",)]
    assert left.keys == lived.keys[: len(left.keys)]
    assert len(left.runs) < len(lived.runs)
    assert lived.digests == [key for key in june.rows.digests if key in set(lived.keys)]
    assert sorted(run["slot"] for run in lived.runs) == sorted(
        run["slot"] for run in june.rows.runs[: len(lived.runs)]
    )


@on_sqlite
def test_a_command_on_a_full_disk_says_so_and_changes_nothing(zone, absent):
    before = zone.ask("SELECT count(*) FROM absence")
    text = zone.fork("import", "absences", absent, arranged=[NoRoom(16 * 1024)]).refused()

    assert text.startswith("数据库无法使用")
    assert "Traceback" not in text
    assert zone.ask("SELECT count(*) FROM absence") == before


@on_sqlite
def test_a_file_that_is_gone_is_told_of_and_none_is_made(zone, hand):
    file = file_of(zone)
    away = file.with_name("away")
    with crew(zone, hand.clocks, Haste(), **PLAIN) as runs:
        visitor = serve(runs)
        hand.wait(zone, runs)
        shutil.move(file, away)
        seen = visitor.get("/readyz")[0], visitor.sign_in()
        hand.turn("2026-06-02T07:45")
        wait_until(lambda: "数据库文件不存在" in runs.says, else_tell=lambda: runs.says)
        text = runs.start("clock", "show").refused()
        alone = runs.start("clock").refused()
        del runs.members[1:]
        was_made = file.exists()
        shutil.move(away, file)
        hand.wait(zone, runs)
        back = visitor.get("/login")[0], visitor.sign_in()
        runs.dismiss()

    assert seen == (503, 503)
    assert MISSING_FILE in text
    assert MISSING_FILE in alone
    assert not was_made
    assert back == (200, 422)


@pytest.mark.parametrize("words", [("clock",), ("deliver", "--once"), ("serve", "--port", "0")])
def test_without_a_file_no_command_but_init_makes_one(tmp_path, words):
    nowhere = Zone(f"sqlite:///{tmp_path}/crm.sqlite3", tmp_path)

    assert "crm init" in nowhere.fork(*words).refused()
    assert list(tmp_path.glob("crm.sqlite3*")) == []


@on_postgresql
@pytest.mark.parametrize(
    "sign",
    [
        pytest.param(signal.SIGQUIT, id="crash"),
        pytest.param(signal.SIGINT, id="fast", marks=pytest.mark.slow),
    ],
)
def test_a_server_restarted_in_mid_transaction_stops_nobody(june, hand, tmp_path, sign):
    with Postgres() as server:
        zone = filled_at(f"{server.url}/postgres", tmp_path)
        with crew(zone, hand.clocks, Haste(), **PLAIN) as runs:
            visitor = serve(runs)
            runs.start("clock")
            hand.turn("2026-06-10T23:00")
            wait_until(lambda: zone.count_runs() > 10, else_tell=lambda: runs.says)
            server.stop(sign)
            away = visitor.get("/readyz")[0], visitor.sign_in()
            wait_until(lambda: "clock.tick_failed" in runs.says, else_tell=lambda: runs.says)
            server.start()
            hand.wait(zone, runs)
            back = visitor.get("/login")[0], visitor.sign_in()
            runs.dismiss()
        lived = zone.rows()

    assert away == (503, 503)
    assert back == (200, 422)
    assert lived.digests == [key for key in june.rows.digests if key in set(lived.keys)]
    assert len(lived.digests) > 20
    assert sorted(run["slot"] for run in lived.runs) == sorted(
        run["slot"] for run in june.rows.after(len(lived.runs)).runs
    )


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param(signal.SIGKILL, id="killed"),
        pytest.param(signal.SIGCONT, id="woken", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "moment", [Moment.COMMIT, pytest.param(Moment.MARK, marks=pytest.mark.slow)]
)
def test_a_run_stopped_in_a_transaction_holds_up_others_until_its_end(zone, june, moment, sign):
    victim = zone.fork(*SHORT, death=Death(moment, 20, signal.SIGSTOP))
    wait_until(victim.is_stopped)
    left = zone.rows()
    other = zone.fork(*SHORT)
    other.is_over(1)
    os.kill(victim.pid, sign)
    other.ended()
    if sign is signal.SIGCONT:
        victim.ended()

    assert is_whole(left, june.rows)
    assert zone.rows() == june.rows.up_to(FIRST_DAYS)


def test_a_change_does_not_wait_for_ever_for_one_that_was_stopped(zone, absent):
    at_the_chain = Death(Moment.COMMIT, 1, signal.SIGSTOP)  # its link made, its lock held
    victim = zone.fork("import", "absences", absent, death=at_the_chain)
    wait_until(victim.is_stopped)
    text = zone.fork("import", "absences", absent, arranged=[Haste(busy_seconds=1)]).refused()
    victim.kill()
    victim.see_killed()
    zone.crm("import", "absences", absent)

    assert text.startswith("数据库无法使用")
    assert "Traceback" not in text
    zone.crm("audit", "verify")
