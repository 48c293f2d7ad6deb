"""The bytes of a message follow from its row alone."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.base.addresses import parse_address
from crm.base.clock import civil
from crm.base.outbox import Message, MessageKind, State, message_id_of
from crm.jobs.mime import envelope_address, mime_of
from tests.conftest import NOW
from tests.jobs.mail import SENDER

KEY = "weekly-digest:zone:li:2026-W28:-"


def message(**given) -> Message:
    values = {
        "dedupe_key": KEY,
        "kind": MessageKind.WEEKLY,
        "recipient": "li@crm.test",
        "subject": "第28周周报：您的拜访完成情况、待办跟进和下周安排（初步数，补发）",
        "body_text": "您好。\n本周完成 1 / 1 次。\n",
        "body_html": "<p>您好。</p>",
        "message_id": message_id_of(KEY),
        "made_at": NOW,
        "state": State.PENDING,
    }
    return Message(**values | given)


def test_a_mail_reads_as_it_was_written():
    read = message_from_bytes(mime_of(message(), sender=SENDER), policy=default)

    assert read["From"] == SENDER
    assert read["To"] == "li@crm.test"
    assert read["Subject"] == message().subject
    assert read["Date"] == "Wed, 15 Jul 2026 10:00:00 +0800"
    assert read["Message-ID"] == message_id_of(KEY)
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content_type() == "multipart/alternative"
    text = read.get_body(("plain",)).get_content()
    assert text.splitlines() == message().body_text.splitlines()
    assert read.get_body(("html",)).get_content().strip() == message().body_html


def test_the_same_row_makes_the_same_bytes_in_ascii_with_network_line_ends():
    first, second = (mime_of(message(), sender=SENDER) for _ in range(2))

    assert first == second
    assert first.isascii()
    assert b"\n" not in first.replace(b"\r\n", b"")
    assert max(map(len, first.split(b"\r\n"))) <= 78


LINK = "https://crm.test/unsubscribe/" + "x" * 90


def test_an_optional_mail_says_how_to_unsubscribe_by_one_click():
    written = mime_of(message(unsubscribe_url=LINK), sender=SENDER)

    read = message_from_bytes(written, policy=default)
    assert read["List-Unsubscribe"] == f"<{LINK}>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"List-Unsubscribe: <{LINK}>\r\n".encode() in written  # neither folded nor encoded
    assert read["From"] == SENDER
    assert written == mime_of(message(unsubscribe_url=LINK), sender=SENDER)


def test_one_click_wants_https():
    written = mime_of(message(unsubscribe_url="http://127.0.0.1/unsubscribe/x"), sender=SENDER)

    assert b"List-Unsubscribe: <http://127.0.0.1/unsubscribe/x>" in written
    assert b"One-Click" not in written


@pytest.mark.parametrize("url", [None, "https://招商.test/x", "https://crm.test/x\r\nBcc: b@c.d"])
def test_what_is_no_plain_link_is_in_no_header(url):
    assert mime_of(message(unsubscribe_url=url), sender=SENDER) == mime_of(message(), sender=SENDER)


def test_another_key_has_another_boundary():
    other = message(message_id=message_id_of("another key"))

    assert mime_of(message(), sender=SENDER).splitlines()[-1] not in mime_of(other, sender=SENDER)


@pytest.mark.parametrize("recipient", ["nobody", "李@crm.test", "a@crm.test\r\nBcc: b@crm.test"])
def test_what_is_no_address_makes_no_mail(recipient):
    with pytest.raises(ValueError, match="邮箱地址"):
        mime_of(message(recipient=recipient), sender=SENDER)


def test_the_envelope_has_the_bare_address():
    assert envelope_address(SENDER) == "crm@crm.test"


def by_the_library(written: Message) -> bytes:
    """The same mail as `EmailMessage` makes it."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = parse_address(SENDER)
    mail["To"] = parse_address(written.recipient)
    mail["Subject"] = written.subject
    mail["Date"] = format_datetime(civil(written.made_at))
    mail["Message-ID"] = written.message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(written.body_text, cte="base64")
    mail.add_alternative(written.body_html, subtype="html", cte="base64")
    mail.set_boundary(f"part-{written.message_id.strip('<>').partition('@')[0]}")
    return mail.as_bytes()


TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
SUBJECTS = TEXTS.map(lambda text: " ".join(text.split())).filter(str.isprintable)
RECIPIENTS = (
    "li@crm.test",
    "李 <li@例子.test>",
    f"{'a' * 60}@{'b' * 60}.test",
    '"Li, W." <li@c.test>',
)


@given(subject=SUBJECTS, text=TEXTS, html=TEXTS, key=TEXTS, recipient=st.sampled_from(RECIPIENTS))
def test_the_bytes_are_those_of_the_library(subject, text, html, key, recipient):
    written = message(
        subject=subject,
        body_text=text,
        body_html=html,
        message_id=message_id_of(key),
        recipient=recipient,
    )

    assert mime_of(written, sender=SENDER) == by_the_library(written)
