"""Measure pages opened right after somebody logged a visit: `python -m bench.first_views`.

One worker, so that the process that took the visit makes the page, too; another process of a zone
is no worse off, as it reads the same visit.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from bench import load, zone
from bench.load import Request
from bench.pages import SECRET, prepare, visits
from bench.report import table
from bench.servers import processor_seconds, serving
from crm.base.clock import monotonic
from crm.jobs.logs import log_as_json

PAGES = (
    ("supervisor's my day", "/", zone.SUPERVISOR),
    ("compliance board", "/compliance", zone.SUPERVISOR),
    ("recruiter's my day", "/", zone.username(zone.FIRST_RECRUITER)),
)
WARM_UP = 2
GOAL = "120 ms"


def first_views(
    port: int, page: Request, changes: Iterator[Request], views: int
) -> Sequence[tuple[float, float]]:
    """Milliseconds that each first view took, by the wall clock and of processor time."""
    measured = []
    for _ in range(WARM_UP + views):
        if load.ask(port, next(changes)).status != load.REDIRECT:
            raise load.UnexpectedResponseError("a visit was refused")
        begun, taken = monotonic(), processor_seconds(port)
        load.ask(port, page)
        measured.append((1000 * (monotonic() - begun), 1000 * (processor_seconds(port) - taken)))
    return measured[WARM_UP:]


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of a zone's size.")
@click.option("--views", default=15, show_default=True, help="Of each page.")
def main(*, scale: float, views: int) -> None:
    """Log a visit before each view, and print what the views took."""
    log_as_json()  # on stderr: what is printed is the report
    rows = []
    with TemporaryDirectory() as folder:
        data = Path(folder)
        prepare(data, scale)
        command = ("-m", "crm.cli", "serve", "--no-clock", "--workers", "1", "--port", "PORT")
        with serving(*command, data=data, secret=SECRET) as port:
            changes = visits(port, zone.FIRST_RECRUITER + 1, zone.free_leads(scale))
            for title, path, username in PAGES:
                cookie = load.sign_in(port, username, zone.PASSWORD)
                measured = first_views(port, Request(path, cookie), changes, views)
                wall, processor = zip(*measured, strict=True)
                rows.append((title, _spread(wall), GOAL, f"{median(processor):.0f} ms"))

    click.echo(f"SQLite; 1 worker; {zone.size(scale)}; {views} views of each page.\n")
    click.echo(table(("opened after a visit was logged", "ms", "goal", "processor"), rows))


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    main()
