"""Refusals and database errors as sentences for the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from crm.base.db import is_conflict
from crm.base.db_faults import Fault, fault_of, first_line
from crm.base.errors import Refused
from crm.web.errors import refusal_text as page_text

CONFLICT = "他人同时修改了相关内容，本次未保存，请重新运行命令。"


class RefusedError(click.ClickException):
    """The command is refused: the reason goes to stderr, the exit code is 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Print the reason without Click's prefix "Error:"."""
        click.echo(self.format_message(), err=True)


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn refusals and database errors into a `RefusedError`."""
    # `from None`: an operator needs the sentence, not the trace.
    try:
        yield
    except Refused as refusal:
        raise RefusedError(refusal_text(refusal)) from None
    except DBAPIError as error:
        raise RefusedError(database_error_text(error)) from None
    except StaleDataError:
        raise RefusedError(CONFLICT) from None


def refusal_text(refusal: Refused) -> str:
    """The sentence of a refusal, after the name of the field that it concerns."""
    sentence = page_text(refusal)
    return f"{refusal.field}: {sentence}" if refusal.field else sentence


def database_error_text(error: DBAPIError) -> str:
    """A sentence on a database error; it never holds a row's values, which may be secret."""
    if isinstance(error, IntegrityError) and is_conflict(error):
        return CONFLICT
    fault = fault_of(error)
    if fault is Fault.NO_TABLES:
        return fault.label
    return f"数据库无法使用：{fault.label}（{first_line(error)}）"
