"""`crm clock`: the scheduler node, replaying a stretch of time, and what the clock did last."""

import json
from datetime import datetime
from threading import Event
from typing import Any

import click

from crm.base import clock as time
from crm.cli import base
from crm.cli.errors import RefusedError
from crm.cli.processes import mailer, stop_signal, wait_for_database
from crm.jobs import clock_check, ledger, manual_runs
from crm.jobs.clock import ClockThreads
from crm.jobs.delivery import Deliverer
from crm.jobs.logs import log_as_json
from crm.jobs.models import JobPause, JobRun
from crm.jobs.pausing import pause_job, pauses, resume_job
from crm.jobs.runner import Runner
from crm.jobs.timetable import JOBS, JobName, Slot

KEYS = (
    "job",
    "last_slot",
    "last_state",
    "last_made",
    "last_reason",
    "next_slot",
    "next_due_at",
    "paused",
)


@click.group(invoke_without_command=True)
@click.pass_context
def clock(context: click.Context) -> None:
    """Run a scheduler node until SIGTERM, or one of the commands below."""
    if context.invoked_subcommand:
        return

    log_as_json()

    with base.sessions() as sessions, stop_signal() as stopped:
        if not wait_for_database(sessions, stopped):
            return
        with sessions() as db:
            ledger.clock_from(db)  # refuses where nothing is installed
        threads = ClockThreads()
        threads.start(sessions, base.site(), mailer())
        stopped.wait()
        threads.stop()


@clock.command()
@click.option("--until", type=base.Moment(), required=True, help="A bare date is that day's end.")
@click.option("--send", is_flag=True, help="Send mails over SMTP; else they go to the mailbox.")
def run(until: datetime, *, send: bool) -> None:
    """Do everything due up to a moment, as at its own moments; prints a JSON summary per job."""
    log_as_json()
    server = mailer() if send else None

    with base.sessions() as sessions:
        site = base.site()
        summaries = Runner(sessions, site).run_until(until, to_mailbox=server is None)
        if server:
            # What was made is due at its slot's moment, which may lie ahead of the machine's clock.
            now = lambda: max(time.now(), until)  # noqa: E731 - a clock
            deliverer = Deliverer(sessions, server, site.mail_from, now)
            deliverer.deliver_to_the_end(Event().wait)

    click.echo(json.dumps({job: summary.as_dict() for job, summary in summaries.items()}))
    if any(summary.is_incomplete for summary in summaries.values()):
        raise RefusedError("有任务没有完成，原因见上面的日志和 crm clock show")


@clock.command("trust")
def trust_clock() -> None:
    """Say that the machine's clock is right, after a break of more than 31 days."""
    with base.sessions() as sessions:
        clock_check.trust(sessions)
    click.echo("已确认系统时间无误，定时任务将从上次停下的地方继续。")


@clock.command()
@base.format_option
def show(form: str) -> None:
    """Show each job's last slot, what it made, the next slot, and why it is paused."""
    with base.reading() as db:
        paused = pauses(db)
        rows = [
            _row(following, ledger.last_run(db, following.job))
            | {"paused": _why(paused.get(following.job.name))}
            for following in manual_runs.next_slots(db, JOBS)
        ]
    base.print_rows(rows, KEYS, form)


def _row(following: Slot, last: JobRun | None) -> dict[str, object]:
    return {
        "job": str(following.job.name),
        "last_slot": last and last.slot,
        "last_state": last and last.state.value,
        "last_made": last and last.made,
        "last_reason": last and last.reason,
        "next_slot": following.name,
        "next_due_at": time.civil(following.due_at).isoformat(),
    }


def _why(pause: JobPause | None) -> str | None:
    return pause.why if pause else None


class Name(click.ParamType[JobName]):
    """A job by its name or its Chinese name."""

    name = "job"

    def convert(self, value: Any, param: Any, ctx: Any) -> JobName:
        """Read it, or say which there are."""
        try:
            return JobName.read(value)
        except ValueError:
            self.fail(f"{value!r} 不是定时任务；可选：{'、'.join(JobName)}", param, ctx)


@clock.command("run-now")
@click.argument("job", type=Name())
def run_now(job: JobName) -> None:
    """Do the earliest slot of JOB that is due and not done, also one that failed."""
    log_as_json()
    with base.sessions() as sessions:
        done = manual_runs.run_now(Runner(sessions, base.site()), job, by=None, now=time.now())
    told = {"job": job, "slot": done.slot.name, "outcome": done.outcome, "made": dict(done.made)}
    click.echo(json.dumps(told))
    if done.outcome.halts:
        raise RefusedError("这一期没有完成，原因见上面的日志和 crm clock show")


@clock.command()
@click.argument("job", type=Name())
@base.format_option
def preview(job: JobName, form: str) -> None:
    """List the mails that the next slot of JOB would make (json: with their text); keep nothing."""
    with base.sessions() as sessions:
        found = manual_runs.preview(Runner(sessions, base.site()), job, now=time.now())

    due = f"{time.civil(found.slot.due_at):%Y-%m-%d %H:%M}"
    made = "，".join(f"{name}={count}" for name, count in sorted(found.made.items()))
    click.echo(
        f"{job} {found.slot.name}，{due}，{found.timing.label}；{made or '没有内容'}", err=True
    )
    if found.error:
        raise RefusedError(f"这一期执行会失败：{found.error}")

    rows = [
        {"recipient": each.name, "kind": each.kind, "subject": each.subject, "text": each.text}
        for each in found.mails
    ]
    base.print_rows(rows, ("recipient", "kind", "subject"), form)


@clock.command()
@click.argument("job", type=Name())
@click.option("--why", required=True, help="Why; the doctor and the page show it.")
def pause(job: JobName, why: str) -> None:
    """Take no slot of JOB until it is resumed."""
    with base.changing() as db:
        pause_job(db, job=job, why=why, by=None, now=time.now())
    click.echo(f"已暂停：{job.label}")


@clock.command()
@click.argument("job", type=Name())
def resume(job: JobName) -> None:
    """Take the slots of JOB again; those since its pause as after a downtime."""
    with base.changing() as db:
        resume_job(db, job=job, by=None, now=time.now())
    click.echo(f"已恢复：{job.label}")
