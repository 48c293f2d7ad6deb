"""A private PostgreSQL for the tests, from the machine's binaries or from the wheel `pgserver`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="crm-pg-"))
        how, self._binaries = _as_nobody(self._home, _binaries())
        self._data, self._port = self._home / "data", _free_port()
        self._data.mkdir()
        if how:
            shutil.chown(self._data, how["user"])
        self._how = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": "/", **how}
        words = ("-D", self._data, "-U", "crm", "-E", "UTF8", "--no-locale", "-A", "trust", "-N")
        subprocess.run([self._binaries / "initdb", *words], check=True, **self._how)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGINT)
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def url(self) -> str:
        """Its address without a database's name."""
        return f"postgresql+psycopg://crm@127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and see that it answers."""
        where = ("-D", self._data, "-h", "127.0.0.1", "-p", str(self._port), "-k", "")
        options = [part for option in FAST for part in ("-c", option)]
        self._process = subprocess.Popen(
            [self._binaries / "postgres", *where, *options], **self._how
        )
        _wait(self._port, self._process)

    def stop(self, sign: signal.Signals) -> None:
        """SIGINT ends its connections, SIGQUIT drops everything as a crash does."""
        self._process.send_signal(sign)
        self._process.wait()


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
