"""How a server's answers are read: invalid, cut, early, repeated and late ones."""

import time
from dataclasses import replace
from threading import Event, Thread

import pytest

from crm.jobs.connection import StoppedError
from crm.jobs.smtp import (
    AmbiguousError,
    RefusedMailError,
    SmtpClient,
    SmtpServer,
    UnreachableError,
)
from crm.jobs.smtp_session import Limits
from tests.jobs.scripted import DEFAULTS, Reply, Scripted, scripted

SHORT = Limits(connect=1, answer=0.1, last_answer=0.1, exchange=2, goodbye=0.05)
MIME = b"Subject: x\r\n\r\n.one\r\nfour\r\n"
ODD = {
    "two digits": Reply(b"25\r\n"),
    "two digits and a cut": Reply(b"25", cuts=True),
    "a cut in the text": Reply(b"250 O", cuts=True),
    "a cut": Reply(cuts=True),
    "a cut between lines": Reply(b"250-OK\r\n", cuts=True),
    "an empty line": Reply(b"\r\n"),
    "bytes": Reply(b"\xff\x00\xfe\r\n"),
    "words": Reply(b"OK\r\n"),
    "no space": Reply(b"250OK\r\n"),
    "four digits": Reply(b"2500 OK\r\n"),
    "a sign": Reply(b"+25 OK\r\n"),
    "a space before": Reply(b" 250 OK\r\n"),
    "other digits": Reply("２５０ OK\r\n".encode()),
    "1xx": Reply(b"100 OK\r\n"),
    "3xx": Reply(b"300 OK\r\n"),
    "6xx": Reply(b"650 OK\r\n"),
    "two codes": Reply(b"250-OK\r\n550 no\r\n"),
    "too many lines": Reply(b"250-OK\r\n" * 300),
    "too long a line": Reply(b"250 " + b"x" * 20_000 + b"\r\n"),
    "silence": Reply(),
    "a byte now and then": Reply(drips=True),
}
every_odd = pytest.mark.parametrize("reply", ODD.values(), ids=ODD)


def send(line: SmtpClient, recipient: str = "li@crm.test", before_data=lambda: None) -> None:
    line.send(sender="crm@crm.test", recipient=recipient, mime=MIME, before_data=before_data)


@pytest.fixture
def line_to():
    """Open a line to a server, which is closed in the end."""
    lines = []

    def opened(server: Scripted, while_waiting=lambda: None, limits: Limits = SHORT) -> SmtpClient:
        own = replace(SmtpServer.parse(server.url), limits=limits)
        lines.append(SmtpClient(own, while_waiting))
        return lines[-1]

    yield opened
    for line in lines:
        line.close()


@pytest.fixture
def refusal(line_to):
    """Why a mail was not taken by a server that says this at that step."""

    def refused_at(step: str, reply: Reply) -> RefusedMailError:
        with scripted(**{step: [reply]}) as server, pytest.raises(RefusedMailError) as refused:
            send(line_to(server))
        assert server.bodies == []
        return refused.value

    return refused_at


def _stop_at(stop: Event) -> None:
    if stop.is_set():
        raise StoppedError


def test_a_mail_arrives_as_it_is(line_to):
    with scripted() as server:
        line = line_to(server)
        send(line)
        line.close()

    assert server.bodies == [MIME.replace(b"\r\n.", b"\r\n..")]
    assert server.commands == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


@every_odd
@pytest.mark.parametrize("step", ["greeting", "EHLO"])
def test_an_invalid_greeting_opens_no_session(line_to, step, reply):
    with scripted(**{step: [reply]}) as server, pytest.raises(UnreachableError):
        send(line_to(server))


@every_odd
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_before_the_body_an_invalid_answer_postpones_the_mail(refusal, step, reply):
    assert not refusal(step, reply).for_good


@every_odd
def test_after_the_body_an_invalid_answer_is_ambiguous(line_to, reply):
    with scripted(body=[reply]) as server, pytest.raises(AmbiguousError):
        send(line_to(server))


@every_odd
@pytest.mark.parametrize("step", ["RSET", "QUIT"])
def test_an_invalid_answer_between_mails_harms_none(line_to, step, reply):
    with scripted(**{step: [reply]}) as server:
        line = line_to(server)
        send(line, "an@crm.test")
        send(line, "bo@crm.test")
        line.close()

    assert server.got == {"an@crm.test": 1, "bo@crm.test": 1}


@pytest.mark.parametrize("said", [b"250 OK\r\n", b"220 OK\r\n", b"355 go\r\n", b"334 go\r\n"])
def test_the_body_is_sent_only_after_354(refusal, said):
    assert not refusal("DATA", Reply(said)).for_good


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("said", ["421 bye", "451 not now", "550 no", "599 no"])
def test_before_the_body_4xx_and_5xx_are_refusals(refusal, step, said):
    refused = refusal(step, Reply(f"{said}\r\n".encode()))

    assert (str(refused), refused.for_good) == (said, said.startswith("5"))


