"""Handing mails to an SMTP server, at the level where DATA can be seen (DESIGN 3).

Only 354 lets the body go. After it only a well-formed 2xx is a success, only a well-formed 4xx or
5xx a refusal; of everything else nobody knows whether the mail was delivered.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from crm.base import clock
from crm.base.enums import LabeledEnum
from crm.jobs.smtp_session import GO_ON, Answer, Limits, Session
from crm.jobs.wire import (
    CutError,
    OddAnswerError,
    SilentError,
    StoppedError,
    WhileWaiting,
    Wire,
)

LIMITS = Limits()


class UnreachableError(Exception):
    """No session with the server: not the message's fault."""


class RefusedMailError(Exception):
    """The server's no, or a line that broke before the body: certainly not delivered."""

    def __init__(self, text: str, *, for_good: bool) -> None:
        super().__init__(text)
        self.for_good = for_good


class BrokenOffError(Exception):
    """The body went out and no clear answer came: nobody knows whether it was delivered."""


class Security(LabeledEnum):
    """How the line to the server is protected."""

    NONE = "none", "不加密"
    STARTTLS = "starttls", "STARTTLS"
    TLS = "tls", "TLS"


_PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed in, and as whom."""

    host: str
    port: int
    security: Security
    user: str | None
    password: str | None
    per_minute: int = 0  # mails that one worker may hand in; 0: as many as it can
    limits: Limits = field(default_factory=lambda: LIMITS)

    @classmethod
    def parse(cls, url: str, *, per_minute: int = 0) -> Self:
        """Read `smtp://user:pass@host:port`, `smtps://…` or `…?starttls=1`; ValueError else."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            message = f"not an SMTP server: {parts.scheme}://{parts.hostname or ''}"
            raise ValueError(message)

        security = Security.TLS if parts.scheme == "smtps" else Security.NONE
        if security is Security.NONE and parse_qs(parts.query).get("starttls") == ["1"]:
            security = Security.STARTTLS

        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[security],
            security=security,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            per_minute=per_minute,
        )

    def connect(self, while_waiting: WhileWaiting = lambda: None) -> Session:
        """Begin a session; raises `UnreachableError`."""
        wire = Wire(while_waiting)
        try:
            return self._begin(wire)
        except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
            wire.close()
            raise UnreachableError(in_words(error)) from error
        except BaseException:
            wire.close()
            raise

    def _begin(self, wire: Wire) -> Session:
        wire.connect(self.host, self.port, until=clock.monotonic() + self.limits.connect)
        if self.security is Security.TLS:
            within = clock.monotonic() + self.limits.connect
            wire.secure(ssl.create_default_context(), self.host, until=within)
        session = Session(wire, self.limits)
        session.greet()
        if self.security is Security.STARTTLS:
            session.secure(ssl.create_default_context(), self.host)
        if self.user:
            session.login(self.user, self.password or "")
        return session


class Line:
    """A line to the server, opened when it is needed and again after anything odd on it.

    `while_waiting` is called during each wait, and may raise `StoppedError`.
    """

    def __init__(self, server: SmtpServer, while_waiting: WhileWaiting = lambda: None) -> None:
        self._server = server
        self._while_waiting = while_waiting
        self._session: Session | None = None

    def hand_in(
        self, *, sender: str, recipient: str, mime: bytes, before_data: Callable[[], None]
    ) -> None:
        """Hand in one mail; `before_data` is called when only DATA remains, and may still stop it.

        Raises `UnreachableError`, `RefusedMailError` or `BrokenOffError`; `StoppedError` where
        it was stopped before the body.
        """
        session = self._session = self._ready()
        has_begun = Event()

        try:
            self._accept(session.ask(f"MAIL FROM:<{sender}>"))
            self._accept(session.ask(f"RCPT TO:<{recipient}>"))
            before_data()
            self._permit(session.ask("DATA"))
            answer = session.give_body(mime, on_first_byte=has_begun.set)
        except (OSError, StoppedError) as error:
            self._hang_up()
            if has_begun.is_set():
                raise BrokenOffError(in_words(error)) from error
            if isinstance(error, StoppedError):
                raise
            raise RefusedMailError(in_words(error), for_good=False) from error

        self._judge(answer)

    def _ready(self) -> Session:
        """A session in step: one that was used answers RSET first, or is left."""
        if session := self._session:
            session.begin_exchange()
            try:
                if session.ask("RSET").is_yes:
                    return session
            except OSError:
                pass
            self._hang_up()
        return self._server.connect(self._while_waiting)

    @staticmethod
    def _accept(answer: Answer) -> None:
        if answer.is_no:
            raise RefusedMailError(str(answer), for_good=answer.is_for_good)
        if not answer.is_yes:
            raise OddAnswerError(f"服务器的应答不合规：{answer}")

    @staticmethod
    def _permit(answer: Answer) -> None:
        """Only 354 lets the body go: after a 250 to DATA nothing has been handed in."""
        if answer.is_no:
            raise RefusedMailError(str(answer), for_good=answer.is_for_good)
        if answer.code != GO_ON:
            raise OddAnswerError(f"服务器的应答不合规：{answer}")

    def _judge(self, answer: Answer) -> None:
        """What came of a body that was handed in."""
        if answer.is_no:
            raise RefusedMailError(str(answer), for_good=answer.is_for_good)
        if not answer.is_yes:
            self._hang_up()
            raise BrokenOffError(f"服务器的应答不合规：{answer}")

    def _hang_up(self) -> None:
        """Leave without a word: this session is out of step, or the process ends."""
        session, self._session = self._session, None
        if session:
            session.close()

    def close(self) -> None:
        """Say goodbye and hang up; a server that is gone already is no matter."""
        if self._session:
            with suppress(OSError, StoppedError):
                self._session.say_goodbye()
        self._hang_up()


def in_words(error: Exception) -> str:
    """What went wrong on the line; ours are sentences, the system's are named."""
    if isinstance(error, SilentError | CutError | OddAnswerError):
        return str(error)
    if isinstance(error, StoppedError):
        return "系统停止运行"
    return f"{type(error).__name__}: {error}"
