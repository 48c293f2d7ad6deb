"""One HTTP request to a channel, with an end to its waits, its answer's size, and its way.

The address is looked up once and connected to as it is. No redirect is followed and no proxy of
the environment is used. Once the request is on its way, only a whole answer says what became of it.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException
from threading import Event, Thread
from typing import TYPE_CHECKING

from crm.base import clock
from crm.base.value_class import value_class
from crm.jobs.channels.resolving import addresses_of
from crm.jobs.connection import StoppedError
from crm.jobs.smtp import AmbiguousError, UnreachableError
from crm.mailing.channel_rules import Target

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

MOST_BYTES = 64 * 1024  # of an answer


@value_class
class Limits:
    """Seconds that a request may take."""

    connect: float = 5.0
    answer: float = 15.0  # of the whole request and its answer, however they trickle in
    when_stopped: float = 4.0  # for an answer once the process was told to end


@value_class
class Request:
    """What is posted, and where to."""

    target: Target
    body: bytes
    headers: Mapping[str, str]
    is_internal: bool


@value_class
class Response:
    """A whole answer."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Line:
    """How requests are sent: within which limits, and until when the process goes on."""

    stopped: Event = field(default_factory=Event)
    limits: Limits = field(default_factory=Limits)

    def post(self, request: Request, before_body: Callable[[], None]) -> Response:
        """Post, and read the answer; `before_body` is called once the host was reached.

        Raises `UnreachableError`, `RefusedMailError`, `AmbiguousError`, or `StoppedError` where
        nothing was sent.
        """
        connection = self._connect(request)
        try:
            if self.stopped.is_set():
                raise StoppedError
            before_body()
            with self._watched(connection) as reason:
                return self._exchange(connection, request, reason)
        finally:
            connection.close()

    def _connect(self, request: Request) -> "HTTPConnection":
        target = request.target
        problem = f"连接不上 {target.host}"
        for address in addresses_of(
            *(target.host, target.port),
            is_internal=request.is_internal,
            is_stopped=self.stopped.is_set,
        ):
            connection = self._connection_to(address, target)
            try:
                connection.connect()
            except _faults() as error:
                connection.close()
                problem = f"连接不上 {target.host}：{_words_of(error)}"
            else:
                return connection
        raise UnreachableError(problem)

    def _connection_to(self, address: str, target: Target) -> "HTTPConnection":
        from urllib3.connection import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - 1 MiB

        timeout = self.limits.connect
        if target.scheme == "http":
            return HTTPConnection(address, target.port, timeout=timeout)
        return HTTPSConnection(
            address,
            target.port,
            timeout=timeout,
            ssl_context=ssl.create_default_context(),
            server_hostname=target.host,
            assert_hostname=target.host,
        )

    def _exchange(
        self, connection: "HTTPConnection", request: Request, reason: list[str]
    ) -> Response:
        target = request.target
        usual = 443 if target.scheme == "https" else 80
        name = f"[{target.host}]" if ":" in target.host else target.host
        host = name if target.port == usual else f"{name}:{target.port}"
        try:
            connection.request(
                "POST",
                target.path,
                body=request.body,
                headers={"Host": host, "User-Agent": "crm", **request.headers},
                preload_content=False,
                decode_content=False,
            )
            response = connection.getresponse()
            body = response.read(MOST_BYTES + 1, decode_content=False)
        except _faults() as error:
            words = reason[0] if reason else _words_of(error)
            raise AmbiguousError(words) from error
        if reason:  # what had come when it was cut off is no whole answer
            raise AmbiguousError(reason[0])
        if len(body) > MOST_BYTES:
            message = "对方的应答过长"
            raise AmbiguousError(message)
        return Response(response.status, body)

    @contextmanager
    def _watched(self, connection: "HTTPConnection") -> Iterator[list[str]]:
        """Cut the connection off at the deadline, or soon after the process was told to end."""
        done, reason = Event(), list[str]()
        raw = connection.sock
        raw.settimeout(self.limits.answer)
        until = clock.monotonic() + self.limits.answer

        def watch() -> None:
            stopped_at: float | None = None
            while not done.wait(0.1):
                now = clock.monotonic()
                if self.stopped.is_set():
                    stopped_at = stopped_at or now
                    if now - stopped_at >= self.limits.when_stopped:
                        reason.append("系统停止运行")
                        break
                if now >= until:
                    reason.append("对方在时限内没有完整应答")
                    break
            if reason:
                with suppress(OSError):
                    # the socket's own: that of TLS would drop its state under the reader
                    socket.socket.shutdown(raw, socket.SHUT_RDWR)

        Thread(target=watch, name="watch", daemon=True).start()
        try:
            yield reason
        finally:
            done.set()


@cache
def _faults() -> tuple[type[Exception], ...]:
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - with its connections above

    return HTTPError, HTTPException, OSError, ValueError


def _words_of(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(error):
        return "对方的证书无效"
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "对方在时限内没有应答"
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error):
        return "对方拒绝连接"
    # not its text: that may hold the address with a robot's token
    return f"对方中断了连接或应答不合规（{type(error).__name__}）"
