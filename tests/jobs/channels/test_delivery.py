"""What a channel's worker does with whatever the receiver does."""

import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from crm.base.outbox import MessageKind, State
from crm.jobs import resend
from crm.jobs.batch_delivery import REPEATED
from crm.jobs.channels.http import Limits, Line
from crm.mailing.channel_models import Channel, ChannelHost
from crm.transactions import transaction
from tests.conftest import NOW
from tests.jobs.channels.receiver import OK, Answer, receiver
from tests.jobs.channels.work import deliver, only, tell, told
from tests.jobs.mail import deliverer, post_office

ROOT = Path(__file__).parents[3]
CUT = Answer(raw=b"")
GARBLED = Answer(raw=b"220 mail.test ESMTP\r\n")
HALF = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
NO_JSON = Answer(body=b"<html>captive portal</html>")
TOO_LONG = Answer(body=b"x" * 200_000)
BAD_GATEWAY = Answer(status="502 Bad Gateway", body=b"")


def code(number, text="no"):
    return Answer(body=f'{{"errcode": {number}, "errmsg": "{text}"}}'.encode())


def test_what_was_taken_is_sent_once(sessions):
    with receiver() as office:
        tell(sessions, office.url)

        first, second = deliver(sessions), deliver(sessions)

    message = only(sessions)
    assert (first, second) == ({State.SENT: 1}, {})
    assert (message.state, message.attempts) == (State.SENT, 1)
    assert len(office.received) == 1
    assert "第28周" in office.received[0].json["markdown"]["content"]


def test_a_group_is_told_once_of_what_many_are_mailed(sessions):
    with receiver() as office:
        tell(sessions, office.url, "li", "wang", "zhao")

        deliver(sessions)

    assert len(office.received) == 1


def test_mails_and_messages_to_channels_go_their_own_ways(sessions):
    with receiver() as office, post_office() as post:
        tell(sessions, office.url)
        deliverer(sessions, post.port).deliver_all()
        by_then = len(office.received)

        deliver(sessions)

    assert (by_then, len(office.received), post.recipients) == (0, 1, ["li@crm.test"])


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("answer", [CUT, GARBLED, HALF, NO_JSON, TOO_LONG, BAD_GATEWAY])
def test_without_a_clear_answer_it_waits_and_is_repeated_once_with_its_flag(sessions, answer):
    with receiver(answer) as office:
        tell(sessions, office.url)
        deliver(sessions)
        left = only(sessions).state
        deliver(sessions, minutes=9)
        by_then = len(office.received)

        deliver(sessions, minutes=11)

    message = only(sessions)
    first, second = (each.json["markdown"]["content"] for each in office.received)
    assert (left, by_then) == (State.AMBIGUOUS, 1)
    assert (message.state, message.note) == (State.SENT, REPEATED)
    assert second == first.replace("**", "**（可能重复）", 1)


@pytest.mark.slow_on_postgresql
def test_what_breaks_off_twice_is_held_for_a_person(sessions):
    with receiver(CUT, CUT) as office:
        tell(sessions, office.url)
        deliver(sessions)

        deliver(sessions, minutes=11)
        deliver(sessions, hours=2)

    assert (only(sessions).state, len(office.received)) == (State.HELD, 2)


@pytest.mark.slow_on_postgresql
def test_a_kind_that_may_not_be_repeated_is_held_at_once(sessions):
    with receiver(CUT) as office:
        channel_id = tell(sessions, office.url)
        with transaction(sessions) as db:
            message = db.merge(only(sessions))
            message.kind = MessageKind.NUDGE

        deliver(sessions)

    assert (only(sessions).state, only(sessions).channel_id) == (State.HELD, channel_id)


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (code(45009), State.PENDING, "发送过于频繁"),
        (code(-1, "system busy"), State.PENDING, "system busy"),
        (code(93000), State.FAILED, "机器人地址无效"),
        (code(40008, "invalid message type"), State.FAILED, "invalid message type"),
        (Answer(status="429 Too Many Requests"), State.PENDING, "HTTP 429"),
        (Answer(status="503 Service Unavailable"), State.PENDING, "HTTP 503"),
        (Answer(status="404 Not Found"), State.FAILED, "HTTP 404"),
    ],
)
def test_a_refusal_is_tried_again_only_where_that_may_help(sessions, answer, state, words):
    with receiver(answer) as office:
        tell(sessions, office.url)

        deliver(sessions)

    message = only(sessions)
    assert message.state is state
    assert words in message.note
    assert message.due_at > NOW or state is State.FAILED


