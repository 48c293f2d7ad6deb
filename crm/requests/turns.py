"""Lets few requests of a process change something at a time.

Threads that compute side by side hold each other up for the interpreter, the one that others wait
for, too. A turn orders requests and decides nothing: what may change is left to the database.
"""

from threading import Condition

from flask import Flask, g

from crm.extensions import db

# SQLite lets one write at a time; on PostgreSQL another computes while one waits for its commit.
AT_ONCE = {"sqlite": 1, "postgresql": 2}
MOST_SECONDS = 0.25  # who has waited so long takes the turn of the request that takes longest


class Turns:
    """The turns of a process on one kind of database."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._taken: list[object] = []  # the longest first
        self._ended = Condition()

    def take(self) -> object:
        """Wait for a turn; returns what `end` takes."""
        turn = object()
        with self._ended:
            if not self._ended.wait_for(self._is_free, MOST_SECONDS):
                del self._taken[0]  # that request goes on, and nobody else waits for it
            self._taken.append(turn)
        return turn

    def end(self, turn: object) -> None:
        """Let another have the turn."""
        with self._ended:
            if turn in self._taken:
                self._taken.remove(turn)
                self._ended.notify()

    def _is_free(self) -> bool:
        return len(self._taken) < self._at_once


_turns = {dialect: Turns(at_once) for dialect, at_once in AT_ONCE.items()}


def take_turn() -> None:
    """Wait until this request is among the few that change something; its end ends the turn."""
    turns = _turns[db.engine.dialect.name]
    g.turn = (turns, turns.take())


def _end_turn(_error: BaseException | None) -> None:
    if taken := g.pop("turn", None):
        turns, turn = taken
        turns.end(turn)


def init_app(app: Flask) -> None:
    """End the turns of requests with them."""
    app.teardown_request(_end_turn)
