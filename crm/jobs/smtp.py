"""Handing mails to an SMTP server, at the level where DATA can be seen (DESIGN 3)."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from crm.base.words import Word

TIMEOUT_SECONDS = 30
OK = range(200, 300)
PERMANENT = range(500, 600)


class UnreachableError(Exception):
    """No session with the server: not the message's fault."""


class RefusedMailError(Exception):
    """The server's no, or a line that broke before DATA: certainly not delivered."""

    def __init__(self, text: str, *, for_good: bool) -> None:
        super().__init__(text)
        self.for_good = for_good


class BrokenOffError(Exception):
    """The line broke after DATA: nobody knows whether it was delivered."""


class Security(Word):
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

    def connect(self) -> smtplib.SMTP:
        """Begin a session; raises `UnreachableError`."""
        try:
            return self._connect()
        except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
            message = f"{type(error).__name__}: {error}"
            raise UnreachableError(message) from error

    def _connect(self) -> smtplib.SMTP:
        if self.security is Security.TLS:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            smtp = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            if self.security is Security.STARTTLS:
                smtp.starttls(context=ssl.create_default_context())
            if self.user:
                smtp.login(self.user, self.password or "")
            else:
                smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp


class Line:
    """A line to the server, opened when it is needed and again after it broke."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def hand_in(
        self, *, sender: str, recipient: str, mime: bytes, before_data: Callable[[], None]
    ) -> None:
        """Hand in one mail; `before_data` is called when only DATA remains, and may still stop it.

        Raises `UnreachableError`, `RefusedMailError` or `BrokenOffError`.
        """
        smtp = self._smtp = self._smtp or self._server.connect()
        self._address(smtp, sender, recipient)
        try:
            before_data()
        except BaseException:
            self._reset()
            raise
        try:
            answer = smtp.data(mime)
        except smtplib.SMTPDataError as error:  # the server did not even want to hear it
            answer = (error.smtp_code, _bytes(error.smtp_error))
        except OSError as error:
            self.close()
            message = f"{type(error).__name__}: {error}"
            raise BrokenOffError(message) from error
        self._accept(answer)

    def _address(self, smtp: smtplib.SMTP, sender: str, recipient: str) -> None:
        try:
            answers = (smtp.mail(sender), smtp.rcpt(recipient))
        except OSError as error:
            self.close()
            message = f"{type(error).__name__}: {error}"
            raise RefusedMailError(message, for_good=False) from error
        for answer in answers:
            self._accept(answer)

    def _accept(self, answer: tuple[int, bytes]) -> None:
        code, text = answer
        if code not in OK:
            self._reset()
            told = f"{code} {text.decode('utf-8', 'replace')}"
            raise RefusedMailError(told, for_good=code in PERMANENT)

    def _reset(self) -> None:
        try:
            if self._smtp:
                self._smtp.rset()
        except OSError:  # it hung up; the next mail opens a new line
            self.close()

    def close(self) -> None:
        """Hang up; a server that is gone already is no matter."""
        smtp, self._smtp = self._smtp, None
        if smtp:
            try:
                smtp.quit()
            except OSError:
                smtp.close()


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
