"""Measure a table of visits imported on its page: `python -m bench.table_import --rows 20000`.

`crm serve` with its clock gets the table from an admin over HTTP, checks it, imports it and takes
it back. Meanwhile one person logs visits by form and another reads pages. The floor reads the same
file with python-calamine and inserts the texts with SQLAlchemy Core into one bare table. Both are
compared by processor time, which other work on the machine does not lengthen.
"""

import http.client
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from random import Random
from threading import Event, Thread
from uuid import uuid4

import click
from python_calamine import CalamineWorkbook
from sqlalchemy import Column, MetaData, String, Table, create_engine, insert
from xlsxwriter import Workbook

from bench import floor, load, lock_times, zone
from bench.load import Request
from bench.pages import SECRET, VISITS_AN_EVENING, prepare, visits
from bench.processes import descendants, pss
from bench.report import table
from bench.servers import serving
from bench.writes import DATABASES, Place, place_on
from bench.zone_visits import CITIES
from crm.base import clock
from crm.base.db import engine_options
from crm.base.periods import DAY

COLUMNS = {
    "日期": "date",
    "时间": "hours",
    "带队领导": "leader",
    "陪同人员": "participants",
    "拜访企业": "companies",
    "会见人": "met",
    "职务": "position",
    "地点": "city",
    "洽谈情况": "minutes",
}
HOURS = ("上午", "下午", "9:00-11:00", "14:30")
ROWS_AT_ONCE = 5_000  # of the floor
BETWEEN = 0.5  # seconds between two looks, two visits or two pages
LONGEST_SECONDS = 3 * 3600
PAGES = ("/", "/visits", "/leads", "/visits/new", "/compliance")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Phase:
    """What one step took, and what it did to others."""

    name: str
    seconds: float = 0.0
    processor: float = 0.0  # of the thread that works on imports
    visits: list[float] = field(default_factory=list)  # seconds that each answer took
    pages: list[float] = field(default_factory=list)
    refused: int = 0  # visits that were not saved
    peak: float = 0.0  # MiB of all processes
    worker: float = 0.0  # MiB of the web worker at the end
    locks: Sequence[lock_times.LockTime] = ()


