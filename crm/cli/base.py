"""What commands share: settings, application, sessions, parameter types, printed lists."""

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
from sqlalchemy.orm import Session, sessionmaker

from crm.app import create_app
from crm.base import clock
from crm.base.audit import coming_from
from crm.base.mail import Site
from crm.base.periods import Period
from crm.base.sheets import Format
from crm.base.typed_dates import YEARS
from crm.cli.errors import RefusedError, readable_errors
from crm.extensions import db
from crm.settings import Settings, WrongSettingsError, read_settings
from crm.transactions import transaction

PIPED_WIDTH = 400


@cache
def settings() -> Settings:
    try:
        return read_settings()
    except WrongSettingsError as error:
        raise RefusedError(str(error)) from None


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"无法使用数据文件夹 {path}：{error.strerror}") from None


@cache
def app() -> Flask:
    current = settings()
    # A file that CRM_DATABASE_URL names lies in a folder of the operator's own.
    if current.url.startswith("sqlite") and not current.database_url:
        make_folder(current.data)
    return create_app(current)


def site() -> Site:
    return settings().site


def _command_name() -> str:
    """The command and its groups as called, without options: the audit trail keeps it."""
    words: list[str] = []
    context = click.get_current_context(silent=True)
    while context and context.parent:
        words.insert(0, context.info_name or "")
        context = context.parent
    return " ".join(["crm", *words])


@contextmanager
def sessions() -> Iterator[sessionmaker[Session]]:
    """The session factory, inside the application's context."""
    with app().app_context(), coming_from(_command_name()), readable_errors():
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
    """An ISO 8601 instant; civil time without an offset; a bare date is that day's last instant."""

    name = "moment"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        # Click also converts defaults, which are values already.
        if isinstance(value, datetime):
            return value
        try:
            instant = self._parse(value)
        # OverflowError: an offset leads beyond the first or last year
        except (ValueError, OverflowError):
            instant = None
        if instant is None or instant.year not in YEARS:
            self.fail(f"{value!r} 不是时间，例如 2026-07-15T10:00 或 2026-07-15", param, ctx)
        return instant

    def _parse(self, text: str) -> datetime:
        try:
            on = date.fromisoformat(text)
        except ValueError:
            return clock.parse_instant(text)
        return self.of_date(on)

    @staticmethod
    def of_date(on: date) -> datetime:
        return clock.at_civil(on, time.max)


class Start(Moment):
    """A moment at which something begins: a bare date is that day's first instant."""

    @staticmethod
    def of_date(on: date) -> datetime:
        return clock.at_civil(on)


class PeriodName(click.ParamType[Period]):
    """The name of a period: `2026-W30`, `2026-07-X1`, `2026-07`, `2026-Q3`, `2026`."""

    name = "period"

    def convert(self, value: Any, param: Any, ctx: Any) -> Period:
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
    """The format of a file to write, by its suffix; CSV for stdout."""
    if file is None or str(file) == "-":
        return Format.CSV
    try:
        return Format(file.suffix.lower())
    except ValueError:
        raise click.UsageError("文件名应以 .csv 或 .xlsx 结尾。") from None


def format_option(command: F) -> F:
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        help="How the list is printed.",
    )(command)


def print_rows(rows: Sequence[Mapping[str, object]], keys: Sequence[str], form: str) -> None:
    if form == "json":
        click.echo(json.dumps([dict(row) for row in rows], ensure_ascii=False, default=str))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, keys, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_table(rows, keys)


def _print_table(rows: Sequence[Mapping[str, object]], keys: Sequence[str]) -> None:
    from rich import box  # noqa: PLC0415 - 4 MiB, for lists alone
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.table import Column, Table  # noqa: PLC0415 - as above

    table = Table(*(Column(key, overflow="fold") for key in keys), box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*("" if row[key] is None else str(row[key]) for key in keys))
    # piped output has no screen: narrow columns would only break long values
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)
