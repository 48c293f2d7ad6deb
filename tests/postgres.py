"""A private PostgreSQL for the tests, from the machine's binaries or from the wheel `pgserver`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg

FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "jit=off",  # compiling a query takes longer than running it on the few rows of a test
    "max_connections=100",
)


def _binaries() -> Path:
    """The machine's newest server of version 15 or later, else the wheel's."""
    found = sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin/postgres"), reverse=True)
    on_path = shutil.which("postgres")
    if found:
        return found[0].parent
    if on_path:
        return Path(on_path).resolve().parent
    wheel = find_spec("pgserver")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    sys.exit(
        "The tests need PostgreSQL 15+: install it, or use a Python that pgserver has a wheel for."
    )


def _as_nobody(home: Path, binaries: Path) -> tuple[dict[str, str], Path]:
    """PostgreSQL refuses root: run it as another user, from a place that this user can read."""
    if os.getuid() != 0:
        return {}, binaries
    if "site-packages" in binaries.parts:
        packages = binaries.parents[2]  # the wheel's libraries stand beside the package
        for part in packages.glob("pgserver*"):
            shutil.copytree(part, home / part.name, symlinks=True)
        binaries = home / binaries.relative_to(packages)
    home.chmod(0o755)
    return {"user": "nobody"}, binaries


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Postgres:
    """A server of its own, with an empty folder of its own, gone in the end."""

    def __init__(self, options: Sequence[str] = FAST) -> None:
        self._options = options

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="crm-pg-"))
        how, self._binaries = _as_nobody(self._home, _binaries())
        self._data, self.port = self._home / "data", _free_port()
        self._data.mkdir(mode=0o700)
        if how:
            shutil.chown(self._data, how["user"])
        self._how = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": "/", **how}
        self._fill()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGINT)
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def url(self) -> str:
        """Its address without a database's name."""
        return f"postgresql+psycopg://crm@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and see that it answers."""
        where = ("-D", self._data, "-h", "127.0.0.1", "-p", str(self.port), "-k", "")
        options = [part for option in self._options for part in ("-c", option)]
        self._process = subprocess.Popen(
            [self._binaries / "postgres", *where, *options], **self._how
        )
        _wait(self.port, self._process)

    def stop(self, sign: signal.Signals) -> None:
        """SIGINT ends its connections, SIGQUIT drops everything as a crash does."""
        self._process.send_signal(sign)
        self._process.wait()

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Send it a statement of its administrator; the rows, if there are any."""
        url = f"{self.url}/postgres".replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def die(self) -> None:
        """Kill all of it at once, as a machine dies."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            os.kill(each, signal.SIGKILL)
        self._process.wait()

    def _fill(self) -> None:
        words = ("-U", "crm", "-E", "UTF8", "--no-locale", "-A", "trust", "-N")
        self._run("initdb", "-D", self._data, *words)

    def _run(self, command: str, *words: object) -> None:
        subprocess.run([self._binaries / command, *map(str, words)], check=True, **self._how)


class Standby(Postgres):
    """A copy of another server that follows it, until it is promoted."""

    def __init__(self, primary: str, options: Sequence[str] = FAST) -> None:
        super().__init__(options)
        self._primary = primary.replace("+psycopg", "")

    def promote(self) -> None:
        """Make it the primary, and see that it is."""
        self._run("pg_ctl", "promote", "-D", self._data)

    def _fill(self) -> None:
        self._run(
            "pg_basebackup",
            "-d",
            self._primary,
            "-D",
            self._data,
            "-R",
            "-c",
            "fast",
        )


@contextmanager
def server() -> Iterator[str]:
    """Run one for as long as the block lasts; gives its URL without a database's name."""
    with Postgres() as own:
        yield own.url


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="crm", dbname="postgres").close()
        except psycopg.OperationalError:  # it does not listen yet, or is still recovering
            time.sleep(0.05)
        else:
            return
    sys.exit("The tests' PostgreSQL did not start.")
