"""A worker process of `crm serve`: the application, and the clock's threads beside it.

Only workers import this module: the process that watches over them stays small.
"""

import ctypes
import gc
import sys
from threading import Timer

import click
from flask import Flask
from gunicorn.errors import AppImportError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from crm.base.db_faults import first_line
from crm.base.logs import structlog
from crm.cli import import_worker
from crm.cli.base import app, sessions, settings, site
from crm.cli.errors import RefusedError
from crm.cli.processes import is_worth_waiting, refuse_without_tables
from crm.jobs.clock import ClockThreads
from crm.jobs.ledger import installed_at
from crm.jobs.logs import log_as_json
from crm.jobs.standstill_alert import StandstillWatch
from crm.people.first_run import is_nobody_there, setup_code
from crm.visits.quick_grammar import compile_patterns

# How long a thread that comes back from the database waits for one that computes. Whoever holds
# SQLite's write lock comes back some thirty times; with Python's 5 ms all other writers wait too.
SWITCH_SECONDS = 0.0005
ARENA_MAX = -8  # M_ARENA_MAX of mallopt(3)
ARENAS = 2  # glibc makes one for each thread, which keeps what it once used
READY_AFTER_SECONDS = 5
log = structlog.get_logger()
_threads = ClockThreads()
_watches: list[StandstillWatch] = []  # of this process


def load() -> Flask:
    """The application; a refusal stops the server with its reason (AppImportError)."""
    log_as_json()
    _limit_arenas()
    try:
        _check_database()
        made = app()
    except RefusedError as refusal:
        raise AppImportError(refusal.message) from None

    # a full collection need not look at the 270,000 objects of the start again
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)

    return made


def _limit_arenas() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # another libc may have none
    if mallopt:
        mallopt(ARENA_MAX, ARENAS)


def _check_database() -> None:
    """Refuse faults that waiting cannot mend; a database server may still come up."""
    with sessions() as maker:
        try:
            refuse_without_tables(maker)
            _print_setup_code(maker)
        except DBAPIError as error:
            if not is_worth_waiting(maker, error):
                raise
            log.warning("serve.database_away", error=first_line(error))


def _print_setup_code(maker: sessionmaker[Session]) -> None:
    """Tell whoever started the server how to enter the first admin, while nobody is there."""
    with maker() as db:
        since = installed_at(db)
        if since is None or not is_nobody_there(db):
            return
        code = setup_code(settings().secret_key, since)
    click.echo(f"尚无人员：请打开 {settings().base_url}/setup ，输入验证码 {code}", err=True)


def get_ready() -> None:
    """Do what would keep the first quick entry waiting, once the first pages are out."""
    timer = Timer(READY_AFTER_SECONDS, compile_patterns)
    timer.daemon = True
    timer.start()


def start_clock() -> None:
    with sessions() as maker:
        _threads.start(maker, site(), settings().of_mails, import_worker.start)


def start_watch() -> None:
    """Alert the admins if the clock stands still, wherever it runs."""
    with sessions() as maker:
        _watches.append(StandstillWatch(maker, site(), settings().of_mails))
        _watches[-1].start()


def stop_watch() -> None:
    for watch in _watches:
        watch.stop()


def stop_clock() -> None:
    _threads.stop()
