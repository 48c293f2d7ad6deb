"""A message in MIME, made of its row alone, so that a repeat has the same bytes.

The bytes are those of `email.message.EmailMessage`, which takes ten times as long: the headers are
folded by its policy, and put together here.
"""

import re
from binascii import b2a_base64
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache

from crm.base.addresses import parse_address
from crm.base.clock import civil
from crm.base.outbox import Message

LINE = 76  # characters of base64, the most that a line may have (RFC 2045)
_LINES = re.compile(rb".{1,%d}" % LINE)
# Neither folded nor encoded by the policy, which takes 0.1 ms for a header.
_AS_IT_IS = re.compile(r"[\w.@<>+-]{1,64}", re.ASCII)


def mime_of(message: Message, *, sender: str) -> bytes:
    """The mail with text and HTML; ValueError where an address is invalid."""
    # not a random boundary, or a repeat would have other bytes
    key, _, _ = message.message_id.strip("<>").partition("@")
    boundary = f"part-{key}".encode()

    head = (
        _unsubscribe_lines(message.unsubscribe_url),
        _sender_line(sender),
        # without an address it is only in the mailbox, and may still be previewed
        _line("To", str(_address(message.recipient))) if message.recipient else b"",
        _shared_line("Subject", message.subject),
        _shared_line("Date", format_datetime(civil(message.made_at))),
        _line("Message-ID", message.message_id),  # refuses line breaks, as for the others
        b"Auto-Submitted: auto-generated\r\n",  # RFC 3834: asks for no automatic replies
        b"MIME-Version: 1.0\r\n",
        b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n',
    )
    text = b'\r\nContent-Type: text/plain; charset="utf-8"\r\n' + _encoded(message.body_text)
    html = b'\r\nContent-Type: text/html; charset="utf-8"\r\n' + _encoded(
        message.body_html, b"MIME-Version: 1.0\r\n"
    )

    return b"\r\n--".join((b"".join(head), boundary + text, boundary + html, boundary + b"--\r\n"))


def _line(name: str, value: str) -> bytes:
    """A header, folded and encoded where it must be."""
    if _AS_IT_IS.fullmatch(value):
        return f"{name}: {value}\r\n".encode()
    return SMTP.fold_binary(*SMTP.header_store_parse(name, value))


# The mails of one slot have the same sender, subject and date.
_shared_line = lru_cache(maxsize=256)(_line)


# To check an address takes as long as the rest of a mail; people are written to again and again.
_address = lru_cache(maxsize=4096)(parse_address)


@lru_cache(maxsize=8)
def _sender_line(sender: str) -> bytes:
    return _line("From", str(parse_address(sender)))


def _encoded(text: str, more_headers: bytes = b"") -> bytes:
    """The rest of a part: its text with network line ends, in base64."""
    content = b"\r\n".join(text.encode().splitlines()) + b"\r\n"
    encoded = b2a_base64(content, newline=False)
    lines = _LINES.findall(encoded)  # twice as quick as slices
    headers = b"Content-Transfer-Encoding: base64\r\n" + more_headers
    return headers + b"\r\n" + b"\r\n".join(lines) + b"\r\n"


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
    return _address(address).addr_spec
