"""Measure pages, and logging a visit, against the floor: `python -m bench.pages`.

Both servers run on this machine and are measured in turn. README.md in this folder explains the
options and the results.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import time as time_of_day
from datetime import timedelta
from itertools import chain, cycle, repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import click
from flask import Flask

from bench import floor, load, zone
from bench.load import Request
from bench.report import Result, Speed, report
from bench.servers import processor_seconds, sample, serving
from crm.app import create_app
from crm.backup.loading import analyze
from crm.base import clock
from crm.base.db import writing
from crm.base.periods import DAY
from crm.base.refs import new_ref
from crm.cli.init import install
from crm.extensions import db as database
from crm.jobs.logs import log_as_json
from crm.settings import Settings
from crm.visits.rules import Channel, Kind, Status

SECRET = "signs the cookies of the bench and nothing else"  # noqa: S105 - as it says
WORKERS = "2"
WARM_UP_SECONDS = 0.3
OK = 200
EVENING = time_of_day(18)  # the zone's visits have ended by then: the form has no questions
CITY = "无锡"  # where nobody in the zone goes, for the same reason
VISIT_MINUTES = 2  # two evenings have room for 360 visits of each person
PEOPLE_EACH = 5
VISITS_AN_EVENING = 6 * 60 // VISIT_MINUTES
SEARCHED = quote(zone.company_name(1)[:2])


@dataclass(frozen=True, slots=True)
class Page:
    """A page to measure, the page of the floor beside it, and the goal."""

    title: str
    path: str
    goal: str
    username: str = zone.RECRUITER
    floor_title: str = "list"
    floor_path: str = "/"


PAGES = (
    Page("lead list", "/leads", "60 %"),
    Page("visit list", "/visits", "60 %"),
    Page("recruiter's my day", "/", "40 %"),
    Page(
        *("lead search", f"/leads?q={SEARCHED}", "200 %"),
        floor_title="search",
        floor_path=f"/?q={SEARCHED}",
    ),
    Page("compliance board", "/compliance", "25 %, 60 kB", zone.SUPERVISOR),
    Page("supervisor's my day", "/", "25 %", zone.SUPERVISOR),
    Page("visit form", "/visits/new", "25 kB"),
)


@dataclass(frozen=True, slots=True)
class Clients:
    """The requests of each connection to a server, and the status that each response must have."""

    port: int
    requests: Sequence[Iterator[Request]]
    status: int = OK

    def measured(self, seconds: float) -> Speed:
        before = processor_seconds(self.port)
        answers = load.answers(self.port, self.requests, seconds, self.status)
        taken = processor_seconds(self.port) - before
        return Speed(answers.rate, 1000 * taken / answers.count)


@dataclass(frozen=True, slots=True)
class Case:
    """Two kinds of request that are measured in turn, with their rates."""

    title: str
    floor_title: str
    goal: str
    product: Clients
    floor: Clients
    of_product: list[Speed] = field(default_factory=list)
    of_floor: list[Speed] = field(default_factory=list)

    def warm_up(self, seconds: float) -> None:
        self.floor.measured(seconds)
        self.product.measured(seconds)

    def measure(self, seconds: float, *, product_first: bool) -> None:
        sides = [(self.floor, self.of_floor), (self.product, self.of_product)]
        for clients, speeds in reversed(sides) if product_first else sides:
            speeds.append(clients.measured(seconds))

    def result(self, product: Flask, floor_app: Flask) -> Result:
        return Result(
            *(self.title, self.floor_title, self.goal, self.of_product, self.of_floor),
            product_sample=sample(product, self.product.requests[0]),
            floor_sample=sample(floor_app, self.floor.requests[0]),
        )


def prepare(
    folder: Path, scale: float, *, url: str = "", floor_url: str = ""
) -> tuple[Flask, Flask]:
    """Fill both databases; returns both applications as this process runs them.

    Without their URLs both are files in the folder.
    """
    now = clock.now()
    floor_url = floor_url or floor.url_in(folder)
    app = create_app(Settings(data=folder, database_url=url, secret_key=SECRET))
    with app.app_context():
        install(database.sessionmaker, clock_from=now)
        with writing(database.sessionmaker) as db:
            zone.fill(db, scale=scale, now=now)
            analyze(db.connection())

    numbers = range(1, zone.lead_count(scale) + 1)
    names = ((zone.lead_title(number), zone.company_name(number)) for number in numbers)
    floor.fill(floor_url, names, zone.PASSWORD, on=clock.civil_date(now))
    return app, floor.make_app(floor_url, SECRET)


def all_cases(product: int, floor_port: int, connections: int, scale: float) -> list[Case]:
    writers = Writers(zone.recruiters(scale), zone.free_leads(scale), connections)
    return [
        *page_cases(product, floor_port, connections),
        visit_case(product, floor_port, writers),
    ]


def page_cases(product: int, floor_port: int, connections: int) -> Iterator[Case]:
    cookies = {
        username: load.sign_in(product, username, zone.PASSWORD)
        for username in sorted({page.username for page in PAGES})
    }
    floor_cookie = load.sign_in(floor_port, floor.USERNAME, zone.PASSWORD)

    def clients(port: int, path: str, cookie: str) -> Clients:
        return Clients(port, [repeat(Request(path, cookie)) for _ in range(connections)])

    for page in PAGES:
        yield Case(
            *(page.title, page.floor_title, page.goal),
            product=clients(product, page.path, cookies[page.username]),
            floor=clients(floor_port, page.floor_path, floor_cookie),
        )


@dataclass(frozen=True, slots=True)
class Writers:
    """Recruiters who log visits to leads that nobody else visits, over some connections."""

    people: Sequence[int]
    leads: Sequence[int]
    connections: int

    def requests(self, port: int) -> list[Iterator[Request]]:
        """The forms of each connection: those of a few people in turn.

        One alone would soon have hundreds of visits in a month, as nobody has.
        """
        return [self._of_connection(port, place) for place in range(self.connections)]

    def _of_connection(self, port: int, place: int) -> Iterator[Request]:
        people = self.people[place :: self.connections][:PEOPLE_EACH]
        leads = self.leads[place :: self.connections]
        each = [visits(port, person, leads[n :: len(people)]) for n, person in enumerate(people)]
        return chain.from_iterable(zip(*each, strict=True))


def visit_case(product: int, floor_port: int, writers: Writers) -> Case:
    cookie = load.sign_in(floor_port, floor.USERNAME, zone.PASSWORD)
    # not a title that the search finds, which would then end early
    row = Request("/new", cookie, {"title": zone.lead_title(2), "company": zone.company_name(2)})
    return Case(
        *("log a visit", "insert", "20 %"),
        product=Clients(product, writers.requests(product), load.REDIRECT),
        floor=Clients(floor_port, [repeat(row)] * writers.connections, load.REDIRECT),
    )


def visits(port: int, person_id: int, leads: Sequence[int]) -> Iterator[Request]:
    """Forms of short visits, one after the other, on the evenings of the last two days."""
    cookie = load.sign_in(port, zone.username(person_id), zone.PASSWORD)
    cookie, token = load.open_form(port, "/visits/new", cookie)
    today = clock.civil_date(clock.now())

    for number, lead_id in enumerate(cycle(leads)):
        on = today - (1 + number // VISITS_AN_EVENING % 2) * DAY
        begin = number % VISITS_AN_EVENING * timedelta(minutes=VISIT_MINUTES)
        starts_at = clock.civil(clock.at_civil(on, EVENING) + begin)
        yield Request(
            "/visits/new",
            cookie,
            {
                "csrf_token": token,
                "ref": new_ref("V", on),
                "kind": Kind.OUTREACH.value,
                "channel": Channel.IN_PERSON.value,
                "status": Status.DONE.value,
                "first_on": on,
                "starts": f"{starts_at:%H:%M}",
                "ends": f"{starts_at + timedelta(minutes=VISIT_MINUTES - 1):%H:%M}",
                "city": CITY,
                "leader_id": person_id,
                "lead_ids": lead_id,
                "minutes": "介绍园区载体和政策，对方计划下月来访。",
            },
        )


def measure(cases: Sequence[Case], *, passes: int, seconds: float) -> None:
    """Measure each case in each pass; every other pass begins with the product."""
    for case in cases:
        case.warm_up(min(seconds, WARM_UP_SECONDS))
    for number in range(passes):
        for case in cases:
            case.measure(seconds, product_first=number % 2 == 1)


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of a zone's size.")
@click.option("--passes", default=5, show_default=True)
@click.option("--seconds", default=2.5, show_default=True, help="Of each measurement.")
@click.option("--connections", default=16, show_default=True)
@click.option("--only", default="", help="Measure what has this in its title.")
def main(*, scale: float, passes: int, seconds: float, connections: int, only: str) -> None:
    """Measure the product and the floor in turn, and print the tables."""
    log_as_json()  # on stderr: what is printed is the report
    with TemporaryDirectory() as folder:
        data = Path(folder)
        apps = prepare(data, scale)
        product_command = ("-m", "crm.cli", "serve", "--no-clock", "--workers", WORKERS)
        floor_command = ("-m", "bench.floor", "PORT", WORKERS)
        with (
            serving(*product_command, "--port", "PORT", data=data, secret=SECRET) as product,
            serving(*floor_command, data=data, secret=SECRET) as floor_port,
        ):
            every = all_cases(product, floor_port, connections, scale)
            cases = [case for case in every if only in case.title]
            measure(cases, passes=passes, seconds=seconds)
        results = [case.result(*apps) for case in cases]

    click.echo(f"SQLite; {WORKERS} workers of each server; {zone.size(scale)}.\n")
    click.echo(report(results))


if __name__ == "__main__":
    main()
