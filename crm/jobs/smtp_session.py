"""A session with an SMTP server in which every answer is well-formed and in its turn (DESIGN 3).

Commands, login and the server's abilities are smtplib's. Reading is ours: smtplib takes `25` for an
answer, and whatever a server says too early for the answer to the next command.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from crm.base import clock
from crm.jobs.wire import OddAnswerError, Wire

GO_ON = 354
GREETING = 220
LEAVING = b"421"  # may be said at any time (RFC 5321 3.8)
MOST_LINES = 200
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_DOT_FIRST = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a server may take, in seconds (RFC 5321 4.5.3.2)."""

    connect: float = 30
    answer: float = 300  # to each command
    last_answer: float = 600  # to the body: it may be filtered and stored first
    exchange: float = 1800  # all of one mail, the session's opening with it
    goodbye: float = 2
    when_stopped: float = 4  # left to a body that is on its way when the process is told to end


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one command."""

    code: int
    text: str

    @property
    def is_yes(self) -> bool:
        """Whether it is 2xx."""
        return self.code // 100 == 2  # noqa: PLR2004 - the first digit says it (RFC 5321 4.2.1)

    @property
    def is_no(self) -> bool:
        """Whether it is a refusal, 4xx or 5xx."""
        return self.code // 100 in (4, 5)

    @property
    def is_for_good(self) -> bool:
        """Whether to ask again is of no use."""
        return self.code // 100 == 5  # noqa: PLR2004

    def __str__(self) -> str:
        """As it was said."""
        return f"{self.code} {self.text}".strip()


class Session(smtplib.SMTP):
    """What is said on one wire. Any OSError means that it is out of step, and is to be closed."""

    def __init__(self, wire: Wire, limits: Limits) -> None:
        super().__init__(local_hostname=wire.own_name)
        self._wire = wire
        self._limits = limits
        self._ends = clock.monotonic() + limits.exchange

    def begin_exchange(self) -> None:
        """From here on counts the time of another mail."""
        self._ends = clock.monotonic() + self._limits.exchange

    def greet(self) -> None:
        """Wait for the server's greeting, and ask what it can."""
        answer = Answer(*self._read())
        if answer.code != GREETING:
            raise OddAnswerError(str(answer))
        self.ehlo_or_helo_if_needed()

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Go on under TLS (RFC 3207): what was said before it is forgotten."""
        if not self.has_extn("starttls"):
            message = "服务器不支持 STARTTLS"
            raise smtplib.SMTPNotSupportedError(message)
        answer = self.ask("STARTTLS")
        if answer.code != GREETING:
            raise OddAnswerError(str(answer))
        self._wire.secure(context, host, until=self._until())
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.ehlo_or_helo_if_needed()

    def ask(self, command: str) -> Answer:
        """Say a command, and hear the answer to it."""
        self.putcmd(command)
        return Answer(*self._read())

    def give_body(self, mime: bytes, *, on_first_byte: Callable[[], None]) -> Answer:
        """After 354: send the body, and hear the server's word on it.

        What it says before the body has ended is no answer to it.
        """
        self._be_in_step("正文之前")
        on_first_byte()
        body = _DOT_FIRST.sub(b"..", _LINE_ENDS.sub(b"\r\n", mime))
        end = b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"
        self._wire.send(body, until=self._until())
        self._be_in_step("正文结束之前")
        self._wire.send(end, until=self._until())
        answer = Answer(*self._read(is_last=True))
        self._see_nothing_follows()
        return answer

    def say_goodbye(self) -> None:
        """Say QUIT, and give the server a moment to answer."""
        until = clock.monotonic() + self._limits.goodbye
        self._wire.send(b"QUIT\r\n", until=until)
        self._wire.read_line(until=until)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Say a command, unless the server has spoken out of turn."""
        self._be_in_step("命令之前")
        super().putcmd(cmd, args)

    def send(self, s: str | bytes) -> None:  # type: ignore[override]
        """Send a line of smtplib's."""
        data = s.encode(self.command_encoding) if isinstance(s, str) else s
        self._wire.send(data, until=self._until())

    def getreply(self) -> tuple[int, bytes]:
        """The answer to a command of smtplib's."""
        code, text = self._read()
        return code, text.encode()

    def close(self) -> None:
        """Let go of the wire."""
        self._wire.close()

    def _read(self, *, is_last: bool = False) -> tuple[int, str]:
        """An answer, all of whose lines are well-formed and of the same code."""
        until, lines, code = self._until(is_last=is_last), [], b""

        for _ in range(MOST_LINES):
            line = self._wire.read_line(until=until)
            found = _LINE.fullmatch(line)
            if not found or (code and found[1] != code):
                message = f"服务器的应答不合规：{line[:100]!r}"
                raise OddAnswerError(message)
            code = found[1]
            lines.append(found[3] or b"")
            if found[2] != b"-":
                return int(code), b"\n".join(lines).decode("utf-8", "replace")

        message = "服务器的应答过长"
        raise OddAnswerError(message)

    def _be_in_step(self, where: str) -> None:
        if self._wire.has_input():
            message = f"服务器在{where}多出应答"
            raise OddAnswerError(message)

    def _see_nothing_follows(self) -> None:
        """Two answers to one body are none; that the server leaves after the first is its right."""
        with suppress(ConnectionError):
            if self._wire.has_input() and not self._wire.unread.startswith(LEAVING):
                message = "服务器对正文多次应答"
                raise OddAnswerError(message)

    def _until(self, *, is_last: bool = False) -> float:
        """The end of a wait; the last answer has its time, however slow all else was."""
        now = clock.monotonic()
        if is_last:
            return min(now + self._limits.last_answer, self._ends)
        return min(now + self._limits.answer, self._ends - self._limits.last_answer)
