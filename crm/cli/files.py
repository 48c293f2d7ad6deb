"""`crm files`: check the stored attachments, and remove those that nothing names."""

import click

from crm.base import clock
from crm.base.errors import Refused
from crm.cli import base
from crm.files.queries import stored_digests
from crm.files.store import FileStore, store_at
from crm.files.upkeep import flaws
from crm.files.upkeep import sweep as sweep_unnamed


def _store() -> FileStore:
    return store_at(base.settings().files_place)


@click.group()
def files() -> None:
    """Check the stored attachments, or remove those that no record names."""


@files.command()
def check() -> None:
    """Read every stored file; exit code 1 where one is missing or changed."""
    with base.reading() as db:
        count = len(stored_digests(db))
        broken = list(flaws(db, _store()))
    for digest, flaw in broken:
        click.echo(f"{digest}  {flaw.label}")
    if broken:
        raise Refused("files_broken", count=len(broken), folder=base.settings().files_place)
    click.echo(f"佐证材料完整：共 {count} 份。")


@files.command()
def sweep() -> None:
    """Remove files that no record has named for a week: uploads that were not completed."""
    with base.reading() as db:
        count = sweep_unnamed(db, _store(), now=clock.now())
    click.echo(f"已清理 {count} 份未使用的文件。" if count else "暂无可清理的文件。")
