"""`crm clock`: run a scheduler node, replay a period, and inspect or pause jobs."""

import json
from datetime import datetime
from threading import Event
from typing import Any

import click

from crm.base import clock as time
from crm.cli import base, import_worker
from crm.cli.errors import RefusedError
from crm.cli.processes import stop_signal, wait_for_database
from crm.jobs import clock_check, ledger, manual_runs
from crm.jobs.channels.delivery import ChannelDeliverer
from crm.jobs.clock import ClockThreads
from crm.jobs.delivery import Deliverer
from crm.jobs.logs import log_as_json
from crm.jobs.mail_route import mail_route
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
        threads.start(sessions, base.site(), base.settings().of_mails, import_worker.start)
        stopped.wait()
        threads.stop()


@clock.command()
@click.option("--until", type=base.Moment(), required=True, help="A bare date is that day's end.")
@click.option("--send", is_flag=True, help="Send mails over SMTP; else they go to the mailbox.")
def run(until: datetime, *, send: bool) -> None:
    """Run everything due up to a moment, each slot at its own time; print a JSON summary by job."""
    log_as_json()

    with base.sessions() as sessions:
        site = base.site()
        with sessions() as db:
            route = mail_route(db, base.settings().of_mails)
        server = route.server if send else None
        summaries = Runner(sessions, site).run_until(until, to_mailbox=server is None)
        if server:
            # mails are due at their slot's time, which may be later than the machine's clock
            now = lambda: max(time.now(), until)  # noqa: E731 - a clock
            deliverer = Deliverer(sessions, server, route.sender, now)
            deliverer.deliver_to_the_end(Event().wait)
            ChannelDeliverer(sessions, site.secret, now).deliver_all()

    click.echo(json.dumps({job: summary.as_dict() for job, summary in summaries.items()}))
    if any(summary.is_incomplete for summary in summaries.values()):
        raise RefusedError("有任务未完成，原因见以上日志和 crm clock show")


@clock.command("trust")
def trust_clock() -> None:
    """Confirm that the machine's clock is right, after a gap of more than 31 days."""
    with base.sessions() as sessions:
        clock_check.trust(sessions)
    click.echo("已确认系统时间无误，定时任务将从上次中断处继续。")


@clock.command()
@base.format_option
def show(form: str) -> None:
    """Show each job's last slot and its result, the next slot, and why a job is paused."""
    with base.reading() as db:
        paused = pauses(db)
        rows = [
            _row(slot, ledger.last_run(db, slot.job))
            | {"paused": _reason(paused.get(slot.job.name))}
            for slot in manual_runs.next_slots(db, JOBS)
        ]
    base.print_rows(rows, KEYS, form)


def _row(next_slot: Slot, last: JobRun | None) -> dict[str, object]:
    return {
        "job": str(next_slot.job.name),
        "last_slot": last and last.slot,
        "last_state": last and last.state.value,
        "last_made": last and last.made,
        "last_reason": last and last.reason,
        "next_slot": next_slot.name,
        "next_due_at": time.civil(next_slot.due_at).isoformat(),
    }


def _reason(pause: JobPause | None) -> str | None:
    return pause.why if pause else None


class JobParameter(click.ParamType[JobName]):
    """A job's name, in English or Chinese."""

    name = "job"

    def convert(self, value: Any, param: Any, ctx: Any) -> JobName:
        try:
            return JobName.read(value)
        except ValueError:
            self.fail(f"{value!r} 不是定时任务；可选：{'、'.join(JobName)}", param, ctx)


@clock.command("run-now")
@click.argument("job", type=JobParameter())
def run_now(job: JobName) -> None:
    """Run the earliest due slot of JOB that is not done, also after a failure."""
    log_as_json()
    with base.sessions() as sessions:
        done = manual_runs.run_now(Runner(sessions, base.site()), job, by=None, now=time.now())
    result = {"job": job, "slot": done.slot.name, "outcome": done.outcome, "made": dict(done.made)}
    click.echo(json.dumps(result))
    if done.outcome.halts:
        raise RefusedError("本期未完成，原因见以上日志和 crm clock show")


@clock.command()
@click.argument("job", type=JobParameter())
@base.format_option
def preview(job: JobName, form: str) -> None:
    """List the mails that the next slot of JOB would make (json: with text); change nothing."""
    with base.sessions() as sessions:
        result = manual_runs.preview(Runner(sessions, base.site()), job, now=time.now())

    # To stderr, so that stdout holds the rows alone.
    due = f"{time.civil(result.slot.due_at):%Y-%m-%d %H:%M}"
    made = "，".join(f"{name}={count}" for name, count in sorted(result.made.items()))
    click.echo(
        f"{job} {result.slot.name}，{due}，{result.timing.label}；{made or '无内容'}", err=True
    )
    if result.error:
        raise RefusedError(f"这一期执行会失败：{result.error}")

    rows = [
        {"recipient": mail.name, "kind": mail.kind, "subject": mail.subject, "text": mail.text}
        for mail in result.mails
    ]
    base.print_rows(rows, ("recipient", "kind", "subject"), form)


@clock.command()
@click.argument("job", type=JobParameter())
@click.option("--why", required=True, help="The reason; crm doctor and the jobs page show it.")
def pause(job: JobName, why: str) -> None:
    """Stop running JOB until it is resumed."""
    with base.changing() as db:
        pause_job(db, job=job, why=why, by=None, now=time.now())
    click.echo(f"已暂停：{job.label}")


@clock.command()
@click.argument("job", type=JobParameter())
def resume(job: JobName) -> None:
    """Run JOB again; slots since the pause are handled as after a downtime."""
    with base.changing() as db:
        resume_job(db, job=job, by=None, now=time.now())
    click.echo(f"已恢复：{job.label}")
