"""Sending mails to an SMTP server, at the level where DATA can be seen.

The body is sent only after 354. After the body, only a well-formed 2xx is a success, and only a
well-formed 4xx or 5xx a refusal; anything else leaves open whether the mail was delivered.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from threading import Event
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from crm.base import clock
from crm.base.enums import LabeledEnum
from crm.base.value_class import value_class
from crm.jobs.connection import (
    ClosedError,
    Connection,
    Poll,
    ProtocolError,
    StoppedError,
    TimedOutError,
    WhileWaiting,
    poll_alone,
)
from crm.jobs.smtp_session import GO_ON, Answer, Limits, Session

LIMITS = Limits()


class UnreachableError(Exception):
    """There is no session with the server; no message is at fault."""


class RefusedMailError(Exception):
    """The server refused, or the connection broke before the body: certainly not delivered."""

    def __init__(self, text: str, *, for_good: bool) -> None:
        super().__init__(text)
        self.for_good = for_good


class AmbiguousError(Exception):
    """The body was sent and no clear answer came: the mail may have been delivered."""


class Security(LabeledEnum):
    """How the connection to the server is protected."""

    NONE = "none", "不加密"
    STARTTLS = "starttls", "STARTTLS"
    TLS = "tls", "TLS"


_PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


@value_class
class SmtpServer:
    """An SMTP server with the account and the limits for it."""

    host: str
    port: int
    security: Security
    user: str | None
    password: str | None
    per_minute: int = 0  # mails that one worker may send; 0: no limit
    connections: int = 1  # at a time, of one worker
    limits: Limits = field(default_factory=lambda: LIMITS)
    session_of: Callable[[Connection, Limits], Session] = Session

    @classmethod
    def parse(cls, url: str, *, per_minute: int = 0, connections: int = 1) -> Self:
        """Parse `smtp://user:pass@host:port`, `smtps://…` or `…?starttls=1`; else ValueError."""
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
            connections=connections,
        )

    def connect(
        self, while_waiting: WhileWaiting = lambda: None, poll: Poll = poll_alone
    ) -> Session:
        """Open a session; raises `UnreachableError`."""
        connection = Connection(while_waiting, poll)
        try:
            return self._begin(connection)
        except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
            connection.close()
            raise UnreachableError(error_text(error)) from error
        except BaseException:
            connection.close()
            raise

    def _begin(self, connection: Connection) -> Session:
        connection.connect(self.host, self.port, until=clock.monotonic() + self.limits.connect)
        if self.security is Security.TLS:
            within = clock.monotonic() + self.limits.connect
            connection.secure(ssl.create_default_context(), self.host, until=within)
        session = self.session_of(connection, self.limits)
        session.greet()
        if self.security is Security.STARTTLS:
            session.secure(ssl.create_default_context(), self.host)
        if self.user:
            session.login(self.user, self.password or "")
        return session


class SmtpClient:
    """Sends mails over one session, which is reopened after anything unexpected.

    `while_waiting` is called during each wait, and may raise `StoppedError`.
    """

    def __init__(
        self,
        server: SmtpServer,
        while_waiting: WhileWaiting = lambda: None,
        poll: Poll = poll_alone,
    ) -> None:
        self._server = server
        self._while_waiting = while_waiting
        self._poll = poll
        self._session: Session | None = None
        self._is_reset = False  # a mail that was taken leaves nothing behind

    def send(
        self, *, sender: str, recipient: str, mime: bytes, before_data: Callable[[], None]
    ) -> None:
        """Send one mail; `before_data` is called right before DATA, and may still stop it.

        Raises `UnreachableError`, `RefusedMailError` or `AmbiguousError`; `StoppedError` where it
        was stopped before the body.
        """
        body_begun = Event()

        try:
            session, answer = self._begin_mail(sender)
            self._require_yes(answer)
            self._require_yes(session.ask(f"RCPT TO:<{recipient}>"))
            before_data()
            self._require_go_on(session.ask("DATA"))
            answer = session.send_body(mime, on_first_byte=body_begun.set)
        except (OSError, StoppedError) as error:
            self._hang_up()
            if body_begun.is_set():
                raise AmbiguousError(error_text(error)) from error
            if isinstance(error, StoppedError):
                raise
            raise RefusedMailError(error_text(error), for_good=False) from error

        self._check_final_answer(answer)

    def _begin_mail(self, sender: str) -> tuple[Session, Answer]:
        """A session and its answer to MAIL; a used session that does not answer is replaced."""
        command = f"MAIL FROM:<{sender}>"
        if session := self._session:
            session.begin_exchange()
            try:
                if self._is_reset or session.ask("RSET").is_yes:
                    self._is_reset = False
                    if (answer := session.ask(command)).is_yes:
                        return session, answer
            except OSError:
                pass
            self._hang_up()

        session = self._session = self._server.connect(self._while_waiting, self._poll)
        return session, session.ask(command)

    @staticmethod
    def _require_yes(answer: Answer) -> None:
        if answer.is_no:
            raise RefusedMailError(str(answer), for_good=answer.is_for_good)
        if not answer.is_yes:
            raise ProtocolError(f"服务器的应答不合规：{answer}")

    @staticmethod
    def _require_go_on(answer: Answer) -> None:
        """Only 354 allows the body: after a 250 to DATA nothing has been sent."""
        if answer.is_no:
            raise RefusedMailError(str(answer), for_good=answer.is_for_good)
        if answer.code != GO_ON:
            raise ProtocolError(f"服务器的应答不合规：{answer}")

    def _check_final_answer(self, answer: Answer) -> None:
        if answer.is_no:
            raise RefusedMailError(str(answer), for_good=answer.is_for_good)
        if not answer.is_yes:
            self._hang_up()
            raise AmbiguousError(f"服务器的应答不合规：{answer}")
        self._is_reset = True

    def _hang_up(self) -> None:
        """Close without QUIT: the session is out of step, or the process ends."""
        session, self._session = self._session, None
        if session:
            session.close()

    def close(self) -> None:
        """Say QUIT and close, whether or not the server answers."""
        if self._session:
            with suppress(OSError, StoppedError):
                self._session.quit_gracefully()
        self._hang_up()


def error_text(error: Exception) -> str:
    """The error as a note: our own errors are Chinese sentences, others keep their type."""
    if isinstance(error, TimedOutError | ClosedError | ProtocolError):
        return str(error)
    if isinstance(error, StoppedError):
        return "系统停止运行"
    return f"{type(error).__name__}: {error}"
