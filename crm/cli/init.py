"""`crm init`: create or migrate the tables and add the seed data."""

from datetime import datetime

import click
from flask import current_app
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.db import installation_lock, make_file
from crm.cli import base, seeds
from crm.cli.migrations import migrations
from crm.extensions import db as database
from crm.jobs import ledger
from crm.mailing.channel_secrets import seal_all
from crm.settings import Settings
from crm.transactions import transaction


@click.command()
@click.option(
    "--clock-from",
    type=base.Start(),
    help="Run jobs from this moment on; by default now. A bare date is that day's start.",
)
def init(clock_from: datetime | None) -> None:
    """Create or migrate the tables, and seed rules, units, calendar and targets; idempotent."""
    with base.sessions() as sessions:
        planted = install(sessions, clock_from=clock_from or clock.now())
        with sessions() as db:
            since = clock.civil(ledger.clock_from(db))
    click.echo(
        f"新增考核规则 {planted.rules} 条、单位 {planted.units} 个、"
        f"工作日调整 {planted.overrides} 条、年度目标 {planted.targets} 条；"
        f"产业和线索来源 {planted.catalog} 项，新增困难问题类别 {planted.categories} 个。"
    )
    click.echo(f"定时任务自 {since:%Y-%m-%d %H:%M} 起执行。")


def install(sessions: sessionmaker[Session], *, clock_from: datetime) -> seeds.Planted:
    """Migrate the database, seal secrets, add missing seeds, and record from when jobs run."""
    own: Settings = current_app.config["SETTINGS"]
    make_file(database.engine.url)
    # One process at a time: several containers may run `crm init` as they start.
    with installation_lock(database.engine):
        migrations().upgrade()
        with transaction(sessions) as db:
            planted = seeds.plant(db, now=clock.now())
            seal_all(db, own.secret_key)  # what was stored before channels were sealed
            ledger.install(db, clock_from=clock_from, now=clock.now())
    return planted
