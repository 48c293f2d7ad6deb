"""`/metrics` for Prometheus: what the database says of the installation, and request times.

Only who knows the token of the settings may read it; without one there is no such page, and the
library is not loaded. Several workers of one machine share their counts in the folder that
`PROMETHEUS_MULTIPROC_DIR` names, which `crm serve` makes.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.extensions import db
from crm.jobs import health, ledger
from crm.jobs.timetable import JOBS
from crm.settings import Settings
from crm.web.request_log import route, seconds
from crm.web.transaction import moment

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)  # seconds
bp = Blueprint("metrics", __name__)


class RequestMetrics:
    """The request times of this process, and the connections of its pool."""

    def __init__(self) -> None:
        from prometheus_client import (  # noqa: PLC0415 - only where it is wanted
            CollectorRegistry,
            Gauge,
            Histogram,
        )

        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "crm_request_seconds",
            "Time of a request, by the pattern of its address.",
            ["method", "route", "status"],
            registry=self.registry,
            buckets=BUCKETS,
        )
        self._connections = Gauge(
            "crm_database_connections",
            "Connections of the pool that are in use.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def observe(self, response: Response) -> Response:
        """Count the request that ends with this response."""
        labels = request.method, route(), str(response.status_code)
        self._seconds.labels(*labels).observe(seconds())
        pool: Any = db.engine.pool
        if hasattr(pool, "checkedout"):
            self._connections.set(pool.checkedout())
        return response

    def text(self) -> bytes:
        """All of this machine's workers, in Prometheus' format."""
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - as above
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - as above

        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)


class InstallationMetrics:
    """What the database says; the same on every machine."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        """Gauges as of now; only that there is none where the database is away."""
        try:
            yield from [_gauge("database_up", "Whether the database answers.", 1), *self._all()]
        except DBAPIError:
            self._session.rollback()
            yield _gauge("database_up", "Whether the database answers.", 0)

    def _all(self) -> "list[GaugeMetricFamily]":
        pulse = health.pulse(self._session, now=self._now)
        backlog = health.backlog(self._session, now=self._now)
        silent, oldest = pulse.silent_for, backlog.oldest
        overdue = health.overdue(self._session, now=self._now)
        states = {state.value: pile.count for state, pile in backlog.piles.items()}
        is_held = health.why_held(self._session) is not None
        return [
            _gauge("clock_silent_seconds", "Time since the clock ticked.", _seconds(silent)),
            _gauge("clock_overdue_slots", "Slots ten minutes overdue.", len(overdue)),
            _gauge(
                "clock_failed_slots",
                "Slots that failed and are tried again.",
                len(ledger.failures(self._session, JOBS)),
            ),
            _gauge("clock_paused_jobs", "Paused jobs.", len(health.paused(self._session))),
            _gauge("delivery_held", "Whether delivery is held.", int(is_held)),
            _gauge("outbox_oldest_seconds", "Age of the oldest waiting message.", _seconds(oldest)),
            _states(states),
        ]


def _gauge(name: str, words: str, value: float) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as above

    return GaugeMetricFamily(f"crm_{name}", words, value=value)


def _states(counts: dict[str, int]) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as above

    family = GaugeMetricFamily("crm_outbox_messages", "Messages by state.", labels=["state"])
    for state, count in counts.items():
        family.add_metric([state], count)
    return family


def _seconds(age: Any) -> float:
    return age.total_seconds() if age else 0


@bp.get("/metrics")
def show() -> ResponseReturnValue:
    """The metrics, for who sends the token."""
    from prometheus_client import (  # noqa: PLC0415 - as above
        CONTENT_TYPE_LATEST,
        CollectorRegistry,
        generate_latest,
    )

    metrics: RequestMetrics | None = current_app.extensions.get("metrics")
    if metrics is None:
        abort(404)
    settings: Settings = current_app.config["SETTINGS"]
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not compare_digest(given.encode(), settings.metrics_token.encode()):
        return "", 401, {"WWW-Authenticate": "Bearer"}

    registry = CollectorRegistry()
    registry.register(InstallationMetrics(db.session, moment()))
    text = metrics.text() + generate_latest(registry)
    return text, 200, {"Content-Type": CONTENT_TYPE_LATEST}


def init_app(app: Flask) -> None:
    """Measure requests where somebody may read that."""
    settings: Settings = app.config["SETTINGS"]
    if settings.metrics_token:
        app.extensions["metrics"] = metrics = RequestMetrics()
        app.after_request(metrics.observe)
