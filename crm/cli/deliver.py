"""`crm deliver`: a worker that sends the messages in the outbox."""

from collections.abc import Callable
from itertools import count
from threading import Event

import click
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.logs import structlog
from crm.cli import base
from crm.cli.errors import RefusedError
from crm.cli.processes import stop_signal, wait_for_database, wait_seconds
from crm.jobs import clock_check
from crm.jobs.channels.delivery import ChannelDeliverer
from crm.jobs.logs import log_as_json
from crm.jobs.mail_route import RoutedDeliverer
from crm.jobs.worker import Worker
from crm.jobs.write_yield import WriteYield

PAUSE_SECONDS = 5  # between two looks into the outbox
CHANNELS_WATCHDOG_SECONDS = 30  # where mails take longer, channels are looked after all the same
CHANNELS_END_WITHIN_SECONDS = 6

log = structlog.get_logger()


@click.command()
@click.option("--once", is_flag=True, help="Deliver what is due, then exit.")
def deliver(*, once: bool) -> None:
    """Deliver the outbox until SIGTERM; wait while the database is unavailable."""
    log_as_json()
    with base.sessions() as sessions, stop_signal() as stopped:
        deliverer = RoutedDeliverer(sessions, base.settings().of_mails, clock.now, stopped)
        write_yield = WriteYield(sessions)
        is_trusted = clock_check.TrustCheck(sessions)

        def may_go_on() -> bool:
            write_yield.pause_if_due()  # on SQLite the pages wait for the write lock
            return not stopped.is_set() and is_trusted()

        to_channels = ChannelDeliverer(sessions, base.site().secret, clock.now, stopped)
        if once:
            # A distrusted clock ends the delivery without an error: it is refused afterwards.
            deliverer.deliver_to_the_end(stopped.wait, may_go_on)
            to_channels.deliver_all(may_go_on)
            _refuse_doubt(sessions)
            return
        if not wait_for_database(sessions, stopped):
            return
        log.info("deliver.started")
        # of their own: a mail server that is slow holds up no channel
        channels = Worker(
            "channels",
            lambda: _to_channels(to_channels, sessions, stopped),
            stopping=stopped,
            idle_seconds=CHANNELS_WATCHDOG_SECONDS,
        )
        channels.start()
        while not stopped.is_set():
            _round(deliverer, may_go_on, stopped)
            stopped.wait(PAUSE_SECONDS)
            channels.wake()
        channels.join(CHANNELS_END_WITHIN_SECONDS)


def _to_channels(
    deliverer: ChannelDeliverer, sessions: sessionmaker[Session], stopped: Event
) -> None:
    is_trusted = clock_check.TrustCheck(sessions)
    deliverer.deliver_all(lambda: not stopped.is_set() and is_trusted())


def _refuse_doubt(sessions: sessionmaker[Session]) -> None:
    """Refuse where mails were held back because the machine's clock is not trusted."""
    with sessions() as db:
        doubt = clock_check.find_doubt(db, now=clock.now())
    if doubt:
        raise RefusedError(doubt.reason.label)


def _round(deliverer: RoutedDeliverer, may_go_on: Callable[[], bool], stopped: Event) -> None:
    """Deliver what is due, with retries until it succeeds or the process is stopped."""
    for failures in count(1):
        try:
            deliverer.deliver_all(may_go_on)
        except Exception as error:  # noqa: BLE001 - the worker's outer edge: the next attempt may succeed
            wait = wait_seconds(failures)
            message = f"{type(error).__name__}: {error}".partition("\n")[0]
            log.error("deliver.failed", error=message, next_try_in_seconds=wait)  # noqa: TRY400 - every attempt would log the same trace
            if stopped.wait(wait):
                return

        else:
            if failures > 1:
                log.info("deliver.recovered", failures=failures - 1)
            return
