"""`crm doctor`: how the installation is, and what to do about it."""

from dataclasses import asdict

import click

from crm.base import clock
from crm.cli import base
from crm.cli.checks import findings
from crm.jobs.health import Health

KEYS = ("check", "state", "told")


@click.command()
@base.format_option
def doctor(form: str) -> None:
    """Check settings, database, clock, outbox, calendar, disk and pages; 1 where one fails."""
    found = findings(now=clock.now())
    base.print_rows([asdict(finding) for finding in found], KEYS, form)
    if failed := [finding.check for finding in found if finding.state is Health.FAIL]:
        raise base.RefusedError(f"有 {len(failed)} 项异常：{'、'.join(failed)}")
