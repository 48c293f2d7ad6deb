"""`crm audit`: verify the audit trail, and purge old entries."""

from datetime import datetime

import click

from crm.base import clock
from crm.base.audit_trail import first_break, purge, trail
from crm.base.errors import Refused
from crm.cli.base import changing, reading


@click.group()
def audit() -> None:
    """Verify the audit trail, or purge its old entries."""


@audit.command()
def verify() -> None:
    """Verify the hash chain of the audit trail; exit code 1 at the first break."""
    with reading() as db:
        if broken := first_break(db):
            raise Refused("audit_broken", part=broken.part, name=broken.name, flaw=broken.flaw)
        summary = trail(db)
    click.echo(
        f"操作记录完整：共 {summary.entries} 条，日封存 {summary.seals} 次，"
        f"链尾第 {summary.position} 环，校验值 {summary.hash or '（无）'}"
    )


@audit.command("purge")
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="Remove the entries of sealed days before this date.",
)
def purge_(before: datetime) -> None:
    """Remove old entries, none younger than 183 days by the database's clock."""
    with changing() as db:
        count = purge(db, before=before.date(), at=clock.now())
    click.echo(
        f"已清理 {count} 条操作记录，清理本身已留痕。" if count else "暂无可清理的操作记录。"
    )
