"""A gunicorn worker that gives a thread only to requests which have arrived whole.

Gunicorn's own lets a thread wait for each further byte of head and body: eight slow clients would
hold all eight. Here the main loop's poller waits; what is not whole in time loses its connection.
"""

import contextlib
import re
import socket
import time
from typing import Any

from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

WHOLE_SECONDS = 30  # from the first byte of a request to its last
SEND_SECONDS = 30  # for each part of an answer
MOST_HEAD = 64 * 1024
MOST_KEPT = 12 * 1024 * 1024  # of a body; a larger one is read and thrown away, and refused after
MOST_READ = 256 * 1024 * 1024
CHUNK = 64 * 1024
_END = b"\r\n\r\n"
_LENGTH = re.compile(
    rb"^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_CHUNKED = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)
LENGTH_REQUIRED = b"HTTP/1.1 411 Length Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Unreadable(Exception):  # noqa: N818 - a request that is given up, not a fault
    """Nothing more of the connection is of use."""


class Arrival:
    """What has arrived of one request."""

    def __init__(self, *, until: float) -> None:
        self.data = bytearray()
        self.until = until
        self._missing: int | None = None  # bytes of the body yet to come, once the head is read
        self.is_kept = True

    @property
    def is_whole(self) -> bool:
        """Whether head and body are there."""
        return self._missing is not None and self._missing <= 0

    def add(self, chunk: bytes) -> None:
        """Take more of it; raises `Unreadable` where it has no end that one may wait for."""
        if self._missing is None:
            self.data += chunk
            self._read_head()
            return
        self._missing -= len(chunk)
        if self.is_kept:
            self.data += chunk

    def _read_head(self) -> None:
        end = self.data.find(_END)
        if end < 0:
            if len(self.data) > MOST_HEAD:
                raise Unreadable
            return

        head = bytes(self.data[:end]).replace(b"\r\n", b"\n")
        if _CHUNKED.search(head):  # a proxy in front sends the length; browsers do, too
            raise Unreadable(LENGTH_REQUIRED)

        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if length > MOST_READ:
            raise Unreadable

        body = len(self.data) - end - len(_END)
        self._missing, self.is_kept = length - body, length <= MOST_KEPT
        if not self.is_kept:
            del self.data[end + len(_END) :]


class RequestWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn's worker of threads, whose threads never wait for a client's request."""

    def handle(self, conn: TConn) -> Any:
        """Answer the request if it is whole; else wait for more of it in the poller."""
        try:
            if not self._has_arrived(conn):
                is_in_time = time.monotonic() < conn.arrival.until
                return _DEFER if self.alive and is_in_time else False
        except Unreadable as why:
            if why.args:
                with contextlib.suppress(OSError):
                    conn.sock.send(why.args[0])
            return False
        except OSError:  # the client has gone
            return False

        conn.sock.settimeout(None)
        conn.parser.unreader.unread(bytes(conn.arrival.data))
        conn.is_kept = conn.arrival.is_kept
        conn.arrival = None

        return super().handle(conn)

    def _has_arrived(self, conn: TConn) -> bool:
        conn.init()
        conn.sock.settimeout(0)
        arrival = getattr(conn, "arrival", None)

        if arrival is None:
            arrival = conn.arrival = Arrival(until=time.monotonic() + WHOLE_SECONDS)
            if ahead := conn.parser.unreader.take_buffered():  # read with the request before
                arrival.add(ahead)

        while not arrival.is_whole:
            try:
                chunk = conn.sock.recv(CHUNK)
            except BlockingIOError:
                return False
            if not chunk:
                raise Unreadable
            arrival.add(chunk)

        return True

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Answer it, and wait for a slow reader only so long."""
        conn.sock.settimeout(SEND_SECONDS)
        try:
            return bool(super().handle_request(req, conn)) and conn.is_kept
        finally:
            conn.sock.settimeout(None)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Close without waiting for the client: this runs in the loop that serves everybody."""
        result = None if fs.cancelled() or fs.exception() else fs.result()
        if result:
            super().finish_request(conn, fs)
            return
        self.nr_conns -= 1
        with contextlib.suppress(OSError):
            conn.sock.settimeout(0)
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.recv(CHUNK)
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """A worker that stops does not wait for requests which have not arrived."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)
