"""A TCP connection with hard deadlines, whose waits can be interrupted.

A server that sends a byte now and then never lets a socket's own timeout run out. Here each wait
ends at a moment of the monotonic clock, and calls back every fraction of a second, so that the
caller can end it.
"""

import errno
import os
import select
import socket
import ssl
from collections.abc import Callable
from functools import cache
from queue import Queue
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

from crm.base import clock

CALLBACK_SECONDS = 0.2
CHUNK = 16 * 1024
LONGEST_LINE = 8 * 1024
BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

T = TypeVar("T")
Args = TypeVarTuple("Args")
WhileWaiting = Callable[[], None]
Poll = Callable[[int, int, float], bool]  # a descriptor, what is waited for, seconds: is it ready?


class StoppedError(Exception):
    """The process was told to end."""


class TimedOutError(TimeoutError):
    """The deadline has passed, whatever was received until then."""

    def __str__(self) -> str:
        return "服务器在时限内没有完整应答"


class ClosedError(ConnectionError):
    """The server closed the connection."""

    def __str__(self) -> str:
        return "服务器中断了连接"


class ProtocolError(OSError):
    """The server said something that the protocol does not allow here."""


def poll_alone(descriptor: int, events: int, seconds: float) -> bool:
    """Wait for the descriptor, and hold up this thread."""
    # poll, not select: select fails for descriptors above 1023
    poll = select.poll()
    poll.register(descriptor, events)
    return bool(poll.poll(seconds * 1000))


class Connection:
    """A TCP connection, with TLS once `secure` is called.

    `while_waiting` is called repeatedly during each wait; what it raises ends the wait.
    """

    def __init__(self, while_waiting: WhileWaiting, poll: Poll = poll_alone) -> None:
        self._while_waiting = while_waiting
        self._poll = poll
        self._socket: socket.socket | None = None
        self._unread = bytearray()
        self._is_closed = False
        self._is_secured = False
        self.own_name = ""

    def connect(self, host: str, port: int, *, until: float) -> None:
        """Connect to the first address that answers; raises OSError."""
        addresses, self.own_name = self._look_up(host, port, until)
        problem: OSError = ClosedError()

        for family, kind, protocol, _, address in addresses:
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)  # noqa: FBT003 - its only parameter
            # else the dot after a body waits 40 ms for the acknowledgement of the body
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._reach(self._socket, address, until)
            except OSError as error:
                self.close()
                problem = error
            else:
                return

        raise problem

    def _reach(self, raw: socket.socket, address: Any, until: float) -> None:
        code = raw.connect_ex(address)
        if code == errno.EINPROGRESS:
            self._wait(raw, select.POLLOUT, until)
            code = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def _look_up(self, host: str, port: int, until: float) -> tuple[list[Any], str]:
        """The host's addresses and this machine's name; in a thread, as DNS has no deadline."""
        found: Queue[tuple[list[Any], str] | Exception] = Queue()
        ours, theirs = socket.socketpair()

        def look_up() -> None:
            with theirs:  # that it is closed ends the wait
                try:
                    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                    found.put((addresses, _own_name()))
                except (OSError, ValueError) as error:  # ValueError: a name that DNS cannot hold
                    found.put(error)

        with ours:
            # A daemon: a look-up that hangs must not keep the process from ending.
            Thread(target=look_up, name="dns", daemon=True).start()
            self._wait(ours, select.POLLIN, until)
        answer = found.get_nowait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def secure(self, context: ssl.SSLContext, host: str, *, until: float) -> None:
        """Switch to TLS; unread input from before it could come from anyone, so it is refused."""
        if self.has_input():
            message = "服务器在加密之前多出应答"
            raise ProtocolError(message)
        secured = context.wrap_socket(
            self._open, server_hostname=host, do_handshake_on_connect=False
        )
        self._socket, self._is_secured = secured, True
        self._try(secured.do_handshake, select.POLLIN, until)

    def send(self, data: bytes, *, until: float) -> None:
        unsent = memoryview(data)
        while unsent:
            # TLS requires that the same chunk is offered until it is taken.
            unsent = unsent[self._try(self._send, select.POLLOUT, until, unsent[:CHUNK]) :]

    def read_line(self, *, until: float) -> bytes:
        """The next line, without its line break."""
        while b"\n" not in self._unread:
            if len(self._unread) > LONGEST_LINE:
                message = "服务器的应答过长"
                raise ProtocolError(message)
            if self._is_closed:
                raise ClosedError
            if not self._is_secured:  # an answer takes a while; TLS may have it already
                self._wait(self._open, select.POLLIN, until)
            self._try(self._read, select.POLLIN, until)
        line, _, rest = bytes(self._unread).partition(b"\n")
        self._unread[:] = rest
        return line.removesuffix(b"\r")

    def has_input(self) -> bool:
        """Whether there is unread input; raises `ClosedError` where the server has gone."""
        try:
            self._read()
        except BLOCKED:
            return bool(self._unread)
        if self._is_closed and not self._unread:
            raise ClosedError
        return bool(self._unread)

    @property
    def unread(self) -> bytes:
        """Input that was received and not read yet."""
        return bytes(self._unread)

    def close(self) -> None:
        raw, self._socket = self._socket, None
        if raw:
            raw.close()

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise ClosedError
        return self._socket

    def _send(self, chunk: memoryview) -> int:
        return self._open.send(chunk)

    def _read(self) -> None:
        try:
            received = self._open.recv(CHUNK)
        # closed without TLS's farewell, as many servers do
        except ssl.SSLEOFError:
            received = b""
        self._unread += received
        self._is_closed = not received

    def _try(self, step: Callable[[*Args], T], ready: int, until: float, *args: *Args) -> T:
        while True:
            try:
                return step(*args)
            except BlockingIOError:
                self._wait(self._open, ready, until)
            # TLS may have to read in order to write, and the other way round
            except ssl.SSLWantReadError:
                self._wait(self._open, select.POLLIN, until)
            except ssl.SSLWantWriteError:
                self._wait(self._open, select.POLLOUT, until)

    def _wait(self, on: socket.socket, ready: int, until: float) -> None:
        while not self._poll(on.fileno(), ready, self._next_wait(until)):
            pass

    def _next_wait(self, until: float) -> float:
        """Seconds until the next callback; raises what ends the wait."""
        self._while_waiting()
        remaining = until - clock.monotonic()
        if remaining <= 0:
            raise TimedOutError
        return min(remaining, CALLBACK_SECONDS)


@cache
def _own_name() -> str:
    """The name this machine gives to a server, or its address (RFC 5321 4.1.3)."""
    name = socket.getfqdn()
    if "." in name and name.isascii():
        return name
    try:
        return f"[{socket.gethostbyname(socket.gethostname())}]"
    except OSError:
        return "[127.0.0.1]"
