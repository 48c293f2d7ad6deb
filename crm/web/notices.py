"""The one message that a page shows after a change: what was done, its effects, and 撤销."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from flask import flash


class Line(NamedTuple):
    """A further sentence of a message, with the tone in which it is shown."""

    tone: str
    text: str


class Undo(NamedTuple):
    """Where the button 撤销 sends which values, and the row of a list to return to."""

    url: str
    values: Mapping[str, str] = {}
    row: str = ""


def flash_change(message: str, lines: Iterable[Line] = (), undo: Undo | None = None) -> None:
    """Flash one message; the session keeps messages as JSON."""
    notice: dict[str, object] = {"text": message, "lines": [line._asdict() for line in lines]}
    if undo:
        notice["undo"] = {**undo._asdict(), "values": dict(undo.values)}
    flash(notice, "success")  # type: ignore[arg-type] # `ui.alert` takes both
