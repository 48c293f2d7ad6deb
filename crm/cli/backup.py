"""`crm backup`, `crm restore`, `crm move`: an installation in one file, and from it."""

from pathlib import Path

import click
from sqlalchemy import create_engine

from crm.backup import making, moving, restoring
from crm.backup.manifest import Manifest
from crm.base import clock, formatting
from crm.base.db import engine_options
from crm.base.errors import Refused
from crm.cli import base
from crm.extensions import db as database
from crm.files.store import store_at
from crm.settings import read_settings

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--without-files", is_flag=True, help="Leave the attachments out.")
def backup(file: Path, *, without_files: bool) -> None:
    """Write all tables, as of one moment, and the attachments into a new FILE, while all runs."""
    store = None if without_files else store_at(base.settings().files_place)
    with base.sessions():
        made = making.back_up(database.engine, store, file, now=clock.now())
        click.echo(f"已备份到 {file}：{_contents(made.manifest)}。")
        if made.lost:
            raise Refused(
                "backup_lacks_files", count=len(made.lost), names="、".join(made.lost[:3])
            )


@click.command()
@click.argument("file", type=FILE)
@click.option("--replace", is_flag=True, help="Also in the place of what the database holds.")
@click.option("--check", is_flag=True, help="Only read FILE and see whether it is whole.")
def restore(file: Path, *, replace: bool, check: bool) -> None:
    """Restore FILE into the empty database that the settings name: all of it, or nothing.

    Delivery is held in the restored copy until `crm outbox release`.
    """
    with base.sessions():
        if check:
            click.echo(f"备份完整：{_contents(restoring.check_backup(file))}。")
            return
        store = store_at(base.settings().files_place)
        restored = restoring.restore(
            database.engine, store, file, replaces=replace, now=clock.now()
        )
    click.echo(f"已恢复并核对：{_contents(restored)}。")
    if not restored.has_files:
        click.echo("备份中没有佐证材料，请另行恢复到 CRM_FILES，再运行 crm files check。")
    click.echo(
        "发信已暂停。请核对数据和待发邮件，再用 crm outbox release 或“系统管理 › 发信”恢复。"
    )


@click.command()
@click.option("--to", "url", required=True, help="postgresql://user:password@host/name, empty.")
def move(url: str) -> None:
    """Move an installation from SQLite to an empty PostgreSQL database, and compare the two."""
    with base.sessions():
        if database.engine.dialect.name != "sqlite":
            raise Refused("move_not_sqlite")
        options = engine_options(read_settings(database_url=url).url)
        target = create_engine(options.pop("url"), **options)
        if target.dialect.name != "postgresql":
            raise Refused("move_not_postgresql")
        try:
            counts = moving.move(database.engine, target, now=clock.now())
        finally:
            target.dispose()
        source = database.engine.url.database
    where = target.url.render_as_string(hide_password=True)
    click.echo(
        f"已迁移到 {where} 并逐表核对：数据表 {len(counts)} 张，{sum(counts.values())} 行。\n"
        f"请将 CRM_DATABASE_URL 设为新库后启动；原文件 {source} 未改动，已做标记，不再提供服务。"
    )


def _contents(manifest: Manifest) -> str:
    files = f"佐证材料 {len(manifest.files)} 份" if manifest.has_files else "不含佐证材料"
    return (
        f"{formatting.moment(manifest.made_at)} 的数据表 {len(manifest.tables)} 张、"
        f"{manifest.rows} 行，{files}，操作记录链尾第 {manifest.trail.position} 环"
    )
