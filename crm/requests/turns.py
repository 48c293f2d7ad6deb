"""Lets few requests of a process change something at a time.

Threads that compute side by side hold each other up for the interpreter, the one that others wait
for, too. A turn orders requests and decides nothing: what may change is left to the database.
"""

from threading import BoundedSemaphore

from flask import Flask, g

from crm.extensions import db

# SQLite lets one write at a time; on PostgreSQL another computes while one waits for its commit.
AT_ONCE = {"sqlite": 1, "postgresql": 2}
MOST_SECONDS = 0.25  # who has waited so long goes on without a turn
_turns = {dialect: BoundedSemaphore(count) for dialect, count in AT_ONCE.items()}


def take_turn() -> None:
    """Wait until this request is among the few that change something; the turn ends with it."""
    turns = _turns[db.engine.dialect.name]
    if turns.acquire(timeout=MOST_SECONDS):
        g.turns = turns


def _end_turn(_error: BaseException | None) -> None:
    if turns := g.pop("turns", None):
        turns.release()


def init_app(app: Flask) -> None:
    """End the turns of requests with them."""
    app.teardown_request(_end_turn)
