"""An HTTP receiver on a socket: it takes, refuses, delays, cuts, garbles and redirects."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

DRIP_SECONDS = 0.02


@dataclass(frozen=True)
class Answer:
    """What the receiver does with a request that it has read."""

    status: str = "200 OK"
    body: bytes = b'{"errcode": 0, "errmsg": "ok"}'
    headers: str = ""
    raw: bytes | None = None  # instead of all that
    drips: bool = False  # and then a byte now and then, without end

    @property
    def content(self) -> bytes:
        if self.raw is not None:
            return self.raw
        length = "" if "Transfer-Encoding" in self.headers else f"Content-Length: {len(self.body)}"
        head = f"HTTP/1.1 {self.status}\r\n{length}\r\n{self.headers}\r\n"
        return head.replace("\r\n\r\n", "\r\n", head.count("\r\n\r\n") - 1).encode() + self.body


OK = Answer()


@dataclass(frozen=True)
class Received:
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Receiver:
    """What it answers in turn, and what it got."""

    answers: list[Answer] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    asked: Event = field(default_factory=Event)
    may_answer: Event = field(default_factory=Event)
    port: int = 0
    scheme: str = "http"
    connections: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/send?key=canary-token"

    def attend(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            reader = line.makefile("rb")
            _, path, _ = reader.readline().decode().split(" ")
            headers = {}
            while (head := reader.readline().decode().strip()) != "":
                name, _, value = head.partition(": ")
                headers[name.lower()] = value
            body = reader.read(int(headers["content-length"]))
            self.received.append(Received(path, headers, body))
            self.asked.set()
            self.may_answer.wait(20)
            answer = self.answers.pop(0) if self.answers else OK
            line.sendall(answer.content)
            while answer.drips:
                time.sleep(DRIP_SECONDS)
                line.sendall(b"x")


@contextmanager
def receiver(*answers: Answer, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Open one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Receiver(list(answers), port=server.getsockname()[1])
        found.scheme = "https" if context else "http"
        found.may_answer.set()

        def accept() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                found.connections += 1
                try:
                    line = context.wrap_socket(line, server_side=True) if context else line
                except OSError:
                    line.close()
                    continue
                Thread(target=found.attend, args=(line,), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield found
        found.may_answer.set()
        server.shutdown(socket.SHUT_RDWR)
