"""What is taken for a mail address can be sent to."""

import string
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from crm.base.addresses import BadAddressError, normalize_address, optional_address, parse_address
from crm.base.errors import Refused
from crm.jobs.mime import envelope_address, mime_of
from tests.jobs.test_mime import message

ATEXT = string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~."
LABELS = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=63)
ADDRESSES = st.builds(
    "{}@{}".format,
    st.text(ATEXT, min_size=1, max_size=64),
    st.lists(LABELS, min_size=1, max_size=5).map(".".join),
)
ANYTHING = st.text(max_size=40) | st.builds("{}@{}".format, st.text(), st.text())


@pytest.mark.parametrize(
    "text",
    [
        "li@zone.example",
        "li.ming+crm@mail.zone.gov.cn",
        "li@crm.test",
        "crm@localhost",
        "li@mail.local",
        "li@zone.internal",
        "li@oa.lan",
        "o'neil@zone.example",
    ],
)
def test_an_address_is_kept_as_it_is(text):
    assert normalize_address(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Li@Zone.Example", "Li@zone.example"),
        ("ｌｉ＠ｚｏｎｅ．ｅｘａｍｐｌｅ", "li@zone.example"),
        ("li@zone。example", "li@zone.example"),
        ("li@招商.中国", "li@招商.中国"),
    ],
)
def test_it_is_kept_in_one_way(text, kept):
    assert normalize_address(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "li@example.com.",
        ".li@example.com",
        "li..ming@example.com",
        "li@-example.com",
        "li@example..com",
        "li",
        "@example.com",
        "li@",
        "li@example.com, wang@example.com",
        "li ming@example.com",
        '"li ming"@example.com',
        "li@[10.0.0.1]",
        "li@example.com\u200b",
        "Li <li@example.com>",
        "li@example.com\r\nBcc: b@example.com",
        "x" * 65 + "@example.com",
        "li@nobody.invalid",
        "=?utf-8?q?x?=@example.com",
    ],
)
def test_what_no_mail_reaches_is_refused(text):
    with pytest.raises(BadAddressError):
        normalize_address(text)


@pytest.mark.parametrize(
    ("text", "code"), [("li@example.com.", "bad_email"), ("李@example.com", "email_not_ascii")]
)
def test_a_service_refuses_it_at_its_field(text, code):
    with pytest.raises(Refused) as refused:
        optional_address(text)

    assert (refused.value.code, refused.value.field) == (code, "email")
    assert refused.value.facts == {"value": text}


@pytest.mark.parametrize(
    ("text", "name", "spec"),
    [
        ("crm@zone.example", "", "crm@zone.example"),
        ("招商系统 <crm@crm.test>", "招商系统", "crm@crm.test"),
        ('"招商, 系统" <crm@crm.test>', "招商, 系统", "crm@crm.test"),
        ("<crm@招商.中国>", "", "crm@xn--czrx92a.xn--fiqs8s"),
    ],
)
def test_a_sender_may_have_a_name(text, name, spec):
    sender = parse_address(text)

    assert (sender.display_name, sender.addr_spec) == (name, spec)


@pytest.mark.parametrize(
    "text", ["招商系统", "招商系统 <crm>", "a\r\nBcc: b <c@d.test>", "<<a@b.test>"]
)
def test_a_sender_nobody_can_answer_is_refused(text):
    with pytest.raises(BadAddressError):
        parse_address(text)


@given(ADDRESSES | st.emails() | ANYTHING)
@example("a=?utf-8?q?x?=@crm.test")
@example("x" * 64 + "@" + ".".join(["d" * 60] * 3))
@example("li@招商.中国")
def test_whatever_is_accepted_makes_a_mail_that_says_so_and_an_envelope(text):
    try:
        kept = normalize_address(text)
    except BadAddressError:
        assume(False)

    read = message_from_bytes(
        mime_of(message(recipient=kept), sender=f"招商 <{kept}>"), policy=default
    )
    spec = envelope_address(kept)
    assert normalize_address(kept) == kept
    assert spec.isascii()
    assert spec.isprintable()
    assert [each.addr_spec for each in read["To"].addresses] == [spec]
    assert [each.addr_spec for each in read["From"].addresses] == [spec]
    assert read["Subject"] == message().subject
