"""`crm deliver`: a worker that sends what waits in the outbox."""

from collections.abc import Callable
from itertools import count
from threading import Event

import click
import structlog

from crm.base import clock
from crm.cli import base
from crm.cli.clock import mailer, stop_signal
from crm.jobs import trust
from crm.jobs.delivery import Courier
from crm.jobs.logs import log_as_json

PAUSE_SECONDS = 5
LONGEST_WAIT_SECONDS = 60  # after a round that failed; the waits before double, from a second on

log = structlog.get_logger()


@click.command()
@click.option("--once", is_flag=True, help="Deliver what is due, then end.")
def deliver(*, once: bool) -> None:
    """Deliver the outbox until SIGTERM; a database that drops out is waited for."""
    log_as_json()
    with base.sessions() as sessions, stop_signal() as stopped:
        courier = Courier(sessions, mailer(), base.site().mail_from, clock.now, stopped)
        log.info("deliver.started")

        def may_go_on() -> bool:
            return not stopped.is_set() and trust.is_believed(sessions)

        # The first round may fail: who starts it with wrong settings is told so at once.
        if once:
            courier.deliver_to_the_end(stopped.wait, lambda: not stopped.is_set())
            return
        courier.deliver_all(may_go_on)
        while not stopped.wait(PAUSE_SECONDS):
            _round(courier, may_go_on, stopped)


def _round(courier: Courier, may_go_on: Callable[[], bool], stopped: Event) -> None:
    """Deliver what is due, however often it takes."""
    for failures in count():
        try:
            courier.deliver_all(may_go_on)
        except Exception as error:  # noqa: BLE001 - the worker's outer edge: the next try may do (STYLE 6)
            wait = min(2**failures, LONGEST_WAIT_SECONDS)
            told = f"{type(error).__name__}: {error}".partition("\n")[0]
            log.error("deliver.failed", error=told, next_try_in_seconds=wait)  # noqa: TRY400 - each try would tell the same trace
            if stopped.wait(wait):
                return
        else:
            if failures:
                log.info("deliver.recovered", failures=failures)
            return
