"""A small load generator over keep-alive connections, and a sign-in, both for 127.0.0.1."""

import re
import socket
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from crm.base.clock import monotonic

HOST = "127.0.0.1"
FORM = "application/x-www-form-urlencoded"
REDIRECT = 302
LONGEST_WAIT = 60  # seconds for one response
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_COOKIE = re.compile(rb"^set-cookie: *([^;\r\n]+)", re.IGNORECASE | re.MULTILINE)
_TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')


class UnexpectedResponseError(Exception):
    """The server refused what was measured; a rate of errors says nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """A page to get or, with fields, a form to post."""

    path: str
    cookie: str = ""
    fields: dict[str, object] | None = None

    @property
    def method(self) -> str:
        return "GET" if self.fields is None else "POST"

    @property
    def body(self) -> bytes:
        return urllib.parse.urlencode(self.fields or {}, doseq=True).encode()

    def encoded(self) -> bytes:
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {self.cookie}\r\n"
        if self.fields is None:
            return f"{head}\r\n".encode()
        length = f"Content-Type: {FORM}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        return (head + length).encode() + self.body


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    head: bytes
    body: bytes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def connect(port: int) -> socket.socket:
    connection = socket.create_connection((HOST, port), timeout=LONGEST_WAIT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(connection: socket.socket, request: Request) -> Response:
    """Send a request and read the whole response, whose length the server must state."""
    connection.sendall(request.encoded())
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _chunk(connection)

    head = bytes(received[:end])
    length = _LENGTH.search(head)
    whole = end + 4 + (int(length[1]) if length else 0)
    while len(received) < whole:
        received += _chunk(connection)

    return Response(int(head.split(b" ", 2)[1]), head, bytes(received[end + 4 :]))


def _chunk(connection: socket.socket) -> bytes:
    if chunk := connection.recv(256 * 1024):
        return chunk
    raise UnexpectedResponseError("the server closed the connection")


def ask(port: int, request: Request) -> Response:
    """The response to a single request."""
    with connect(port) as connection:
        return exchange(connection, request)


def sign_in(port: int, username: str, password: str) -> str:
    """Sign in and open the first page, as a browser does; returns the cookies of both.

    They are sent unchanged from then on.
    """
    cookies, token = open_form(port, "/login")
    fields = {"username": username, "password": password, "csrf_token": token}
    answer = ask(port, Request("/login", cookies, fields))
    if answer.status != REDIRECT:
        raise UnexpectedResponseError(f"{username} could not sign in: {answer.status}")
    cookies, _ = open_form(port, "/", _cookies(cookies, answer))
    return cookies


def open_form(port: int, path: str, cookies: str = "") -> tuple[str, str]:
    """The cookies with which a form is sent, and its CSRF token; empty where it has none."""
    page = ask(port, Request(path, cookies))
    token = _TOKEN.search(page.body)
    return _cookies(cookies, page), token[1].decode() if token else ""


def _cookies(known: str, response: Response) -> str:
    pairs = [*known.split("; "), *(found.decode() for found in _COOKIE.findall(response.head))]
    return "; ".join({pair.split("=", 1)[0]: pair for pair in pairs if pair}.values())


@dataclass(frozen=True, slots=True)
class Answers:
    """How many responses came in how long."""

    count: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.count / self.seconds


def rate(port: int, clients: Sequence[Iterator[Request]], seconds: float, status: int) -> float:
    """Responses a second, as `answers` counts them."""
    return answers(port, clients, seconds, status).rate


def answers(
    port: int, clients: Sequence[Iterator[Request]], seconds: float, status: int
) -> Answers:
    """The responses to requests, with one connection for each client.

    Requests begin during that many seconds; the last responses are waited for, and so is their
    time, because slow pages would otherwise be cut off. Raises `UnexpectedResponseError`.
    """
    barrier = threading.Barrier(len(clients), timeout=LONGEST_WAIT)

    def run(requests: Iterator[Request]) -> tuple[float, float, int]:
        barrier.wait()
        begun, count = monotonic(), 0
        for response in _responses(port, requests, seconds):
            if response.status != status:
                raise UnexpectedResponseError(f"{response.status} instead of {status}")
            count += 1
        return begun, monotonic(), count

    with ThreadPoolExecutor(len(clients)) as threads:
        runs = list(threads.map(run, clients))

    begun, ended = min(run[0] for run in runs), max(run[1] for run in runs)
    return Answers(sum(run[2] for run in runs), ended - begun)


def statuses(port: int, clients: Sequence[Iterator[Request]], seconds: float) -> list[Counter[int]]:
    """How often each client got which status, with one connection for each."""

    def run(requests: Iterator[Request]) -> Counter[int]:
        return Counter(response.status for response in _responses(port, requests, seconds))

    with ThreadPoolExecutor(len(clients)) as threads:
        return list(threads.map(run, clients))


def _responses(port: int, requests: Iterator[Request], seconds: float) -> Iterator[Response]:
    """The responses to requests that begin during that many seconds; at least one."""
    with connect(port) as connection:
        until = monotonic() + seconds
        for request in requests:
            yield exchange(connection, request)
            if monotonic() >= until:
                break
