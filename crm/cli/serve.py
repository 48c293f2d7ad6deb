"""`crm serve`: the web server, with the clock in its workers by default."""

from collections.abc import Callable
from typing import Any

import click
import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import DBAPIError

from crm.base.db_faults import first_line
from crm.cli.base import app, sessions, site
from crm.cli.processes import is_worth_waiting, mailer, refuse_without_tables
from crm.cli.request_worker import REQUEST_SECONDS, RequestWorker
from crm.extensions import db
from crm.jobs.clock import ClockThreads
from crm.jobs.logs import log_as_json

THREADS = 8
PORTS = click.IntRange(0, 65535)

log = structlog.get_logger()


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn, configured by this command instead of its own files and flags."""

    def __init__(self, make: Callable[[], Flask], options: dict[str, Any]) -> None:
        self._make = make
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._make()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    type=PORTS,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    help="Worker processes; more than one needs PostgreSQL.",
)
@click.option(
    "--no-clock", is_flag=True, help="Serve only the pages; the clock runs elsewhere (crm clock)."
)
def serve(host: str, port: int, workers: int, *, no_clock: bool) -> None:
    """Serve the pages and run the clock; pages report an unavailable database."""
    log_as_json()
    check_database()
    run(host, port, workers=workers, with_clock=not no_clock)


def check_database() -> None:
    """Refuse faults that waiting cannot mend; a database server may still come up."""
    with sessions() as maker:
        try:
            refuse_without_tables(maker)
        except DBAPIError as error:
            if not is_worth_waiting(maker, error):
                raise
            log.warning("serve.database_away", error=first_line(error))
        db.engine.dispose()  # a connection must not live through the fork


def run(host: str, port: int, *, workers: int = 1, with_clock: bool = True) -> None:
    """Serve until stopped; every worker has a clock, and the lease lets one of them run jobs."""
    log_as_json()
    threads = ClockThreads()

    def start(_worker: object) -> None:  # in the worker: a thread does not survive a fork
        if with_clock:
            with sessions() as maker:
                threads.start(maker, site(), mailer())

    def stop(_arbiter: object, _worker: object) -> None:
        if with_clock:
            threads.stop()

    options = {
        **server_options(host, port, workers=workers),
        "post_worker_init": start,
        "worker_exit": stop,
    }
    Server(app, options).run()


def server_options(host: str, port: int, *, workers: int) -> dict[str, Any]:
    """Gunicorn's settings; bench/floor.py serves with the same."""
    return {
        "bind": f"{host}:{port}",
        "workers": workers,
        "worker_class": RequestWorker,
        # also how long a connection may wait for the rest of a request
        "keepalive": REQUEST_SECONDS,
        "threads": THREADS,
        "graceful_timeout": 8,
        "accesslog": None,
        "loglevel": "warning",
        "forwarded_allow_ips": "127.0.0.1",
        "control_socket_disable": True,
    }
