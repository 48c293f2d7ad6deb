"""`crm init`: the tables and the zone's first rows."""

import logging
from datetime import datetime

import click
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.db import installation_lock, make_file
from crm.cli import base, seeds
from crm.extensions import alembic
from crm.extensions import db as database
from crm.jobs import ledger
from crm.transactions import transaction


@click.command()
@click.option(
    "--clock-from",
    type=base.Start(),
    help="The clock's slots begin here; now when left out. A bare date is that day's start.",
)
def init(clock_from: datetime | None) -> None:
    """Make or update the tables, and seed rules, units, calendar and targets; idempotent."""
    with base.sessions() as sessions:
        planted = install(sessions, clock_from=clock_from or clock.now())
        with sessions() as db:
            since = clock.civil(ledger.clock_from(db))
    click.echo(
        f"新增考核规则 {planted.rules} 条、单位 {planted.units} 个、"
        f"工作日调整 {planted.overrides} 条、年度目标 {planted.targets} 条；"
        f"产业目录 {planted.industries} 类。"
    )
    click.echo(f"定时任务自 {since:%Y-%m-%d %H:%M} 起执行。")


def install(sessions: sessionmaker[Session], *, clock_from: datetime) -> seeds.Planted:
    """Bring the database to the newest tables, plant the seeds, remember where the clock begins."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its steps are no news
    make_file(database.engine.url)
    with installation_lock(database.engine):
        alembic.upgrade()
        with transaction(sessions) as db:
            planted = seeds.plant(db, now=clock.now())
            ledger.install(db, clock_from=clock_from, now=clock.now())
    return planted
