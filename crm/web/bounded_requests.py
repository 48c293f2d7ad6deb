"""Requests to another server that end in time, whatever it sends and however slowly.

A time-out of `requests` is that of one read: who sends a byte now and then is waited for without
end. Loaded only where a provider is set, as `requests` is large.
"""

import io
import socket
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import BoundedSemaphore, Lock, Thread
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

Value = TypeVar("Value")
LARGEST_ANSWER = 1024 * 1024
MOST_AT_ONCE = 3  # of a process: its other threads answer pages meanwhile
TURN_SECONDS = 1.0
_turns = BoundedSemaphore(MOST_AT_ONCE)


def within(seconds: float, ask: Callable[[HTTPAdapter], Value]) -> Value:
    """What `ask` returns, whose requests go through the adapter; else `TimeoutError`."""
    if not _turns.acquire(timeout=TURN_SECONDS):
        raise TimeoutError
    lines, found = _Lines(), Future[Value]()

    def run() -> None:
        adapter = _Adapter(lines)
        try:
            found.set_result(ask(adapter))
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits for it
            found.set_exception(error)
        finally:
            adapter.close()

    # a thread of its own: to look up a name has no time-out at all
    Thread(target=run, name="bounded-request", daemon=True).start()
    try:
        return found.result(timeout=seconds)
    finally:
        lines.cut()
        _turns.release()


class _Lines:
    """The connections of one exchange, which are cut at its end."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: list[socket.socket] = []
        self._is_over = False

    def add(self, line: socket.socket) -> None:
        with self._lock:
            if self._is_over:
                raise TimeoutError
            # a second name of the connection: TLS takes the first one away
            self._open.append(line.dup())

    def cut(self) -> None:
        with self._lock:
            self._is_over = True
            for line in self._open:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                line.close()


class _Adapter(HTTPAdapter):
    """Reads whole answers that are not too large, over connections that may be cut."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self.poolmanager.pool_classes_by_scheme = _pools(lines)

    def send(self, request: Any, *args: Any, **given: Any) -> requests.Response:
        response = super().send(request, *args, **given | {"stream": True})
        content = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
        response.close()
        if len(content) > LARGEST_ANSWER:
            message = "too large"
            raise requests.ConnectionError(message)
        response.raw = io.BytesIO(content)
        return response


def _pools(lines: _Lines) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            line = super()._new_conn()
            lines.add(line)
            return line

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            line = super()._new_conn()
            lines.add(line)
            return line

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
