"""A message in MIME, made of its row alone, so that a repeat has the same bytes."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from crm.base.addresses import parse_address
from crm.base.clock import civil
from crm.base.outbox import Message


def mime_of(message: Message, *, sender: str) -> bytes:
    """The mail with text and HTML; ValueError where an address is invalid."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = parse_address(sender)
    if message.recipient:  # else it is only in the mailbox, and may still be previewed
        mail["To"] = parse_address(message.recipient)

    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(civil(message.made_at))
    mail["Message-ID"] = message.message_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: asks for no automatic replies
    mail.set_content(message.body_text, cte="base64")
    mail.add_alternative(message.body_html, subtype="html", cte="base64")
    # not a random one, or a repeat would have other bytes
    key, _, _ = message.message_id.strip("<>").partition("@")
    mail.set_boundary(f"part-{key}")

    return _unsubscribe_lines(message.unsubscribe_url) + mail.as_bytes()


def _unsubscribe_lines(url: str | None) -> bytes:
    """The headers by which mail programs offer to unsubscribe; over HTTPS by one click (RFC 8058).

    They are written by hand because the policy would fold the long address by encoding it.
    """
    if not (url and url.isascii() and url.isprintable()):
        return b""
    lines = f"List-Unsubscribe: <{url}>\r\n"
    if url.startswith("https://"):
        lines += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return lines.encode()


def envelope_address(address: str) -> str:
    """The bare address of `Name <address>`, as SMTP's envelope wants it."""
    return parse_address(address).addr_spec
