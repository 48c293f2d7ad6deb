"""A mail sent at once, with the whole conversation, so that an admin sees why a server refuses."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from crm.base.value_class import value_class
from crm.jobs.connection import Connection
from crm.jobs.mime import envelope_address
from crm.jobs.smtp import AmbiguousError, RefusedMailError, SmtpClient, SmtpServer, UnreachableError
from crm.jobs.smtp_session import Answer, Limits, Session

# a person waits for it
LIMITS = Limits(connect=10, answer=10, last_answer=20, exchange=45)
MASK = "······"


@value_class
class Trial:
    """What was said, ours with > and the server's with <; the error, empty where it was taken."""

    lines: Sequence[str]
    error: str


def try_mail(server: SmtpServer, *, sender: str, recipient: str, mime: bytes) -> Trial:
    """Send the mail once, within 45 seconds."""
    lines: list[str] = []
    recorded = partial(RecordedSession, lines)
    client = SmtpClient(replace(server, limits=LIMITS, session_of=recorded))
    error = ""
    try:
        client.send(
            sender=envelope_address(sender),
            recipient=envelope_address(recipient),
            mime=mime,
            before_data=lambda: None,
        )
    except (UnreachableError, RefusedMailError, AmbiguousError) as caught:
        error = str(caught)
    finally:
        client.close()
    return Trial(tuple(lines), error)


class RecordedSession(Session):
    """A session that writes down what is said, but neither passwords nor the body."""

    def __init__(self, lines: list[str], connection: Connection, limits: Limits) -> None:
        super().__init__(connection, limits)
        self._lines = lines
        self._is_secret = False

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Write the command down."""
        self._lines.append(f"> {MASK if self._is_secret else f'{cmd} {args}'.strip()}")
        super().putcmd(cmd, args)

    def login(self, user: str, password: str, **options: Any) -> tuple[int, bytes]:
        """Sign in; what is sent meanwhile holds the password."""
        self._is_secret = True
        try:
            return super().login(user, password, **options)
        finally:
            self._is_secret = False

    def send_body(self, mime: bytes, **options: Any) -> Answer:
        """Send the body, of which the size is written down."""
        self._lines.append(f"> （邮件正文 {len(mime)} 字节）")
        return super().send_body(mime, **options)

    def _read(self, *, is_last: bool = False) -> tuple[int, str]:
        code, text = super()._read(is_last=is_last)
        self._lines += [f"< {code} {line}".rstrip() for line in text.split("\n")]
        return code, text
