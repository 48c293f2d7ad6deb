"""What every command needs: an application, a session, a moment, a way to print a list."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import click
from flask import Flask
from rich import box
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from crm.app import create_app
from crm.base import clock
from crm.base.audit import coming_from
from crm.base.db import is_conflict
from crm.base.db_faults import Fault, fault_of, first_line
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.periods import Period
from crm.base.sheets import Format
from crm.base.typed_dates import YEARS
from crm.cli.errors import refusal_text
from crm.extensions import db
from crm.settings import Settings, WrongSettingsError, read_settings
from crm.transactions import transaction

REFUSED = 1
PIPED_WIDTH = 400
CONFLICT = "同一时间有人保存了相冲突的内容，本次没有保存任何内容。请重新运行这条命令。"


class RefusedError(click.ClickException):
    """The command is refused: the reason goes to stderr, the exit code is 1."""

    exit_code = REFUSED

    def show(self, file: Any = None) -> None:
        """Say why, without Click's word before it."""
        click.echo(self.format_message(), err=True)


@cache
def settings() -> Settings:
    """The settings of this process."""
    try:
        return read_settings()
    except WrongSettingsError as error:
        raise RefusedError(str(error)) from None


def make_folder(path: Path) -> None:
    """Make the data folder where it is missing."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"无法使用数据文件夹 {path}：{error.strerror}") from None


@cache
def app() -> Flask:
    """The application of this process."""
    own = settings()
    if own.url.startswith("sqlite") and not own.database_url:
        make_folder(own.data)
    return create_app(own)


def site() -> Site:
    """What mails need to know of the installation."""
    own = settings()
    return Site(base_url=own.base_url, mail_from=own.mail_from, secret=own.secret_key)


@contextmanager
def spoken_refusals() -> Iterator[None]:
    """Put refusals and an unreachable database into words."""
    try:
        yield
    except Refused as refusal:
        raise RefusedError(refusal_text(refusal)) from None
    except DBAPIError as error:
        raise RefusedError(told_of(error)) from None
    except StaleDataError:
        raise RefusedError(CONFLICT) from None


def told_of(error: DBAPIError) -> str:
    """What the database's error means to whoever runs a command; never with a row's values."""
    if isinstance(error, IntegrityError) and is_conflict(error):
        return CONFLICT
    fault = fault_of(error)
    if fault is Fault.NO_TABLES:
        return fault.label
    return f"数据库无法使用：{fault.label}（{first_line(error)}）"


def _called() -> str:
    """The command as it was called, without its options."""
    words: list[str] = []
    context = click.get_current_context(silent=True)
    while context and context.parent:
        words.insert(0, context.info_name or "")
        context = context.parent
    return " ".join(["crm", *words])


@contextmanager
def sessions() -> Iterator[sessionmaker[Session]]:
    """The maker of sessions, with refusals put into words."""
    with app().app_context(), coming_from(_called()), spoken_refusals():
        yield db.sessionmaker


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads."""
    with sessions() as maker, maker() as session:
        yield session


@contextmanager
def changing() -> Iterator[Session]:
    """A session whose changes are committed at the end."""
    with sessions() as maker, transaction(maker) as session:
        yield session


class Moment(click.ParamType[datetime]):
    """An ISO 8601 instant; without an offset civil time; a bare date is that day's last instant."""

    name = "moment"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """Read it, or say what is wanted."""
        if isinstance(value, datetime):
            return value
        try:
            read = self._read(value)
        except (ValueError, OverflowError):
            read = None
        if read is None or read.year not in YEARS:
            self.fail(f"{value!r} 不是时间，例如 2026-07-15T10:00 或 2026-07-15", param, ctx)
        return read

    def _read(self, text: str) -> datetime:
        try:
            on = date.fromisoformat(text)
        except ValueError:
            return clock.parse_instant(text)
        return self.of_date(on)

    @staticmethod
    def of_date(on: date) -> datetime:
        """The moment that a bare date means."""
        return clock.at_civil(on, time.max)


class Start(Moment):
    """The same, from which something begins: a bare date is that day's first instant."""

    @staticmethod
    def of_date(on: date) -> datetime:
        """The moment that a bare date means."""
        return clock.at_civil(on)


class PeriodName(click.ParamType[Period]):
    """A period by its name: `2026-W30`, `2026-07-X1`, `2026-07`, `2026-Q3`, `2026`."""

    name = "period"

    def convert(self, value: Any, param: Any, ctx: Any) -> Period:
        """Read it, or say what is wanted."""
        if isinstance(value, Period):
            return value
        try:
            period = Period.parse(value)
        except ValueError:
            period = None
        if period is None or period.first.year not in YEARS:
            self.fail(
                f"{value!r} 不是周期，例如 2026-W30、2026-07-X1、2026-07、2026-Q3、2026", param, ctx
            )
        return period


F = TypeVar("F", bound=Callable[..., Any])


def file_format(file: Path | None) -> Format:
    """What a file to be written is, by its suffix; CSV where it goes to stdout."""
    if file is None or str(file) == "-":
        return Format.CSV
    try:
        return Format(file.suffix.lower())
    except ValueError:
        raise click.UsageError("文件名应以 .csv 或 .xlsx 结尾。") from None


def format_option(command: F) -> F:
    """Add `--format` to a command that prints a list."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        help="How the list is printed.",
    )(command)


def print_rows(rows: Sequence[Mapping[str, object]], keys: Sequence[str], form: str) -> None:
    """Print a list as a table, as JSON or as CSV."""
    if form == "json":
        click.echo(json.dumps([dict(row) for row in rows], ensure_ascii=False, default=str))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, keys, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        table = Table(*(Column(key, overflow="fold") for key in keys), box=box.SIMPLE_HEAD)
        for row in rows:
            table.add_row(*("" if row[key] is None else str(row[key]) for key in keys))
        # what is piped has no screen to fit into
        Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)
