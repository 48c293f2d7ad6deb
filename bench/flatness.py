"""Measure whether `crm serve` grows with use: `python -m bench.flatness --requests 100000`.

One worker answers a mix of pages, and a visit is logged now and then. The proportional set size
(PSS) of the server's processes is printed after each tenth of the requests, with the statuses of
its answers: a mix that mostly asks for what is not there would show nothing.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.parse import quote

import click

from bench import load, pages, zone
from bench.load import Request
from bench.processes import PATHS, PEOPLE, as_installed, product, pss_of_servers
from bench.servers import serving
from crm.base import clock

CONNECTIONS = 4
PARTS = 10
REQUESTS_A_VISIT = 100
OF_ITS_OWN = 0.5  # share of requests for one of many leads and people, not for the same few pages


def mixed(port: int, number: int, cookies: list[str], scale: float) -> Iterator[Request]:
    """Requests of a connection without end: pages of all kinds, and visits now and then."""
    rng = Random(number)
    logged = visits_of_many(port, number, scale)

    while True:
        for _ in range(REQUESTS_A_VISIT - 1):
            path = _any_record(rng, scale) if rng.random() < OF_ITS_OWN else rng.choice(PATHS)
            yield Request(path, rng.choice(cookies))
        yield next(logged)


def visits_of_many(port: int, number: int, scale: float) -> Iterator[Request]:
    """Visits of one recruiter after another: a form about the same hours again has questions."""
    mine = zone.free_leads(scale)[number::CONNECTIONS]
    for person_id in zone.recruiters(scale)[number::CONNECTIONS]:
        yield from islice(pages.visits(port, person_id, mine), 2 * pages.VISITS_AN_EVENING)


def _any_record(rng: Random, scale: float) -> str:
    lead = rng.randint(1, zone.lead_count(scale))
    person = zone.username(rng.randint(zone.FIRST_RECRUITER, zone.people_count(scale)))
    month = f"{clock.civil_date(clock.now()):%Y-%m}"
    return rng.choice(
        (
            f"/leads/{lead}",
            f"/leads?q={quote(zone.company_name(lead)[:3])}",
            f"/visits/{rng.randint(1, zone.visit_count(scale))}",
            f"/figures/{month}/{person}",
        )
    )


def send(port: int, requests: Iterator[Request], count: int) -> Counter[int]:
    """Send that many over one connection; how often each status was answered."""
    with load.connect(port) as connection:
        return Counter(load.exchange(connection, item).status for item in islice(requests, count))


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of a zone's size.")
@click.option("--requests", default=100_000, show_default=True)
def main(*, scale: float, requests: int) -> None:
    """Print the memory after each tenth of the requests."""
    click.echo(f"{zone.size(scale)}; SQLite, one worker, {CONNECTIONS} connections.")
    with TemporaryDirectory() as folder:
        data = Path(folder)
        pages.prepare(data, scale)
        with (
            serving(*product(1), data=data, secret=pages.SECRET, **as_installed(data)) as port,
            ThreadPoolExecutor(CONNECTIONS) as threads,
        ):
            cookies = [load.sign_in(port, username, zone.PASSWORD) for username in PEOPLE]
            clients = [mixed(port, number, cookies, scale) for number in range(CONNECTIONS)]
            part = requests // PARTS // CONNECTIONS

            for number in range(1, PARTS + 1):
                answers = Counter[int]()
                for statuses in threads.map(lambda client: send(port, client, part), clients):
                    answers += statuses
                sent = number * part * CONNECTIONS
                click.echo(f"{sent:,} requests: {pss_of_servers():.0f} MiB PSS, {dict(answers)}")


if __name__ == "__main__":
    main()