@pytest.mark.slow_on_postgresql
def test_no_redirect_is_followed(sessions):
    with receiver() as elsewhere:
        there = Answer(status="307 Temporary Redirect", headers=f"Location: {elsewhere.url}\r\n")
        with receiver(there) as office:
            tell(sessions, office.url)

            deliver(sessions)

    assert (elsewhere.connections, only(sessions).state) == (0, State.FAILED)
    assert "不跟随" in only(sessions).note


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("raw", [b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\n\r\n{"])
def test_an_answer_that_trickles_in_has_an_end(sessions, raw):
    with receiver(Answer(raw=raw, drips=True)) as office:
        tell(sessions, office.url)

        deliver(sessions)

    message = only(sessions)
    assert message.state is State.AMBIGUOUS
    assert "在时限内没有完整应答" in message.note


@pytest.mark.slow_on_postgresql
def test_told_to_end_it_waits_a_moment_for_the_answer(sessions):
    stopped = Event()
    line = Line(stopped, Limits(when_stopped=0.3))
    with receiver() as office:
        office.may_answer.clear()
        tell(sessions, office.url)
        worker = Thread(target=deliver, args=(sessions,), kwargs={"line": line, "stopped": stopped})
        worker.start()
        office.asked.wait(10)

        stopped.set()
        worker.join(5)

    assert not worker.is_alive()
    assert only(sessions).state is State.AMBIGUOUS
    assert "系统停止运行" in only(sessions).note


@pytest.mark.slow_on_postgresql
def test_where_nobody_listens_it_waits_without_costing_an_attempt(sessions):
    with receiver() as office:
        url = office.url
    tell(sessions, url)

    deliver(sessions)

    message = only(sessions)
    assert (message.state, message.attempts) == (State.PENDING, 0)
    assert message.due_at > NOW
    assert "对方拒绝连接" in message.note


@pytest.mark.slow_on_postgresql
def test_one_channel_that_hangs_holds_up_no_other(sessions):
    with receiver() as slow, receiver() as office:
        slow.may_answer.clear()
        tell(sessions, slow.url)
        with transaction(sessions) as db:
            channel = Channel(
                kind=db.get_one(Channel, 1).kind,
                name="其他",
                url=office.url,
                is_on=True,
                takes_people=False,
            )
            db.add(channel)
            db.flush()
            one = only(sessions)
            values = {
                column.key: getattr(one, column.key)
                for column in type(one).__table__.columns
                if column.key != "id"
            }
            db.add(type(one)(**values | {"dedupe_key": "other", "channel_id": channel.id}))

        deliver(sessions)

    states = {message.channel_id: message.state for message in told(sessions)}
    assert states == {1: State.AMBIGUOUS, channel.id: State.SENT}


def test_a_host_taken_from_the_list_gets_nothing_more(sessions):
    with receiver() as office:
        tell(sessions, office.url)
        with transaction(sessions) as db:
            db.delete(db.get_one(ChannelHost, 1))

        deliver(sessions)

    assert (office.connections, only(sessions).state) == (0, State.FAILED)


@pytest.mark.slow_on_postgresql
def test_a_private_address_behind_a_public_name_gets_nothing(sessions):
    with receiver() as office:
        tell(sessions, office.url, host=None)
        with transaction(sessions) as db:  # as a name that came to lead inside
            db.add(ChannelHost(host="127.0.0.1", is_internal=False))
            db.get_one(Channel, 1).url = f"https://127.0.0.1:443/{office.port}"

        deliver(sessions)

    message = only(sessions)
    assert (office.connections, message.state) == (0, State.PENDING)
    assert "在内网" in message.note


def test_sent_again_by_hand_it_has_the_same_id_and_the_flag(sessions):
    with receiver(OK, OK) as office:
        tell(sessions, office.url)
        deliver(sessions)
        with transaction(sessions) as db:
            ids = [only(sessions).id]
            resend.send(db, ids, again=True, why="没有看到", by=None, now=NOW)

        deliver(sessions)

    assert only(sessions).note.startswith("人工重发")
    assert "可能重复" in office.received[1].json["markdown"]["content"]


def test_killed_between_the_answer_and_the_mark_it_repeats_once_with_the_flag(
    sessions, database_url
):
    with receiver() as office:
        tell(sessions, office.url)
        victim = [sys.executable, "-m", "tests.jobs.channels.victim", database_url]
        process = subprocess.run(victim, cwd=ROOT, check=False, capture_output=True, timeout=60)
        left = only(sessions).state
        deliver(sessions, minutes=6)  # the claim has ended
        deliver(sessions, minutes=17)

    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    assert left is State.SENDING
    assert (only(sessions).state, only(sessions).note) == (State.SENT, REPEATED)
    assert len(office.received) == 2
