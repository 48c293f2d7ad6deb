"""Robots check signatures, and receivers over TLS show certificates, as their manuals say."""

import ssl
from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from crm.base.outbox import MessageKind, State
from crm.mailing.announcing import put_and_announce
from crm.mailing.channel_rules import ChannelKind
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person
from tests.jobs.channels.receiver import Answer, receiver
from tests.jobs.channels.work import deliver, make_channel, only, row_for, tell

SECRET = "SEC-a+b/c=招商"
MILLISECONDS = 1000
TAKEN = Answer(body=b'{"code": 0, "msg": "success"}')

pytestmark = pytest.mark.slow_on_postgresql


def hmac_sha256(key, signed):
    """The signature made apart from what is tested."""
    made = HMAC(key.encode(), SHA256())
    made.update(signed.encode())
    return made.finalize()


def signing(sessions, url, kind, secret=SECRET):
    """A message to a group whose robot is of that kind."""
    with transaction(sessions) as db:
        make_channel(db, url, kind=kind, secret=secret)
        put_and_announce(db, [row_for(make_person(db, "li"), MessageKind.WEEKLY)])


def test_dingtalk_finds_its_signature_over_the_milliseconds_and_the_secret(sessions):
    with receiver() as office:
        signing(sessions, office.url, ChannelKind.DINGTALK)
        deliver(sessions)

    query = parse_qs(urlsplit(office.received[0].path).query, strict_parsing=True)
    [timestamp], [sign], [key] = query["timestamp"], query["sign"], query["key"]
    assert int(timestamp) == NOW.timestamp() * MILLISECONDS
    assert b64decode(sign, validate=True) == hmac_sha256(SECRET, f"{timestamp}\n{SECRET}")
    assert key == "canary-token"  # what was in the address stays
    assert only(sessions).state is State.SENT


def test_feishu_finds_its_signature_of_nothing_under_the_seconds_and_the_secret(sessions):
    with receiver(TAKEN) as office:
        signing(sessions, office.url, ChannelKind.FEISHU)
        deliver(sessions)

    body = office.received[0].json
    assert int(body["timestamp"]) == NOW.timestamp()
    signature = hmac_sha256(f"{body['timestamp']}\n{SECRET}", "")
    assert b64decode(body["sign"], validate=True) == signature
    assert only(sessions).state is State.SENT


def test_a_robot_without_a_secret_is_sent_no_signature(sessions):
    with receiver(TAKEN) as office:
        signing(sessions, office.url, ChannelKind.FEISHU, secret=None)
        deliver(sessions)

    assert {"timestamp", "sign"}.isdisjoint(office.received[0].json)


@pytest.mark.parametrize(
    ("is_named", "state"), [(True, State.SENT), (False, State.PENDING)], ids=["named", "unknown"]
)
def test_an_authority_of_the_zone_is_trusted_where_the_machine_names_it(
    sessions, tmp_path, monkeypatch, is_named, state
):
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    if is_named:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

    with receiver(context=context) as office:
        tell(sessions, office.url)
        deliver(sessions)

    message = only(sessions)
    assert (message.state, len(office.received)) == (state, int(is_named))
    assert ("对方的证书无效" in (message.note or "")) is not is_named
