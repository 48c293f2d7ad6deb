"""Whatever a server says: nothing is lost, repeats are marked, no nudge is sent twice."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest

from crm.base import clock
from crm.base.outbox import Message, MessageKind, State
from crm.jobs import claims
from crm.jobs.batch_delivery import REPEATED
from crm.jobs.delivery import Deliverer
from crm.jobs.smtp import SmtpServer
from crm.jobs.smtp_session import Limits
from tests.conftest import NOW
from tests.jobs.mail import SENDER, write
from tests.jobs.scripted import DEFAULTS, Reply, Scripted, scripted
from tests.jobs.test_smtp import ODD, SHORT
from tests.jobs.work import messages

MORE = {
    "the answer twice": lambda step: Reply(DEFAULTS[step] * 2),
    "all answers at once": lambda step: Reply(DEFAULTS[step] + b"250 OK\r\n354 go\r\n250 OK\r\n"),
    "421": lambda _: Reply(b"421 bye\r\n", cuts=True),
    "451": lambda _: Reply(b"451 not now\r\n"),
    "250 and a cut": lambda _: Reply(b"250 OK\r\n", cuts=True),
}
WORST = ("two digits and a cut", "a cut", "silence", "the answer twice", "250 and a cut")
ALL = {name: lambda _, reply=reply: reply for name, reply in ODD.items()} | MORE
STOPPED = Limits(when_stopped=0.1)  # patient as long as it is to go on
LATER = (0, 11, 25, 60, 180, 400)  # minutes


def worker(sessions, server: Scripted, limits: Limits = SHORT, **later: float) -> Deliverer:
    """A worker that soon loses patience."""
    own = replace(SmtpServer.parse(server.url), limits=limits)
    moment = NOW + timedelta(**later)
    return Deliverer(sessions, own, SENDER, lambda: moment)


def unaccounted(sessions, server: Scripted) -> list[Message]:
    """Messages that were received more or less often than the outbox says."""
    return [each for each in messages(sessions) if not is_accounted(each, server)]


def is_accounted(message: Message, server: Scripted) -> bool:
    received = server.got[message.recipient]
    if message.state is State.HELD:  # a person looks: a digest was tried twice, a nudge once
        return received <= 1 + message.kind.may_repeat
    is_flagged = message.note == REPEATED and message.kind.may_repeat
    return message.state is State.SENT and 1 <= received <= 1 + is_flagged


def live_through(sessions, server: Scripted) -> None:
    for minutes in LATER:
        worker(sessions, server, minutes=minutes).deliver_all()


@pytest.fixture
def written(sessions):
    """Two digests and a nudge between them."""
    write(sessions, "an", at=NOW - timedelta(minutes=3))
    write(sessions, "bo", kind=MessageKind.NUDGE, at=NOW - timedelta(minutes=2))
    write(sessions, "chen", at=NOW - timedelta(minutes=1))
    return sessions


@pytest.mark.parametrize("name", WORST)
@pytest.mark.parametrize("step", ["DATA", "body"])
def test_around_the_body_every_mail_is_accounted_for(written, step, name):
    with scripted(**{step: [ALL[name](step)] * 2}) as server:
        live_through(written, server)

    assert unaccounted(written, server) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("step", DEFAULTS)
@pytest.mark.parametrize("times", [1, 3])
def test_at_every_step_every_mail_is_accounted_for(written, step, name, times):
    with scripted(**{step: [ALL[name](step)] * times}) as server:
        live_through(written, server)

    assert unaccounted(written, server) == []
    assert {message.state for message in messages(written)} <= {State.SENT, State.HELD}


def test_an_invalid_answer_to_a_nudge_holds_it_with_the_reason(sessions):
    write(sessions, "li", kind=MessageKind.NUDGE)

    with scripted(body=[Reply(b"25", cuts=True)]) as server:
        worker(sessions, server).deliver_all()

    (message,) = messages(sessions)
    assert (message.state, message.note) == (State.HELD, "发送结果不明：服务器中断了连接")


def test_a_250_to_data_is_no_mail_sent(sessions):
    write(sessions, "li")

    with scripted(DATA=[Reply(b"250 OK\r\n")]) as server:
        worker(sessions, server).deliver_all()

    (message,) = messages(sessions)
    assert (message.state, message.attempts) == (State.PENDING, 1)
    assert server.bodies == []


def test_any_text_of_a_server_can_be_stored(sessions):
    write(sessions, "li")

    with scripted(RCPT=[Reply(b"550 \x00\xff\x1b[31m" + b"x" * 4000 + b"\r\n")]) as server:
        worker(sessions, server).deliver_all()

    (message,) = messages(sessions)
    assert message.state is State.FAILED
    assert message.note.startswith("550 �")
    assert len(message.note) == claims.LONGEST_NOTE


@pytest.mark.parametrize(
    ("step", "states"),
    [
        ("greeting", [State.PENDING] * 3),
        ("RCPT", [State.PENDING] * 3),
        ("body", [State.AMBIGUOUS, State.PENDING, State.PENDING]),
    ],
)
def test_a_stop_leaves_every_mail_where_it_is_known_to_be(written, step, states):
    with scripted(**{step: [Reply(drips=True)]}) as server:
        own = worker(written, server, STOPPED)
        Thread(target=lambda: (server.reached[step].wait(), own.stopped.set())).start()
        own.deliver_all()

    assert [message.state for message in messages(written)] == states
    assert {message.claimed_until for message in messages(written)} == {None}


def test_a_nudge_whose_answer_is_cut_short_by_a_stop_is_held(sessions):
    write(sessions, "li", kind=MessageKind.NUDGE)
    with scripted(body=[Reply()]) as server:
        own = worker(sessions, server, STOPPED)
        Thread(target=lambda: (server.reached["body"].wait(), own.stopped.set())).start()
        own.deliver_all()

    (message,) = messages(sessions)
    assert (message.state, message.note) == (State.HELD, "发送结果不明：系统停止运行")


def test_an_answer_that_comes_soon_after_a_stop_is_heard(sessions):
    write(sessions, "li")
    with scripted() as server:
        own = worker(sessions, server, Limits())
        server.before["body"] = own.stopped.set
        own.deliver_all()

    assert messages(sessions)[0].state is State.SENT


def test_while_a_server_takes_its_time_nobody_takes_the_mail_over(sessions, monkeypatch):
    monkeypatch.setattr(claims, "CLAIM_LASTS", timedelta(seconds=0.4))
    write(sessions, "li")
    slow = replace(SHORT, last_answer=1.2)
    with scripted(body=[Reply()]) as server:
        own = replace(SmtpServer.parse(server.url), limits=slow)
        began = clock.monotonic()
        now = lambda: NOW + timedelta(seconds=clock.monotonic() - began)  # noqa: E731 - a clock
        first = Thread(target=Deliverer(sessions, own, SENDER, now).deliver_all)
        first.start()
        server.reached["body"].wait()
        others = Counter()
        while first.is_alive():
            others += Deliverer(sessions, own, SENDER, now).deliver_all()
            first.join(0.05)

    assert others == {}
    assert (messages(sessions)[0].state, len(server.bodies)) == (State.AMBIGUOUS, 1)
