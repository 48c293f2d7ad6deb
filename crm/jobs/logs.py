"""Logs of the clock and its workers: one JSON object a line, on stderr, with counts."""

import sys

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer


def log_as_json() -> None:
    """Set up this process's logs, once, at its start."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without the frames' variables: they hold what people entered.
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
