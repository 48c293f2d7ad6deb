"""Measure the start and the memory of `crm serve`: `python -m bench.processes`.

The start is compared with importing the libraries that the product stands on, and with the floor's
first response. Memory is the proportional set size (PSS) of all processes of a server after use.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from bench import load, pages, zone
from bench.load import Request
from bench.report import series, table
from bench.servers import ROOT, serving
from crm.base.clock import monotonic

FRAMEWORK = (
    "import flask, flask_login, flask_wtf, flask_sqlalchemy_lite, sqlalchemy.orm, "
    "apscheduler.schedulers.background, gunicorn.app.base"
)
PRODUCT = "from crm.cli import load_module; load_module('crm.cli.web_worker')"
PEOPLE = (zone.username(1), zone.SUPERVISOR, zone.RECRUITER)
PATHS = (
    *("/", "/leads", "/visits", "/compliance", "/visits/new", "/leads/new", "/followups"),
    *("/digests", "/mailbox", "/supervision", f"/leads?q={pages.SEARCHED}"),
)
ROUNDS = 2
VISITS = 20
KIB = 1024
_PSS = re.compile(r"^Pss: +(\d+) kB$", re.MULTILINE)

Server = tuple[str, ...]  # the words of its command


def product(workers: int) -> Server:
    return ("-m", "crm.cli", "serve", "--workers", str(workers), "--port", "PORT")


def as_installed(data: Path) -> dict[str, str]:
    """Environment variables with which modules are compiled once, as an installation does."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(data / "compiled")}


def seconds_to_run(code: str, data: Path) -> float:
    """The time of a Python process that runs the code."""
    begun = monotonic()
    environment = os.environ | as_installed(data)
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    return monotonic() - begun


def seconds_to_answer(server: Server, data: Path) -> float:
    """The time from the start of a server to its first response."""
    begun = monotonic()
    with serving(*server, data=data, secret=pages.SECRET, **as_installed(data)):
        return monotonic() - begun


def pss_after_use(server: Server, data: Path, scale: float) -> float:
    """MiB of all processes of a server when people have looked at pages and logged visits."""
    with serving(*server, data=data, secret=pages.SECRET, **as_installed(data)) as port:
        cookies = [load.sign_in(port, username, zone.PASSWORD) for username in PEOPLE]
        for _ in range(ROUNDS):
            for cookie in cookies:
                for path in PATHS:
                    load.ask(port, Request(path, cookie))
        leads = zone.free_leads(scale)
        for request in islice(pages.visits(port, zone.FIRST_RECRUITER, leads), VISITS):
            load.ask(port, request)
        return pss_of_servers()


def pss_of_servers() -> float:
    """MiB of all processes that this one has started."""
    return sum(map(pss, descendants(os.getpid())))


def pss(process_id: int) -> float:
    """MiB of a process."""
    text = Path(f"/proc/{process_id}/smaps_rollup").read_text(encoding="ascii")
    found = _PSS.search(text)
    return int(found[1]) / KIB if found else 0


def descendants(process_id: int) -> Iterator[int]:
    """The processes that a process has started, and theirs."""
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            yield int(child)
            yield from descendants(int(child))


def compared(
    title: str, goal: str, sides: tuple[Callable[[], float], Callable[[], float]], passes: int
) -> tuple[str, ...]:
    """A row of the report: the seconds of both sides, measured in turn, and their ratio."""
    ours, others = list[float](), list[float]()
    for run in sides:
        run()  # to compile the modules
    for number in range(passes):
        for run, found in [*zip(sides, (ours, others), strict=True)][:: 1 if number % 2 else -1]:
            found.append(run())

    ratios = [mine / other for mine, other in zip(ours, others, strict=True)]
    spread = f"{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    return (title, f"{median(ours):.2f}", f"{median(others):.2f}", spread, goal, series(ratios))


def starts(data: Path, passes: int) -> list[tuple[str, ...]]:
    """The rows of the two starts."""
    imports = (lambda: seconds_to_run(PRODUCT, data), lambda: seconds_to_run(FRAMEWORK, data))
    floor = ("-m", "bench.floor", "PORT", "1")
    answers = (
        lambda: seconds_to_answer(product(1), data),
        lambda: seconds_to_answer(floor, data),
    )
    return [
        compared("imports, beside the framework's", "2", imports, passes),
        compared("start to first response, beside the floor's", "", answers, passes),
    ]


def memory(data: Path, scale: float, passes: int) -> list[tuple[str, ...]]:
    """The rows of a server with one worker and with two."""
    rows = []
    for workers, goal in ((1, "130"), (2, "180")):
        found = [pss_after_use(product(workers), data, scale) for _ in range(passes)]
        spread = f"{median(found):.0f} ({min(found):.0f} to {max(found):.0f})"
        rows.append((f"workers: {workers}", spread, goal))
    return rows


def report(started: Sequence[Sequence[str]], used: Sequence[Sequence[str]]) -> str:
    head = ("start", "product, s", "other, s", "ratio", "goal", "ratios")
    return f"{table(head, started)}\n\n{table(('memory', 'PSS, MiB', 'goal'), used)}\n"


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of a zone's size.")
@click.option("--passes", default=5, show_default=True)
def main(*, scale: float, passes: int) -> None:
    """Measure starts and memory; print the results."""
    with TemporaryDirectory() as folder:
        data = Path(folder)
        pages.prepare(data, scale)
        text = report(starts(data, passes), memory(data, scale, passes))
    click.echo(f"{zone.size(scale)}; SQLite.\n\n{text}")


if __name__ == "__main__":
    main()
