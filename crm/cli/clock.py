"""`crm clock`: the scheduler node, replaying a stretch of time, and what the clock did last."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event

import click
from sqlalchemy.orm import Session

from crm.base import clock as time
from crm.cli import base
from crm.jobs import ledger, trust
from crm.jobs.clock import ClockRunner
from crm.jobs.clockwork import Clockwork, Outcome
from crm.jobs.delivery import Courier
from crm.jobs.logs import log_as_json
from crm.jobs.smtp import SmtpServer
from crm.jobs.timetable import JOBS, Job
from crm.quotas.queries import working_calendar

KEYS = ("job", "last_slot", "last_state", "last_made", "last_reason", "next_slot", "next_due_at")


@contextmanager
def stop_signal() -> Iterator[Event]:
    """An event that SIGTERM and SIGINT set for as long as the block lasts."""
    stopped = Event()
    signs = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(sign, lambda *_: stopped.set()) for sign in signs]
    yield stopped
    for sign, handler in zip(signs, before, strict=True):
        signal.signal(sign, handler)


def mailer() -> SmtpServer | None:
    """The SMTP server of the settings; none where mails stay in the mailbox."""
    mail = base.settings().mail
    if mail == "mailbox":
        return None
    return SmtpServer.parse(mail, per_minute=base.settings().mail_per_minute)


@click.group(invoke_without_command=True)
@click.pass_context
def clock(context: click.Context) -> None:
    """Run a scheduler node until SIGTERM, or one of the commands below."""
    if context.invoked_subcommand:
        return
    log_as_json()
    with base.sessions() as sessions, stop_signal() as stopped:
        with sessions() as db:
            ledger.clock_from(db)  # refuses where nothing is installed
        runner = ClockRunner()
        runner.start(sessions, base.site(), mailer())
        stopped.wait()
        runner.stop()


@clock.command()
@click.option("--until", type=base.Moment(), required=True, help="A bare date is that day's end.")
@click.option("--send", is_flag=True, help="Send mails over SMTP; else they go to the mailbox.")
def run(until: datetime, *, send: bool) -> None:
    """Do everything due up to a moment, as at its own moments; prints a JSON summary per job."""
    log_as_json()
    server = mailer() if send else None
    with base.sessions() as sessions:
        site = base.site()
        tallies = Clockwork(sessions, site).run_until(until, to_mailbox=server is None)
        if server:
            # What was made is due at its slot's moment, which may lie ahead of the machine's clock.
            courier = Courier(sessions, server, site.mail_from, lambda: max(time.now(), until))
            courier.deliver_to_the_end(Event().wait)
    click.echo(json.dumps({job: tally.as_dict() for job, tally in tallies.items()}))
    if any(tally.outcomes[Outcome.FAILED] for tally in tallies.values()):
        raise base.RefusedError("有任务没有完成，原因见上面的日志和 crm clock show")


@clock.command()
def resume() -> None:
    """Say that the machine's clock is right, after a break of more than 31 days."""
    with base.sessions() as sessions:
        trust.resume(sessions)
    click.echo("已确认系统时间无误，定时任务将从上次停下的地方继续。")


@clock.command()
@base.format_option
def show(form: str) -> None:
    """Show each job's last slot, what it made, and the next slot."""
    with base.reading() as db:
        rows = [_row(db, job) for job in JOBS]
    base.print_rows(rows, KEYS, form)


def _row(db: Session, job: Job) -> dict[str, object]:
    last = ledger.last_run(db, job)
    following = next(ledger.upcoming(db, job, working_calendar(db)))
    return {
        "job": str(job.name),
        "last_slot": last and last.slot,
        "last_state": last and last.state.value,
        "last_made": last and last.made,
        "last_reason": last and last.reason,
        "next_slot": following.name,
        "next_due_at": time.civil(following.due_at).isoformat(),
    }
