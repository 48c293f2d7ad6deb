"""`crm digest`: preview a person's digest without sending it."""

from datetime import datetime

import click

from crm.base import clock
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.base.workdays import WorkingCalendar
from crm.cli.base import Moment, PeriodName, reading, site
from crm.digests import service
from crm.jobs import ledger
from crm.jobs.timetable import JOBS, JobName, slots
from crm.people.queries import by_username
from crm.quotas.queries import working_calendar

KINDS = {
    "weekly": (PeriodKind.WEEK, JobName.WEEKLY_DIGEST),
    "monthly": (PeriodKind.MONTH, JobName.MONTHLY_DIGEST),
}


@click.group()
def digest() -> None:
    """Preview weekly and monthly digests."""


@digest.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--period", type=PeriodName(), required=True, help="2026-W30, or 2026-07.")
@click.option("--for", "username", required=True, help="Whose digest, by username.")
@click.option(
    "--as-of", type=Moment(), help="As of this moment; by default when it is due, or now."
)
@click.option("--text", "as_text", is_flag=True, help="The plain text instead of the HTML.")
def preview(
    kind: str, period: Period, username: str, as_of: datetime | None, *, as_text: bool
) -> None:
    """Print the digest as HTML; nothing is stored or sent."""
    period_kind, job = KINDS[kind]
    if period.kind is not period_kind:
        raise click.BadParameter(f"{period} 不是{period_kind.label}", param_hint="--period")

    with reading() as db:
        person = by_username(db, username)
        if person is None:
            raise Refused("unknown_person", field="for", person=username)
        # a running period's digest lies ahead: then what is known now
        at = as_of or min(clock.now(), _due_at(job, period, working_calendar(db)))
        rendered = service.render_digest(
            service.preview(db, period=period, person=person, at=at, since=ledger.began_on(db)),
            site(),
        )

    click.echo(rendered.text if as_text else rendered.html)


def _due_at(name: JobName, period: Period, calendar: WorkingCalendar) -> datetime:
    job = next(job for job in JOBS if job.name == name)
    # the first slot after the one of the period before is the period's own
    return next(slots(job, calendar, since=at_civil(period.first), last=period.before.name)).due_at
