"""Delivery beside raw smtplib, and with several workers: `python -m bench.delivery`.

Raw smtplib sends ready-made messages over one connection. A worker reads the outbox, makes the
mails, commits each message's state before and after, and uses its connections as by default.
Workers are compared on PostgreSQL, as SQLite has one writer at a time.
"""

import gc
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import click
from sqlalchemy import create_engine, delete, func, select
from sqlalchemy.orm import Session, sessionmaker

from bench.load import free_port
from bench.report import hide_logs, series, table
from bench.servers import ROOT
from crm.app import create_app
from crm.base import clock
from crm.base.db import engine_options, writing
from crm.base.outbox import Message, MessageKind, State, put, row_of
from crm.cli.init import install
from crm.extensions import db as database
from crm.jobs.delivery import Deliverer
from crm.jobs.mime import mime_of
from crm.jobs.smtp import SmtpServer
from crm.people.models import Person
from crm.people.rules import Role
from crm.settings import Settings
from tests.postgres import Postgres

SECRET = "only-for-the-bench-only-for-the-bench"  # noqa: S105 - of a database of its own
SENDER = "招商系统 <crm@crm.test>"
TEXT = "王明同志，您好。本周完成拜访 1 次，应完成 1 次；下周计划拜访 2 次。\n" * 20
HTML = f"<p>{'<br>'.join(TEXT.splitlines())}</p>\n" * 2
DEFAULT_CONNECTIONS: int = Settings.model_fields["mail_connections"].default
GOALS = {0: "60 %", 10: "90 %"}
WORKERS = (1, 2, 4)


@dataclass(frozen=True)
class Measured:
    """Messages a second of each pass, of the product and of raw smtplib."""

    title: str
    product: Sequence[float]
    raw: Sequence[float]
    goal: str

    @property
    def shares(self) -> list[float]:
        return [100 * ours / least for ours, least in zip(self.product, self.raw, strict=True)]


@contextmanager
def sink(milliseconds: int) -> Iterator[int]:
    """Run the sink in a process of its own; the port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.sink", str(port), str(milliseconds)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _await(port: int) -> None:
    for _ in range(200):
        try:
            smtplib.SMTP("127.0.0.1", port).quit()
        except OSError:
            sleep(0.05)
        else:
            return
    raise SystemExit("the sink did not start")


@contextmanager
def installed(url: str | None) -> Iterator[sessionmaker[Session]]:
    """A database with one person; SQLite's is thrown away."""
    now = clock.now()
    with TemporaryDirectory() as folder:
        own = {"database_url": url} if url else {}
        settings = Settings(
            data=Path(folder), secret_key=SECRET, base_url="https://crm.test", **own
        )
        with create_app(settings).app_context():
            install(database.sessionmaker, clock_from=now)
            with writing(database.sessionmaker) as db:
                db.add(Person(username="p", name="王明", role=Role.RECRUITER, created_at=now))
            yield database.sessionmaker
            database.engine.dispose()


def write(sessions: sessionmaker[Session], count: int, now: datetime) -> None:
    """Fill the outbox anew."""
    with writing(sessions) as db:
        db.execute(delete(Message))
        person = db.scalars(select(Person).limit(1)).one()
        rows = [
            row_of(
                kind=MessageKind.WEEKLY,
                dedupe_key=f"bench:{number}",
                person=person,
                subject="第28周周报（初步数）",
                text=TEXT,
                html=HTML,
                at=now,
            )
            | {"recipient": f"p{number}@crm.test"}
            for number in range(count)
        ]
        put(db, rows)


def by_product(sessions: sessionmaker[Session], port: int) -> None:
    """One worker sends the outbox."""
    _worker(sessions, port).deliver_all()


def _worker(sessions: sessionmaker[Session], port: int) -> Deliverer:
    server = SmtpServer.parse(f"smtp://127.0.0.1:{port}", connections=DEFAULT_CONNECTIONS)
    return Deliverer(sessions, server, SENDER, clock.now)


def by_smtplib(mails: Sequence[tuple[str, bytes]], port: int) -> None:
    """Send ready-made messages over one connection."""
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for recipient, mime in mails:
            connection.sendmail("crm@crm.test", recipient, mime)


def per_second(count: int, step: Callable[[], object]) -> float:
    began = perf_counter()
    step()
    return count / (perf_counter() - began)


