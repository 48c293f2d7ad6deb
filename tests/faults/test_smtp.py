"""`crm clock run --send` against a real mail server on a real socket, plain and with TLS."""

import random
import re
import signal
import ssl
from collections import Counter
from email import message_from_bytes
from email.policy import default

import pytest
import trustme
from aiosmtpd.smtp import AuthResult

from crm.base.outbox import State
from crm.jobs.batch_delivery import NO_ADDRESS, REPEATED
from crm.jobs.smtp import SmtpServer, UnreachableError
from tests.faults.arranged import Clocks, off_from
from tests.faults.facts import JUNE, WITHOUT_ADDRESS
from tests.faults.victim import Death, Moment
from tests.faults.zone import BASE_URL, SENDER, Lived
from tests.jobs.mail import post_office
from tests.jobs.work import at

SEND = ("clock", "run", "--send", "--until")
NOON = "2026-06-01T12:30"
SENT_UNTIL = "2026-06-08"  # two weekly digests, one monthly, and nudges
on_sqlite = pytest.mark.parametrize("kind", ["sqlite"], indirect=True, scope="session")
FORMS = ("plain", "html")
CHINESE = re.compile("[一-鿿]{4}")
REPORT = re.compile("晨报|周报|月报")
LINK = re.compile(r"https?://[^\s\"'<>）]+")


@pytest.fixture(scope="session")
def sent(kind, filled, copy, prepared):
    """The first week of June, sent."""

    def send():
        zone = copy(filled)
        with post_office() as office:
            summary = zone.live(SENT_UNTIL, "--send", CRM_MAIL=office.url)
        return Lived(zone, summary, zone.rows(), office.received)

    return prepared(f"sent-{kind}", send)


@pytest.fixture(scope="session")
def mails(sent):
    """What was received, as a reader of mails takes it."""
    return [message_from_bytes(content, policy=default) for _, content in sent.received]


@pytest.fixture(scope="session")
def authority():
    """Whoever signs the certificates of the mail servers here."""
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path):
    """The file that names this authority."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def certified(authority):
    """What a server shows of itself."""
    return context_of(authority.issue_cert("127.0.0.1"))


def context_of(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def admit(server, session, envelope, mechanism, data):
    """Let in one user only; both words have to be quoted in the settings' address."""
    return AuthResult(
        success=(data.login, data.password) == (b"crm@crm.test", b"p@ss:/word"), handled=False
    )


@pytest.mark.slow_on_postgresql
def test_everyone_with_an_address_receives_each_message_once_byte_by_byte(sent):
    assert sorted(sent.received) == sent.rows.mails
    assert len(sent.received) > 30
    assert {message["state"] for message in sent.rows.messages} == {State.SENT}


@pytest.mark.slow_on_postgresql
def test_who_has_no_address_has_it_in_the_mailbox(sent):
    left = [message for message in sent.rows.messages if not message["recipient"]]

    assert {message["dedupe_key"].split(":")[2] for message in left} == WITHOUT_ADDRESS
    assert {message["note"] for message in left} == {NO_ADDRESS}


@on_sqlite
def test_the_bytes_are_those_that_the_outbox_shows(sent):
    shown = sent.zone.crm("outbox", "show", "2")

    assert shown in [content for _, content in sent.received]


@pytest.mark.slow_on_postgresql
def test_subjects_senders_and_both_texts_are_read_in_chinese(sent, mails):
    subjects = [message["subject"] for message in sent.rows.messages if message["recipient"]]

    assert sorted(str(mail["Subject"]) for mail in mails) == sorted(subjects)
    assert any("周报" in subject and "初步数" in subject for subject in subjects)
    assert {str(mail["From"]) for mail in mails} == {SENDER}
    texts = {str(mail["Subject"]): [body(mail, form) for form in FORMS] for mail in mails}
    assert all(CHINESE.search(text) for both in texts.values() for text in both)
    # a brief and a digest begin with what they have to say
    letters = [both for subject, both in texts.items() if not REPORT.search(subject)]
    assert letters
    assert all("您好" in text for both in letters for text in both)


@pytest.mark.slow_on_postgresql
def test_every_link_leads_to_the_address_of_the_settings(mails):
    links = [link for mail in mails for form in FORMS for link in links_in(mail, form)]

    assert all(links_in(mail, "html") for mail in mails)
    assert [link for link in links if not link.startswith(f"{BASE_URL}/")] == []


def body(mail, form):
    return mail.get_body((form,)).get_content()


def links_in(mail, form):
    return LINK.findall(body(mail, form))


@pytest.mark.slow_on_postgresql
def test_unasked_nothing_goes_out(june):
    assert june.received == []