class Beside:
    """Somebody who logs visits, somebody who reads pages, and whoever watches the memory."""

    def __init__(self, port: int, leads: Sequence[int]) -> None:
        self.phase = Phase("")
        self.used: dict[int, float] = {}  # processor seconds of each thread, also of ended ones
        self._port, self._leads = port, leads
        self._stop = Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [Thread(target=run) for run in (self._log, self._read, self._watch)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _log(self) -> None:
        for request in self._visits():
            answer, seconds = self._ask(request)
            self.phase.visits.append(seconds)
            self.phase.refused += answer != load.REDIRECT
            if self._stop.wait(BETWEEN):
                return

    def _visits(self) -> Iterator[Request]:
        """Each recruiter's free evenings with leads of their own: nothing is doubtful."""
        most = 2 * VISITS_AN_EVENING
        for number, first in enumerate(range(0, len(self._leads), most), zone.FIRST_RECRUITER + 1):
            leads = self._leads[first : first + most]
            yield from islice(visits(self._port, number, leads), len(leads))

    def _read(self) -> None:
        cookie = load.sign_in(self._port, zone.SUPERVISOR, zone.PASSWORD)
        for path in cycle(PAGES):
            _, seconds = self._ask(Request(path, cookie))
            self.phase.pages.append(seconds)
            if self._stop.wait(BETWEEN):
                return

    def _watch(self) -> None:
        while not self._stop.wait(BETWEEN):
            with suppress(OSError):  # the process for imports may just have ended
                self.used |= thread_times()
                self.phase.peak = max(self.phase.peak, sum(map(pss, servers())))

    def _ask(self, request: Request) -> tuple[int, float]:
        begun = clock.monotonic()
        status = load.ask(self._port, request).status
        return status, clock.monotonic() - begun


def servers(*, with_imports: bool = True) -> list[int]:
    """The processes of the server, without those of a database."""
    found = []
    for process in descendants(os.getpid()):
        command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        if b"bench.lock_times" in command:
            is_wanted = with_imports or lock_times.IMPORTS.encode() not in command
            found += [process] * is_wanted
    return found


def thread_times() -> dict[int, float]:
    """The processor seconds of each thread of the server."""
    found = {}
    for process in servers():
        for task in Path(f"/proc/{process}/task").iterdir():
            fields = (task / "stat").read_text().rpartition(") ")[2].split()
            found[int(task.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def write_table(path: Path, rows: int, *, scale: float) -> None:
    """A bureau's table of visits in no order; of each fifth the company is on record."""
    rng, today = Random(5), clock.civil_date(clock.now())
    with Workbook(path) as book:
        sheet = book.add_worksheet("台账")
        sheet.write_row(0, 0, COLUMNS)
        for number in range(rows):
            on = today - (3 + rng.randrange(zone.SPAN - 3)) * DAY
            leader, companion = (rng.randrange(8, zone.people_count(scale)) for _ in range(2))
            known = number % zone.lead_count(scale) + 1
            cells = (
                f"{on:%Y.%m.%d}",
                rng.choice(HOURS),
                zone.username(leader),
                zone.username(companion) if number % 3 == 0 else "",
                zone.company_name(known if number % 5 == 0 else 1_000_000 + number),
                f"{rng.choice(zone.SURNAMES)}总",
                "总经理",
                rng.choice(CITIES),
                f"介绍园区载体和政策，对方计划来访（{number}）。",
            )
            sheet.write_row(number + 1, 0, cells)


def bare_seconds(file: Path, place: Place) -> float:
    """Processor seconds of reading the file and inserting its texts."""
    engine = create_engine(**engine_options(place.floor_url or floor.url_in(place.folder)))
    bare = Table("bare", MetaData(), *(Column(code, String) for code in COLUMNS.values()))
    bare.create(engine)

    begun = time.process_time()
    rows = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()[1:]
    with engine.begin() as connection:
        for first in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[first : first + ROWS_AT_ONCE]
            values = [dict(zip(COLUMNS.values(), map(str, row), strict=True)) for row in part]
            connection.execute(insert(bare), values)
    seconds = time.process_time() - begun
    bare.drop(engine)
    engine.dispose()
    return seconds


class Page:
    """The pages of one import, as its admin uses them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = load.sign_in(port, zone.username(1), zone.PASSWORD)
        self._cookie, self._token = load.open_form(port, "/import", self._cookie)
        self._address = ""

    def upload(self, file: Path) -> None:
        boundary = uuid4().hex
        fields = (("csrf_token", self._token, b""), ("file", "", file.read_bytes()))
        body = b""
        for name, text, content in fields:
            named = f'; filename="{file.name}"' if content else ""
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
            body += head.encode() + (content or text.encode()) + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        connection = http.client.HTTPConnection(load.HOST, self._port, timeout=600)
        kind = f"multipart/form-data; boundary={boundary}"
        connection.request("POST", "/import", body, {"Cookie": self._cookie, "Content-Type": kind})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        self._require(answer.status)
        self._address = str(answer.headers["Location"])

    def choose_columns(self) -> None:
        fields = {"kind": "outreach", "city": "", "column": list(COLUMNS.values())}
        self._post("/columns", fields)

    def apply(self) -> None:
        self._post("/apply", {"rows": "usable"})

    def undo(self) -> None:
        self._post("/undo", {})

    def wait_for(self, title: str) -> None:
        """Look at the page until it is the one with that title."""
        until = clock.monotonic() + LONGEST_SECONDS
        while clock.monotonic() < until:
            body = load.ask(self._port, Request(self._address, self._cookie)).body
            if f"<title>{title}".encode() in body:
                return
            time.sleep(BETWEEN)
        raise load.UnexpectedResponseError(title)

    def _post(self, path: str, fields: dict[str, object]) -> None:
        fields = {"csrf_token": self._token, **fields}
        answer = load.ask(self._port, Request(self._address + path, self._cookie, fields))
        self._require(answer.status)

    @staticmethod
    def _require(status: int) -> None:
        if status != load.REDIRECT:
            raise load.UnexpectedResponseError(str(status))


@contextmanager
def measured(phase: Phase, beside: Beside, folder: Path) -> Iterator[None]:
    """Measure what is done within."""
    lock_times.times_in(folder)
    beside.phase, begun, before = phase, clock.monotonic(), thread_times()
    yield
    phase.seconds = clock.monotonic() - begun
    after = beside.used | thread_times()
    # no other thread of the server works as much
    phase.processor = max(used - before.get(thread, 0) for thread, used in after.items())
    phase.worker = sum(map(pss, servers(with_imports=False)))
    phase.locks = lock_times.times_in(folder)


def run(place: Place, file: Path, leads: Sequence[int], *, with_undo: bool) -> list[Phase]:
    """Upload, check, import and take back the file, while others work."""
    command = ("-m", "bench.lock_times", "serve", "--workers", "1", "--port", "PORT")
    settings = {"CRM_DATABASE_URL": place.url} if place.url else {}
    with serving(*command, data=place.folder, secret=SECRET, **settings) as port:
        page, beside = Page(port), Beside(port, leads)
        phases = [Phase("alone")]

        def step(name: str, *actions: Callable[[], object]) -> None:
            phases.append(Phase(name))
            with measured(phases[-1], beside, place.folder):
                for action in actions:
                    action()

        beside.phase = phases[0]
        with beside.at_work():
            time.sleep(10)
            step("upload", lambda: page.upload(file), page.choose_columns)
            step("check", lambda: page.wait_for("预览"))
            step("import", page.apply, lambda: page.wait_for("已导入"))
            if with_undo:
                step("undo", page.undo, lambda: page.wait_for("已撤销"))
            beside.phase = Phase("end")
    return phases


def report(phases: Sequence[Phase], rows: int, bare: float) -> str:
    head = ("step", "s", "s of processor", "a row", "times the floor", "MiB", "of them web")
    steps = [
        (
            *(phase.name, f"{phase.seconds:.1f}", f"{phase.processor:.1f}"),
            *(f"{phase.processor / rows * 1e6:.0f} µs", f"{phase.processor / bare:.1f}"),
            *(f"{phase.peak:.0f}", f"{phase.worker:.0f}"),
        )
        for phase in phases
    ]
    waits = [(phase.name, *map(_waits, (phase.visits, phase.pages))) for phase in phases]
    locks = [(phase.name, *_locks(phase)) for phase in phases]
    refused = sum(phase.refused for phase in phases)
    return "\n\n".join(
        (
            f"Bare reading and inserting took {bare:.2f} s of processor time.",
            table(head, steps),
            "What others waited for (number, median, 95 %, longest):",
            table(("step", "log a visit", "read a page"), waits),
            f"Visits that were not saved: {refused}. How long transactions held the lock:",
            table(("step", "transactions", "95 %", "longest", "processor of the longest"), locks),
        )
    )


def _waits(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    in_order = sorted(seconds)
    count = len(in_order)
    numbers = (in_order[count // 2], in_order[count * 95 // 100], in_order[-1])
    return f"{count}: " + ", ".join(f"{number:.2f}" for number in numbers) + " s"


def _locks(phase: Phase) -> tuple[str, ...]:
    if not phase.locks:
        return ("0", "", "", "")
    count, longest = len(phase.locks), phase.locks[-1]
    often = phase.locks[count * 95 // 100]
    times = (often.held, longest.held, longest.processor)
    return (str(count), *(f"{one:.0f} ms" for one in times))


@click.command()
@click.option("--rows", default=20_000, show_default=True, help="Of the table.")
@click.option("--scale", default=0.25, show_default=True, help="Share of a zone's size.")
@click.option("--database", default="sqlite", show_default=True, type=click.Choice(DATABASES))
@click.option("--undo/--no-undo", "with_undo", default=True, help="Take the import back, too.")
def main(*, rows: int, scale: float, database: str, with_undo: bool) -> None:
    """Import one table on its page; print the results."""
    with place_on(database) as place:
        prepare(place.folder, scale, url=place.url, floor_url=place.floor_url)
        file = place.folder / "table.xlsx"
        write_table(file, rows, scale=scale)
        bare_seconds(file, place)  # what is used for the first time is loaded
        bare = bare_seconds(file, place)
        phases = run(place, file, zone.free_leads(scale), with_undo=with_undo)
        megabytes = file.stat().st_size / 1024**2
        click.echo(f"{rows:,} rows ({megabytes:.1f} MB) on {database}; {zone.size(scale)}.\n")
        click.echo(report(phases, rows, bare))


if __name__ == "__main__":
    main()
