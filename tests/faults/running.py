"""Processes of `crm`: started as a user starts them, or forked from one that has imported it.

Importing takes longer than a month of the clock; what is forked is a process all the same, with a
memory, connections and a death of its own.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crm.cli import backup, clock, deliver, doctor, imports, init, main, outbox, serve
from tests.faults.arranged import Arranged

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 1200  # of one command, a leap year on a machine that does much else
# or each fork would have to
LOADED = (backup, clock, deliver, doctor, imports, init, outbox, serve)
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["pytest", __name__, "tests.faults.warm"])
_alive: "list[Running]" = []


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it wrote."""

    status: int | None
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Running:
    """A process on its way, whose words go to files."""

    process: subprocess.Popen[bytes] | multiprocessing.process.BaseProcess
    printed: Path
    log: Path

    def ended(self) -> bytes:
        """Wait for its good end; what it printed."""
        assert self._status() == 0, self.log.read_text()
        return self.printed.read_bytes()

    def see_killed(self) -> None:
        """See that it did not come to its end by itself."""
        assert self._status() == -signal.SIGKILL, self.log.read_text()

    def is_over(self, within: float = 0) -> bool:
        """Whether it has come to its end, or does so within some seconds."""
        if isinstance(self.process, subprocess.Popen):
            try:
                self.process.wait(within)
            except subprocess.TimeoutExpired:
                return False
            return True
        self.process.join(within)
        return self.process.exitcode is not None

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.process.kill()

    def send(self, sign: signal.Signals) -> None:
        """Send it a signal."""
        if not self.is_over():
            os.kill(self.pid, sign)

    def refused(self) -> str:
        """Wait for its end with exit code 1; what it said."""
        assert self._status() == 1, self.says
        return self.says

    def end(self) -> Ended:
        """Wait for its end, whatever the exit code."""
        return Ended(self._status(), self.printed.read_text(), self.says)

    def terminated(self, within: float) -> int | None:
        """Send SIGTERM; the exit code, or `None` if it is still running after so many seconds."""
        self.send(signal.SIGTERM)
        return self._status() if self.is_over(within) else None

    def is_stopped(self) -> bool:
        """Whether it stands still after a SIGSTOP."""
        state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    @property
    def says(self) -> str:
        """What it has said so far, its log among it."""
        return self.log.read_text() if self.log.exists() else ""

    def _status(self) -> int | None:
        if not self.is_over(LONGEST_SECONDS):
            self.kill()
            self.is_over(LONGEST_SECONDS)
            return None
        if isinstance(self.process, subprocess.Popen):
            return self.process.returncode
        return self.process.exitcode


def start(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> Running:
    """Start `crm …` as a user does."""
    printed, log = folder / "printed", folder / "log"
    command = [sys.executable, "-m", "crm.cli", *words]
    with printed.open("wb") as out, log.open("wb") as err:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=err)
    return Running(process, printed, log)


def fork(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, arranged: Arranged
) -> Running:
    """Start `crm …` in a fork."""
    printed, log = folder / "printed", folder / "log"
    process = forks.Process(target=_become, args=(words, environment, printed, log, arranged))
    process.start()
    _alive.append(Running(process, printed, log))
    return _alive[-1]


def bury() -> None:
    """End whatever was forked and still lives, stopped ones among it."""
    while _alive:
        left = _alive.pop()
        left.kill()
        left.is_over(LONGEST_SECONDS)


def _become(
    words: Sequence[str],
    environment: Mapping[str, str],
    printed: Path,
    log: Path,
    arranged: Arranged,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((1, printed), (2, log)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    for each in arranged:
        each.arrange()
    main(list(words))