@on_sqlite
def test_what_went_to_the_mailbox_is_not_sent_later(june, copy):
    zone = copy(june.zone)
    with post_office() as office:
        zone.crm("deliver", "--once", CRM_MAIL=office.url)

    assert office.received == []


@on_sqlite
def test_mails_go_out_by_starttls_with_a_login(zone, certified, trusted):
    with post_office(
        tls_context=certified, require_starttls=True, auth_required=True, authenticator=admit
    ) as office:
        url = f"smtp://crm%40crm.test:p%40ss%3A%2Fword@127.0.0.1:{office.port}?starttls=1"
        zone.live("2026-06-01", "--send", CRM_MAIL=url, SSL_CERT_FILE=trusted)

    assert sorted(office.received) == zone.rows().mails
    assert office.received


@on_sqlite
def test_a_server_that_is_not_trusted_gets_nothing_and_nothing_is_lost(zone, certified, trusted):
    noon, later = Clocks(off_from(at(NOON))), Clocks(off_from(at("2026-06-01T13:30")))
    with post_office(ssl_context=certified) as office:
        url = f"smtps://127.0.0.1:{office.port}"
        zone.fork(*SEND, NOON, arranged=[noon], CRM_MAIL=url).ended()
        before = zone.rows()
        unasked = list(office.received)
        trusting = {"CRM_MAIL": url, "SSL_CERT_FILE": trusted}
        zone.fork("deliver", "--once", arranged=[later], **trusting).ended()

    assert unasked == []
    assert {(message["state"], message["attempts"]) for message in before.messages} == {
        (State.PENDING, 0)
    }
    assert "CERTIFICATE_VERIFY_FAILED" in before.messages[0]["note"]
    assert sorted(office.received) == zone.rows().mails
    assert {message["state"] for message in zone.rows().messages} == {State.SENT}


@pytest.mark.parametrize(
    ("identity", "query"),
    [("mail.elsewhere.test", ""), ("127.0.0.1", "?starttls=1")],
    ids=["a certificate of another", "no STARTTLS where it is asked for"],
)
def test_a_line_that_is_not_safe_is_none(authority, trusted, monkeypatch, identity, query):
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    secured = {} if query else {"ssl_context": context_of(authority.issue_cert(identity))}
    with post_office(**secured) as office, pytest.raises(UnreachableError):
        SmtpServer.parse(f"smtp{'' if query else 's'}://127.0.0.1:{office.port}{query}").connect()


def test_a_wrong_password_is_an_unreachable_server(certified, trusted, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with (
        post_office(tls_context=certified, auth_required=True, authenticator=admit) as office,
        pytest.raises(UnreachableError, match="535"),
    ):
        SmtpServer.parse(f"smtp://li:wrong@127.0.0.1:{office.port}?starttls=1").connect()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_workers_that_die_lose_nothing_and_say_what_they_sent_twice(zone, seed):
    chance = random.Random(seed)
    with post_office() as office:
        nobody = office.url
    july = Clocks(off_from(at("2026-07-01T00:00")))
    zone.fork(*SEND, JUNE, arranged=[july], CRM_MAIL=nobody).ended()
    ends = Counter()
    with post_office() as office:
        for _ in range(12):
            zone.let_an_hour_pass()
            # many mails share a commit: a later moment would not come before all are sent
            death = Death(chance.choice(DEATHS), chance.randint(1, 5))
            ends[deliver(zone, office, death).end().status] += 1
        for _ in range(3):  # what is unknown is settled, tried once more, and settled again
            zone.let_an_hour_pass()
            deliver(zone, office).ended()
    rows = zone.rows()
    times = Counter(office.received)

    assert set(ends) <= {-signal.SIGKILL, 0}
    assert ends[-signal.SIGKILL] > 5
    assert set(times) <= set(rows.mails)
    assert {message["state"] for message in rows.messages} <= {State.SENT, State.HELD}
    assert any(message["note"] == REPEATED for message in rows.messages)
    assert [message for message in rows.messages if not is_told(message, times)] == []


DEATHS = (Moment.CHANGE, Moment.COMMIT, Moment.COMMITTED)


def deliver(zone, office, death=None):
    july = Clocks(off_from(at("2026-07-01T09:00")))
    return zone.fork("deliver", "--once", death=death, arranged=[july], CRM_MAIL=office.url)


def is_told(message, times):
    """Whether a message was received as often as the outbox says that it may have been."""
    received = times[message["recipient"], message["mime"]]
    if not message["recipient"]:
        return received == 0
    if message["state"] is State.HELD:  # nobody knows; a digest was tried twice, a nudge once
        return received <= 1 + message["kind"].may_repeat
    return received == 1 or (received == 2 and message["note"] == REPEATED)