def beside_smtplib(count: int, passes: int, milliseconds: int) -> Measured:
    """One worker and raw smtplib in turn, on SQLite."""
    product, raw = [], []
    with installed(None) as sessions, sink(milliseconds) as port:
        gc.freeze()  # as `crm deliver` does
        for _ in range(passes):
            write(sessions, count, clock.now())
            with sessions() as db:
                messages = db.scalars(select(Message)).all()
                mails = [(found.recipient, mime_of(found, sender=SENDER)) for found in messages]
            product.append(per_second(count, lambda: by_product(sessions, port)))
            raw.append(per_second(count, lambda mails=mails: by_smtplib(mails, port)))  # type: ignore[misc]
            _require_sent(sessions, count)

    title = f"a sink that answers in {milliseconds} ms" if milliseconds else "an instant sink"
    return Measured(title, product, raw, GOALS[milliseconds])


def _require_sent(sessions: sessionmaker[Session], count: int) -> None:
    with sessions() as db:
        sent = select(func.count()).where(Message.state == State.SENT)
        if db.scalar(sent) != count:
            raise SystemExit("not all messages were sent")


def by_workers(url: str, count: int, passes: int, milliseconds: int) -> dict[int, list[float]]:
    """Messages a second with each number of workers, in turn."""
    rates: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    with installed(url) as sessions, sink(milliseconds) as port:
        for _ in range(passes):
            for workers in WORKERS:
                # as many for each worker, so that all are busy alike
                write(sessions, count * workers, clock.now())
                with ExitStack() as stack:
                    processes = [stack.enter_context(_process(url, port)) for _ in range(workers)]
                    rate = per_second(count * workers, lambda ready=processes: _run(ready))  # type: ignore[misc]
                rates[workers].append(rate)
                _require_sent(sessions, count * workers)
    return rates


@contextmanager
def _process(url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that waits for a line before it begins."""
    command = [sys.executable, "-m", "bench.delivery", "--work", url, str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _run(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        process.stdout.readline()


def work_through(url: str, port: int) -> None:
    """What a worker's process does."""
    options = engine_options(url)
    engine = create_engine(options.pop("url"), **options)
    worker = _worker(sessionmaker(engine, expire_on_commit=False), port)
    with engine.connect():
        click.echo("ready")
    sys.stdin.readline()
    worker.deliver_all()
    click.echo("done")


def report(measured: Sequence[Measured], rates: dict[int, list[float]]) -> str:
    """The tables."""
    head = ("delivery to", "a second", "raw smtplib", "share of smtplib", "goal")
    rows = [
        (
            found.title,
            f"{median(found.product):.0f}",
            f"{median(found.raw):.0f}",
            f"{median(found.shares):.0f} % ({min(found.shares):.0f} to {max(found.shares):.0f})",
            found.goal,
        )
        for found in measured
    ]
    parts = [
        table(head, rows),
        table(
            ("delivery to", "product", "smtplib", "share in %"),
            [
                (found.title, *map(series, (found.product, found.raw, found.shares)))
                for found in measured
            ],
        ),
    ]
    if rates:
        parts.append(table(("workers", "a second", "share of linear", "goal"), _growth(rates)))
    return "\n\n".join(parts)


def _growth(rates: dict[int, list[float]]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for workers, of_passes in rates.items():
        shares = [
            100 * rate / (workers * one) for rate, one in zip(of_passes, rates[1], strict=True)
        ]
        share = f"{median(shares):.0f} % ({min(shares):.0f} to {max(shares):.0f})"
        rows.append((workers, series(of_passes), share, "80 %" if workers > 1 else "-"))
    return rows


@click.command()
@click.option("--count", default=500, show_default=True, help="Messages of each measurement.")
@click.option("--passes", default=5, show_default=True)
@click.option("--work", nargs=2, hidden=True, help="A worker's database and the sink's port.")
def main(count: int, passes: int, work: tuple[str, str] | None) -> None:
    """Measure, and print the tables."""
    hide_logs()
    if work is not None:
        url, port = work
        work_through(url, int(port))
        return

    measured = [
        beside_smtplib(count, passes, 0),
        beside_smtplib(max(count // 10, 1), passes, 10),
    ]
    with Postgres() as postgres:
        postgres.ask("CREATE DATABASE crm")
        rates = by_workers(f"{postgres.url}/crm", count // 2, passes, 10)
    click.echo(report(measured, rates))


if __name__ == "__main__":
    main()
