"""An SMTP server on a socket that follows the protocol, but for what a test has it say."""

import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

DEFAULTS = {
    "greeting": b"220 mail.test\r\n",
    "EHLO": b"250-mail.test\r\n250 8BITMIME\r\n",
    "MAIL": b"250 OK\r\n",
    "RCPT": b"250 OK\r\n",
    "DATA": b"354 go on\r\n",
    "body": b"250 OK\r\n",
    "RSET": b"250 OK\r\n",
    "QUIT": b"221 bye\r\n",
}
DRIP_SECONDS = 0.02


@dataclass(frozen=True)
class Reply:
    """What the server says instead."""

    said: bytes = b""
    cuts: bool = False  # and hangs up
    drips: bool = False  # and then a byte now and then, without end


@dataclass
class Scripted:
    """What it is to say, step by step and in turn, and what it got."""

    replies: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    got: Counter[str] = field(default_factory=Counter)  # bodies that it did not refuse
    bodies: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    heard: Counter[str] = field(default_factory=Counter)  # how often each step
    reached: dict[str, Event] = field(default_factory=lambda: defaultdict(Event))
    before: dict[str, Callable[[], None]] = field(default_factory=dict)  # what is done first
    is_deaf: bool = False  # takes no body in
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def attend(self, line: socket.socket) -> None:
        """Serve one client."""
        with line, suppress(OSError, _HungUpError):
            self._serve(line, line.makefile("rb"))

    def _serve(self, line, reader) -> None:
        self._say(line, "greeting")
        recipient = ""
        while command := reader.readline():
            verb = command[:4].decode("latin-1").upper()
            self.commands.append(verb)
            if verb == "RCPT":
                recipient = command.decode().partition("<")[2].partition(">")[0]
            text = self._say(line, verb)
            if verb == "QUIT":
                return
            if verb == "DATA" and text.startswith(b"354"):
                self._take(line, reader, recipient)

    def _take(self, line, reader, recipient: str) -> None:
        if self.is_deaf:
            Event().wait(1)
            raise _HungUpError
        body = []
        while (part := reader.readline()) != b".\r\n":
            if not part:
                raise _HungUpError
            body.append(part)
        self.bodies.append(b"".join(body))
        reply = self.replies["body"][:1]
        refused = reply and reply[0].said[:1] in (b"4", b"5")
        self.got[recipient] += not refused
        self._say(line, "body")

    def _say(self, line, step: str) -> bytes:
        self.before.get(step, lambda: None)()
        waiting = self.replies[step]
        reply = waiting.pop(0) if waiting else Reply(DEFAULTS.get(step, b"502 what\r\n"))
        line.sendall(reply.said)
        self.heard[step] += 1
        self.reached[step].set()
        while reply.drips:
            time.sleep(DRIP_SECONDS)
            line.sendall(b"2")
        if reply.cuts:
            raise _HungUpError
        return reply.said


class _HungUpError(Exception):
    """The line is to be closed."""


@contextmanager
def scripted(**replies: list[Reply]) -> Iterator[Scripted]:
    """Open one."""
    server = Scripted()
    server.replies.update(replies)
    with socket.create_server(("127.0.0.1", 0)) as door:
        server.port = door.getsockname()[1]
        Thread(target=_admit, args=(server, door), daemon=True).start()
        yield server
        door.shutdown(socket.SHUT_RDWR)


def _admit(server: Scripted, door: socket.socket) -> None:
    with suppress(OSError):
        while True:
            line, _ = door.accept()
            Thread(target=server.attend, args=(line,), daemon=True).start()
