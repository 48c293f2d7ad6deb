"""An SMTP session in which every answer is well-formed and belongs to its command.

Commands, login and extensions are smtplib's. Reading is ours: smtplib accepts `25` as an answer,
and takes whatever a server says too early as the answer to the next command.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress

from crm.base import clock
from crm.base.value_class import value_class
from crm.jobs.connection import Connection, ProtocolError

GO_ON = 354
GREETING = 220
LEAVING = b"421"  # a server may say so at any time (RFC 5321 3.8)
MOST_LINES = 200
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)


@value_class
class Limits:
    """How long a server may take, in seconds (RFC 5321 4.5.3.2)."""

    connect: float = 30
    answer: float = 300  # to each command
    last_answer: float = 600  # to the body: the server may filter and store it first
    exchange: float = 1800  # all of one mail, including the opening of the session
    goodbye: float = 2
    when_stopped: float = 4  # for a body that is being sent when the process is asked to stop


@value_class
class Answer:
    """The server's answer to one command."""

    code: int
    text: str

    @property
    def is_yes(self) -> bool:
        return self.code // 100 == 2  # noqa: PLR2004 - the first digit says it (RFC 5321 4.2.1)

    @property
    def is_no(self) -> bool:
        """Whether it is a refusal."""
        return self.code // 100 in (4, 5)

    @property
    def is_for_good(self) -> bool:
        """Whether another attempt is of no use."""
        return self.code // 100 == 5  # noqa: PLR2004

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class Session(smtplib.SMTP):
    """A session on one connection; after any OSError it is out of step and must be closed."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        super().__init__(local_hostname=connection.own_name)
        self._connection = connection
        self._limits = limits
        self._ends = clock.monotonic() + limits.exchange

    def begin_exchange(self) -> None:
        """Start the time limit of the next mail."""
        self._ends = clock.monotonic() + self._limits.exchange

    def greet(self) -> None:
        """Wait for the server's greeting, and ask for its extensions."""
        answer = Answer(*self._read())
        if answer.code != GREETING:
            raise ProtocolError(str(answer))
        self.ehlo_or_helo_if_needed()

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Switch to TLS; what the server said before it is discarded (RFC 3207)."""
        if not self.has_extn("starttls"):
            message = "服务器不支持 STARTTLS"
            raise smtplib.SMTPNotSupportedError(message)
        answer = self.ask("STARTTLS")
        if answer.code != GREETING:
            raise ProtocolError(str(answer))
        self._connection.secure(context, host, until=self._until())
        # What was said in the clear may have been forged: ask again.
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.ehlo_or_helo_if_needed()

    def ask(self, command: str) -> Answer:
        self.putcmd(command)
        return Answer(*self._read())

    def send_body(self, mime: bytes, *, on_first_byte: Callable[[], None]) -> Answer:
        """Send the body after 354, and read the answer.

        Whatever the server says before the body has ended is not an answer to it.
        """
        self._require_no_input("正文之前")
        on_first_byte()

        body = _as_transmitted(mime)
        end = b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"

        self._connection.send(body, until=self._until())
        self._require_no_input("正文结束之前")
        self._connection.send(end, until=self._until())

        answer = Answer(*self._read(is_last=True))
        self._require_no_second_answer()
        return answer

    def quit_gracefully(self) -> None:
        """Send QUIT, and give the server a moment to answer."""
        until = clock.monotonic() + self._limits.goodbye
        self._connection.send(b"QUIT\r\n", until=until)
        self._connection.read_line(until=until)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command, unless the server has spoken out of turn."""
        self._require_no_input("命令之前")
        super().putcmd(cmd, args)

    def send(self, s: str | bytes) -> None:  # type: ignore[override]
        """Send what smtplib sends."""
        data = s.encode(self.command_encoding) if isinstance(s, str) else s
        self._connection.send(data, until=self._until())

    def getreply(self) -> tuple[int, bytes]:
        """The answer to a command that smtplib sent."""
        code, text = self._read()
        return code, text.encode()

    def close(self) -> None:
        self._connection.close()

    def _read(self, *, is_last: bool = False) -> tuple[int, str]:
        """An answer whose lines are all well-formed and have the same code."""
        until, lines, code = self._until(is_last=is_last), [], b""

        for _ in range(MOST_LINES):
            line = self._connection.read_line(until=until)
            found = _LINE.fullmatch(line)
            if not found or (code and found[1] != code):
                message = f"服务器的应答不合规：{line[:100]!r}"
                raise ProtocolError(message)
            code = found[1]
            lines.append(found[3] or b"")
            if found[2] != b"-":
                return int(code), b"\n".join(lines).decode("utf-8", "replace")

        message = "服务器的应答过长"
        raise ProtocolError(message)

    def _require_no_input(self, where: str) -> None:
        if self._connection.has_input():
            message = f"服务器在{where}多出应答"
            raise ProtocolError(message)

    def _require_no_second_answer(self) -> None:
        """Two answers to one body are ambiguous; the server may leave after the first."""
        with suppress(ConnectionError):
            if self._connection.has_input() and not self._connection.unread.startswith(LEAVING):
                message = "服务器对正文多次应答"
                raise ProtocolError(message)

    def _until(self, *, is_last: bool = False) -> float:
        """The deadline of a wait; the time for the last answer is kept free of earlier delays."""
        now = clock.monotonic()
        if is_last:
            return min(now + self._limits.last_answer, self._ends)
        return min(now + self._limits.answer, self._ends - self._limits.last_answer)


def _as_transmitted(mime: bytes) -> bytes:
    """The body with network line ends, and dots doubled at their starts (RFC 5321 4.5.2)."""
    lines = mime.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n.", b"\n..")
    first = b"." if lines.startswith(b".") else b""
    return first + lines.replace(b"\n", b"\r\n")
