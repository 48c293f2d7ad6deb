"""Lists that commands print, as a table, JSON or CSV."""

import csv
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


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
        cells = [["" if row[key] is None else _one_line(row[key]) for key in keys] for row in rows]
        for line in _table([keys, *cells]):
            click.echo(line)


def _one_line(value: object) -> str:
    return " ".join(str(value).split())


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """The lines of a table whose first row is its head."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = zip(row, widths, strict=True)
        yield "  ".join(text + " " * (width - _width(text)) for text, width in cells).rstrip()
        if number == 0:
            yield "  ".join("─" * width for width in widths)


def _width(text: str) -> int:
    """The columns of a terminal that the text takes: Chinese characters take two."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)
