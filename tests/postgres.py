"""A private PostgreSQL for the tests, from the machine's binaries or from the wheel `pgserver`."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
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


@contextmanager
def server() -> Iterator[str]:
    """Run one for as long as the block lasts; gives its URL without a database's name."""
    home = Path(tempfile.mkdtemp(prefix="crm-pg-"))
    how, binaries = _as_nobody(home, _binaries())
    data, port = home / "data", _free_port()
    data.mkdir()
    if how:
        shutil.chown(data, how["user"])
    run = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": "/", **how}
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "crm",
            "-E",
            "UTF8",
            "--no-locale",
            "-A",
            "trust",
            "-N",
        ],
        check=True,
        **run,
    )
    options = [part for option in FAST for part in ("-c", option)]
    process = subprocess.Popen(
        [
            binaries / "postgres",
            "-D",
            data,
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-k",
            "",
            *options,
        ],
        **run,
    )
    try:
        _wait(port, process)
        yield f"postgresql+psycopg://crm@127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("The tests' PostgreSQL did not start.")
