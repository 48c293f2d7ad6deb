"""A connection to a server whose deadlines nothing on it can move, and which a stop can end.

A server that sends a byte now and then never lets a socket's own timeout run out. Here each wait
ends at a moment of the monotonic clock, and whoever waits is asked every fraction of a second
whether to go on.
"""

import errno
import os
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from queue import Empty, Queue
from threading import Thread
from typing import Any, TypeVar

from crm.base import clock

LOOK_UP_SECONDS = 0.2  # how often a wait asks whether to go on
READS_AT_ONCE = 16 * 1024
LONGEST_LINE = 8 * 1024

T = TypeVar("T")
WhileWaiting = Callable[[], None]


class StoppedError(Exception):
    """The process is told to end."""


class SilentError(TimeoutError):
    """The time is over, whatever came until then."""

    def __str__(self) -> str:
        """In words for a message's note."""
        return "服务器在时限内没有完整应答"


class CutError(ConnectionError):
    """The server has closed the connection."""

    def __str__(self) -> str:
        """In words for a message's note."""
        return "服务器中断了连接"


class OddAnswerError(OSError):
    """The server said what the protocol does not allow here."""


class Wire:
    """A TCP connection, made safe by TLS when that is asked for.

    `while_waiting` is called again and again during each wait; what it raises ends the wait.
    """

    def __init__(self, while_waiting: WhileWaiting) -> None:
        self._while_waiting = while_waiting
        self._socket: socket.socket | None = None
        self._unread = bytearray()
        self._is_cut = False
        self.own_name = ""

    def connect(self, host: str, port: int, *, until: float) -> None:
        """Connect to the first address that answers; raises OSError."""
        addresses, self.own_name = self._look_up(host, port, until)
        problem: OSError = CutError()

        for family, kind, protocol, _, address in addresses:
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)  # noqa: FBT003 - its only parameter
            try:
                self._reach(self._socket, address, until)
            except OSError as error:
                self.close()
                problem = error
            else:
                return

        raise problem

    def _reach(self, own: socket.socket, address: Any, until: float) -> None:
        code = own.connect_ex(address)
        if code == errno.EINPROGRESS:
            self._wait(select.POLLOUT, until)
            code = own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def _look_up(self, host: str, port: int, until: float) -> tuple[list[Any], str]:
        """The host's addresses and this machine's name: in a thread, as no wait for DNS ends."""
        found: Queue[tuple[list[Any], str] | Exception] = Queue()

        def look_up() -> None:
            try:
                found.put((socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), _own_name()))
            except (OSError, ValueError) as error:  # ValueError: a name that no DNS can have
                found.put(error)

        Thread(target=look_up, name="dns", daemon=True).start()
        while True:
            with suppress(Empty):
                answer = found.get(timeout=self._next_look(until))
                if isinstance(answer, Exception):
                    raise answer
                return answer

    def secure(self, context: ssl.SSLContext, host: str, *, until: float) -> None:
        """Go on under TLS; what the server said before it began would not be from under it."""
        if self.has_input():
            message = "服务器在加密之前多出应答"
            raise OddAnswerError(message)
        secured = context.wrap_socket(
            self._open, server_hostname=host, do_handshake_on_connect=False
        )
        self._socket = secured
        self._try(secured.do_handshake, select.POLLIN, until)

    def send(self, data: bytes, *, until: float) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            # The same piece is offered until it is taken: TLS asks for that.
            piece = left[:READS_AT_ONCE]
            sent = self._try(lambda piece=piece: self._open.send(piece), select.POLLOUT, until)  # type: ignore[misc]
            left = left[sent:]

    def read_line(self, *, until: float) -> bytes:
        """The next line without its end."""
        while b"\n" not in self._unread:
            if len(self._unread) > LONGEST_LINE:
                message = "服务器的应答过长"
                raise OddAnswerError(message)
            if self._is_cut:
                raise CutError
            self._try(self._read, select.POLLIN, until)
        line, _, rest = bytes(self._unread).partition(b"\n")
        self._unread[:] = rest
        return line.removesuffix(b"\r")

    def has_input(self) -> bool:
        """Whether the server has said more than was read; raises `CutError` where it has gone."""
        with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self._read()
        if self._is_cut and not self._unread:
            raise CutError
        return bool(self._unread)

    @property
    def unread(self) -> bytes:
        """What has come and was not read."""
        return bytes(self._unread)

    def close(self) -> None:
        """Let go of the connection."""
        own, self._socket = self._socket, None
        if own:
            own.close()

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise CutError
        return self._socket

    def _read(self) -> None:
        try:
            got = self._open.recv(READS_AT_ONCE)
        except ssl.SSLEOFError:
            got = b""
        self._unread += got
        self._is_cut = not got

    def _try(self, step: Callable[[], T], ready: int, until: float) -> T:
        while True:
            try:
                return step()
            except BlockingIOError:
                self._wait(ready, until)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, until)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, until)

    def _wait(self, ready: int, until: float) -> None:
        poll = select.poll()
        poll.register(self._open, ready)
        while not poll.poll(self._next_look(until) * 1000):
            pass

    def _next_look(self, until: float) -> float:
        """How long to wait before this is asked again; raises what ends the wait."""
        self._while_waiting()
        left = until - clock.monotonic()
        if left <= 0:
            raise SilentError
        return min(left, LOOK_UP_SECONDS)


@cache
def _own_name() -> str:
    """What this machine calls itself to a server (RFC 5321 4.1.3: its address, without a name)."""
    name = socket.getfqdn()
    if "." in name and name.isascii():
        return name
    try:
        return f"[{socket.gethostbyname(socket.gethostname())}]"
    except OSError:
        return "[127.0.0.1]"
