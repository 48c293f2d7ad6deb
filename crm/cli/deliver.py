"""`crm deliver`: a worker that sends what waits in the outbox."""

import click
import structlog
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.cli import base
from crm.cli.clock import mailer, stop_signal
from crm.jobs import trust
from crm.jobs.delivery import Courier
from crm.jobs.logs import log_as_json

PAUSE_SECONDS = 5

log = structlog.get_logger()


@click.command()
@click.option("--once", is_flag=True, help="Deliver what is due, then end.")
def deliver(*, once: bool) -> None:
    """Deliver the outbox until SIGTERM."""
    log_as_json()
    with base.sessions() as sessions, stop_signal() as stopped:
        courier = Courier(sessions, mailer(), base.site().mail_from, clock.now)
        log.info("deliver.started")
        if once:
            courier.deliver_to_the_end(stopped.wait, lambda: not stopped.is_set())
            return
        while not stopped.is_set():
            if _is_believed(sessions):
                courier.deliver_all(lambda: not stopped.is_set())
            stopped.wait(PAUSE_SECONDS)


def _is_believed(sessions: sessionmaker[Session]) -> bool:
    try:
        trust.believe(sessions)
    except trust.DoubtfulClockError as error:
        log.error("clock.doubted", why=str(error))  # noqa: TRY400 - the sentence says all
        return False
    return True
