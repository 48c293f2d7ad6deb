"""`crm audit`: whether the audit trail is whole, and removing what is old enough."""

from datetime import datetime

import click

from crm.base import clock
from crm.base.audit_trail import first_break, purge, trail
from crm.base.errors import Refused
from crm.cli.base import changing, reading


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
def verify() -> None:
    """Say that the audit trail is whole, or where it breaks first (exit code 1)."""
    with reading() as db:
        if found := first_break(db):
            raise Refused("audit_broken", part=found.part, name=found.name, flaw=found.flaw)
        whole = trail(db)
    click.echo(
        f"操作记录完整：共 {whole.entries} 条，日封存 {whole.seals} 次，"
        f"链尾第 {whole.position} 环，校验值 {whole.hash or '（无）'}"
    )


@audit.command("purge")
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="Entries of the sealed days before this date go.",
)
def purge_(before: datetime) -> None:
    """Remove old entries; none that is younger than 183 days by the database's clock."""
    with changing() as db:
        count = purge(db, before=before.date(), at=clock.now())
    click.echo(
        f"已清理 {count} 条操作记录，清理本身已留痕。" if count else "没有可清理的操作记录。"
    )
