"""Logs: one JSON object a line, on stderr, without what people entered.

Lines name records by id and requests by id and route. What libraries and servers say is cleared of
addresses and telephone numbers; the words of an exception are left out, since they may hold values.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

from crm.base.logs import structlog

MAIL_ADDRESS = re.compile(r"[\w.+-]+(?=@[\w-]+(\.[\w-]+)*)")
PHONE = re.compile(
    r"(?<![\dA-Fa-f.:])(?:\+?86[- ]?)?(?:1[3-9]\d{9}|0\d{2,3}[- ]\d{7,8})(?![\dA-Fa-f])"
)
SUSPECT = re.compile(r"@|\d{7}")  # what neither address nor number is without: most texts have none
HIDDEN = "***"

Event = MutableMapping[str, Any]


def hide_personal_data(_logger: object, _method: str, event: Event) -> Event:
    """Clear the texts of a line of mail addresses and telephone numbers."""
    return {name: _hidden(value) for name, value in event.items()}


def _hidden(value: Any) -> Any:
    match value:
        case str() if SUSPECT.search(value):
            return PHONE.sub(HIDDEN, MAIL_ADDRESS.sub(HIDDEN, value))
        case dict():
            return {name: _hidden(part) for name, part in value.items()}
        case list() | tuple():
            return [_hidden(part) for part in value]
    return value


class _TracesWithoutWords(structlog.tracebacks.ExceptionDictTransformer):
    """Traces of places in the code: neither variables nor an exception's words."""

    def __init__(self) -> None:
        super().__init__(show_locals=False)

    def __call__(self, exc_info: Any) -> list[dict[str, Any]]:
        traces = super().__call__(exc_info)
        for trace in traces:
            trace["exc_value"] = ""
            trace.pop("exc_notes", None)
        return traces


SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.ExceptionRenderer(_TracesWithoutWords()),
    hide_personal_data,
)


def log_as_json(stream: TextIO = sys.stderr) -> None:
    """Set up this process's logs, once, at its start."""
    as_json = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    structlog.configure(
        processors=[*SHARED, as_json],
        logger_factory=lambda *_: structlog.WriteLogger(stream),
    )
    # libraries log by Python's own logging
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, as_json],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