@pytest.mark.parametrize("said", ["421 bye", "452 full", "554 no", "500-no\r\n500 no", "550"])
def test_after_the_body_4xx_and_5xx_are_refusals(line_to, said):
    reply = Reply(f"{said}\r\n".encode())
    with scripted(body=[reply]) as server, pytest.raises(RefusedMailError) as refused:
        send(line_to(server))

    assert refused.value.for_good is said.startswith("5")


@pytest.mark.parametrize("said", [b"250 OK\r\n", b"250\r\n", b"250-a\r\n250 b\r\n", b"200 x\r\n"])
def test_after_the_body_2xx_is_a_success(line_to, said):
    with scripted(body=[Reply(said, cuts=True)]) as server:
        send(line_to(server))

    assert server.got == {"li@crm.test": 1}


def test_a_server_that_leaves_after_its_answer_has_answered(line_to):
    with scripted(body=[Reply(b"250 OK\r\n421 bye\r\n", cuts=True)]) as server:
        send(line_to(server))

    assert server.got == {"li@crm.test": 1}


@pytest.mark.parametrize("second", [b"250 OK\r\n", b"554 no\r\n", b"25"])
@pytest.mark.parametrize("first", [b"250 OK\r\n", b"554 no\r\n"])
def test_two_answers_to_a_body_are_ambiguous(line_to, first, second):
    with scripted(body=[Reply(first + second)]) as server, pytest.raises(AmbiguousError):
        send(line_to(server))


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT"])
@pytest.mark.parametrize("more", [b"250 OK\r\n", b"354 go\r\n250 OK\r\n", b"2"])
def test_an_answer_to_what_was_not_yet_said_keeps_the_body_back(refusal, step, more):
    assert not refusal(step, Reply(DEFAULTS[step] + more)).for_good


@pytest.mark.parametrize("more", [b"250 OK\r\n", b"550 no\r\n", b"\r\n"])
def test_an_answer_to_a_body_that_was_not_yet_sent_keeps_it_back(refusal, more):
    assert not refusal("DATA", Reply(b"354 go\r\n" + more)).for_good


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(line_to):
    with scripted(body=[Reply()]) as server:
        line = line_to(server)
        with pytest.raises(AmbiguousError):
            send(line, "an@crm.test")
        send(line, "bo@crm.test")

    assert server.commands.count("EHLO") == 2


def test_after_a_refusal_the_session_goes_on(line_to):
    with scripted(RCPT=[Reply(b"550 no\r\n")]) as server:
        line = line_to(server)
        with pytest.raises(RefusedMailError):
            send(line, "an@crm.test")
        send(line, "bo@crm.test")

    assert server.got == {"bo@crm.test": 1}
    assert server.commands == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


def test_the_whole_exchange_has_a_time_limit(line_to):
    limits = Limits(connect=1, answer=5, last_answer=0.2, exchange=0.5)
    with scripted(RCPT=[Reply()]) as server:
        began = time.monotonic()
        with pytest.raises(RefusedMailError):
            send(line_to(server, limits=limits))

    assert 0.2 < time.monotonic() - began < 2


def test_the_answer_to_the_body_keeps_its_time_after_a_slow_exchange(line_to):
    limits = Limits(connect=1, answer=0.1, last_answer=5, exchange=10)
    with scripted(body=[Reply(drips=True)]) as server:
        stop = Event()
        line = line_to(server, lambda: _stop_at(stop), limits)
        Thread(target=lambda: (time.sleep(0.5), stop.set()), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(AmbiguousError, match="停止"):
            send(line)

    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize("reply", [Reply(), Reply(drips=True)], ids=["silence", "drips"])
@pytest.mark.parametrize("step", list(DEFAULTS)[:-2])
def test_whatever_the_server_does_a_stop_is_heard_at_once(line_to, step, reply):
    stop = Event()
    with scripted(**{step: [reply]}) as server:
        line = line_to(server, lambda: _stop_at(stop), Limits())
        Thread(target=lambda: (server.reached[step].wait(), stop.set()), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(AmbiguousError if step == "body" else StoppedError):
            send(line)
        line.close()

    assert time.monotonic() - began < 1


def test_a_server_that_takes_no_body_in_is_left_in_time(line_to):
    mime = MIME + b"x" * 8_000_000  # more than any buffer between holds
    with scripted() as server:
        server.is_deaf = True
        line = line_to(server)
        with pytest.raises(AmbiguousError, match="时限"):
            line.send(sender="a@b.test", recipient="c@d.test", mime=mime, before_data=_nothing)


def _nothing() -> None:
    """What is not asked for here."""
