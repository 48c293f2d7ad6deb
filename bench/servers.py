"""Run a server for the length of a measurement, and look at single responses in this process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event

from bench import load
from bench.load import Request
from bench.report import Sample
from crm.base.clock import monotonic

ROOT = Path(__file__).parents[1]
START_SECONDS, STOP_SECONDS = 60, 20
TICKS = os.sysconf("SC_CLK_TCK")  # of processor time, a second
_SERVERS: dict[int, int] = {}  # by port, the process that was started


@contextmanager
def serving(*command: str, data: Path, secret: str, **settings: str) -> Iterator[int]:
    """Run the Python command, with a free port for PORT, until the context ends; the port.

    `settings`: more environment variables.
    """
    port = load.free_port()
    words = [word.replace("PORT", str(port)) for word in command]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    own = {"CRM_DATA": str(data), "CRM_SECRET_KEY": secret}
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=inherited | own | settings)

    try:
        _await(port, process)
        _SERVERS[port] = process.pid
        yield port
    finally:
        _SERVERS.pop(port, None)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def processor_seconds(port: int) -> float:
    """The processor time that a server and its workers have taken so far.

    A server that was not started here is one of this process.
    """
    return sum(map(_processor_seconds, _family(_SERVERS.get(port, os.getpid()))))


def _family(pid: int) -> Iterator[int]:
    """The process and all that it started."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _family(int(child))


def _processor_seconds(pid: int) -> float:
    # behind the name, which may hold anything, the 12th and 13th are user and system time
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, numbers[11:13])) / TICKS


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + START_SECONDS
    while process.poll() is None and monotonic() < until:
        try:
            load.ask(port, Request("/login"))
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"a server did not start: {process.args}")


def sample(app: Flask, requests: Iterator[Request]) -> Sample:
    """The queries and sizes of a response; takes two requests, as one is answered compressed."""
    with statements() as sent:
        plain = _body(app, next(requests), "identity")
    compressed = _body(app, next(requests), "br")
    return Sample(len(sent), len(plain), len(compressed))


def _body(app: Flask, request: Request, encoding: str) -> bytes:
    response = app.test_client(use_cookies=False).open(
        request.path,
        method=request.method,
        data=request.body,
        content_type=load.FORM,
        headers={"Cookie": request.cookie, "Accept-Encoding": encoding},
    )
    return response.data


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements of this process; beginning a transaction is none."""
    collected: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            collected.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield collected
    finally:
        event.remove(Engine, "before_cursor_execute", note)
