"""A gunicorn worker that hands a request to a thread only once it has arrived completely.

In gunicorn's own worker a thread waits for the rest of a request, so eight slow clients block all
eight threads. Here the main loop's poller waits, and a request that takes too long is dropped.
"""

import contextlib
import re
import socket
import tempfile
import time
from typing import Any, BinaryIO
from weakref import WeakSet

from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

REQUEST_SECONDS = 30  # from the first byte of a request to its last
SEND_SECONDS = 30  # for each part of a response
LARGEST_HEAD = 64 * 1024
LARGEST_KEPT = 12 * 1024 * 1024  # of a body; a larger one is read, discarded and then refused
LARGEST_READ = 256 * 1024 * 1024
# Attachments (crm/web/files): a phone needs minutes for a few photos. They wait on the disk.
UPLOAD_SECONDS = 300
LARGEST_UPLOAD = 64 * 1024 * 1024
MOST_UPLOADS = 16  # on the disk at a time, so that strangers do not fill it
CHUNK = 64 * 1024
_END = b"\r\n\r\n"
_LENGTH = re.compile(
    rb"^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_CHUNKED = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)
# The routes of crm/web/files/limits.py, which a worker reads before the application does.
UPLOAD = re.compile(rb"POST /[^ ?]*/(?:files|claims/[a-z_]+|\d+/again)(?:\?[^ ]*)? HTTP/")
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
LENGTH_REQUIRED = b"HTTP/1.1 411 Length Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class UnreadableError(Exception):
    """The connection cannot be used further; the argument, if any, is the response to send."""


_on_disk: WeakSet[Any] = WeakSet()  # files of uploads; a dropped connection drops its own


class SpooledUnreader(Unreader):  # type: ignore[misc] # gunicorn has no types
    """Reads what follows the head from a file."""

    def __init__(self, spool: BinaryIO) -> None:
        super().__init__()
        self._spool = spool

    def chunk(self, size_hint: int | None = None) -> bytes:
        return self._spool.read(max(size_hint or 0, CHUNK))


class PartialRequest:
    """What has arrived of a request."""

    def __init__(self, *, until: float) -> None:
        self.data = bytearray()
        self.until = until
        self._missing: int | None = None  # bytes of the body yet to come, once the head is read
        self.is_kept = True
        self.spool: BinaryIO | None = None  # the body of a large upload

    @property
    def is_complete(self) -> bool:
        return self._missing is not None and self._missing <= 0

    def add(self, chunk: bytes) -> None:
        """Add received bytes; `UnreadableError` if it is too large or its length unknown."""
        if self._missing is None:
            self.data += chunk
            self._read_head()
            return
        self._missing -= len(chunk)
        if self.spool:
            self.spool.write(chunk)
        elif self.is_kept:
            self.data += chunk

    def _read_head(self) -> None:
        end = self.data.find(_END)
        if end < 0:
            if len(self.data) > LARGEST_HEAD:
                raise UnreadableError
            return

        head = bytes(self.data[:end]).replace(b"\r\n", b"\n")
        if _CHUNKED.search(head):  # browsers and proxies send the length
            raise UnreadableError(LENGTH_REQUIRED)

        header = _LENGTH.search(head)
        length = int(header[1]) if header else 0
        if length > LARGEST_READ:
            raise UnreadableError

        body = bytes(self.data[end + len(_END) :])
        self._missing, self.is_kept = length - len(body), length <= LARGEST_KEPT
        is_upload = UPLOAD.match(head) is not None and length <= LARGEST_UPLOAD
        if is_upload:
            self.until += UPLOAD_SECONDS - REQUEST_SECONDS
        if not self.is_kept:
            del self.data[end + len(_END) :]
            if is_upload:
                self._begin_spool(body)

    def _begin_spool(self, body: bytes) -> None:
        if len(_on_disk) >= MOST_UPLOADS:
            raise UnreadableError(BUSY)
        self.spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is answered
        _on_disk.add(self.spool)
        self.spool.write(body)


class RequestWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn's threaded worker, whose threads never wait for a client's request."""

    def handle(self, conn: TConn) -> Any:
        """Answer the request if it is complete, else leave it to the poller."""
        try:
            if not self._has_arrived(conn):
                is_in_time = time.monotonic() < conn.arrival.until
                # False closes the connection
                return _DEFER if self.alive and is_in_time else False
        except UnreadableError as error:
            if error.args:
                with contextlib.suppress(OSError):
                    conn.sock.send(error.args[0])
            return False
        except OSError:  # the client has gone
            return False

        conn.sock.settimeout(None)
        arrival, conn.arrival = conn.arrival, None
        conn.is_kept = arrival.is_kept
        if arrival.spool:  # the connection is closed after it, so nothing else is read from it
            arrival.spool.seek(0)
            conn.parser.unreader = SpooledUnreader(arrival.spool)
        conn.parser.unreader.unread(bytes(arrival.data))

        try:
            return super().handle(conn)
        finally:
            if arrival.spool:
                arrival.spool.close()
                _on_disk.discard(arrival.spool)

    def _has_arrived(self, conn: TConn) -> bool:
        conn.init()
        conn.sock.settimeout(0)
        arrival = getattr(conn, "arrival", None)

        if arrival is None:
            arrival = conn.arrival = PartialRequest(until=time.monotonic() + REQUEST_SECONDS)
            if (
                buffered := conn.parser.unreader.take_buffered()
            ):  # read together with the previous request
                arrival.add(buffered)

        while not arrival.is_complete:
            try:
                chunk = conn.sock.recv(CHUNK)
            except BlockingIOError:
                return False
            if not chunk:
                raise UnreadableError
            arrival.add(chunk)

        return True

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Answer the request; a client that reads too slowly loses the connection."""
        conn.sock.settimeout(SEND_SECONDS)
        try:
            return bool(super().handle_request(req, conn)) and conn.is_kept
        finally:
            conn.sock.settimeout(None)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Close without waiting for the client: this runs in the loop that serves all clients."""
        result = None if fs.cancelled() or fs.exception() else fs.result()
        if result:
            super().finish_request(conn, fs)
            return
        # What gunicorn's own method does, but without waiting for the client.
        self.nr_conns -= 1
        with contextlib.suppress(OSError):
            conn.sock.settimeout(0)
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.recv(CHUNK)
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """A stopping worker does not wait for incomplete requests."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)
