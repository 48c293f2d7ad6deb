"""A batch over several connections: each message once, each known to be where it is."""

from collections import Counter
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

import pytest
from sqlalchemy import event

from crm.base.outbox import MessageKind, State
from crm.jobs import batch_delivery
from crm.jobs.batch_delivery import AHEAD, BatchDelivery, Task
from crm.jobs.claims import CLAIM_LASTS, claim
from crm.jobs.delivery import Deliverer
from crm.jobs.event_loop import EventLoop
from crm.jobs.marks import Marks, Outcome
from crm.jobs.rate_limit import RateLimit
from crm.jobs.smtp import SmtpServer
from crm.transactions import transaction
from tests.conftest import NOW
from tests.jobs.mail import SENDER, post_office, write
from tests.jobs.scripted import Reply, scripted
from tests.jobs.work import eventually, messages

PEOPLE = ("an", "bo", "cai", "ding", "er", "fang")


@pytest.fixture
def office():
    with post_office() as opened:
        yield opened


def worker(sessions, port, connections=3, stopped=None):
    server = SmtpServer.parse(f"smtp://127.0.0.1:{port}", connections=connections)
    return Deliverer(sessions, server, SENDER, lambda: NOW, stopped or Event())


def states(sessions):
    return Counter(message.state for message in messages(sessions))


def test_each_message_goes_out_once(sessions, office):
    write(sessions, *PEOPLE)

    counts = worker(sessions, office.port).deliver_all()

    assert counts == {State.SENT: len(PEOPLE)}
    assert sorted(office.recipients) == [f"{name}@crm.test" for name in PEOPLE]


def test_as_many_are_under_way_as_there_are_connections(sessions, office):
    write(sessions, *PEOPLE)
    office.answers.clear()
    delivery = Thread(target=worker(sessions, office.port).deliver_all)
    delivery.start()

    assert eventually(lambda: len(office.received) == 3)
    under_way = states(sessions)
    office.answers.set()
    delivery.join()

    assert under_way == {State.SENDING: 3, State.PENDING: 3}
    assert states(sessions) == {State.SENT: 6}


@pytest.fixture
def held_at_the_second(sessions, office, monkeypatch):
    """Deliver over one connection; the states while the server holds back its second answer."""

    def states_then(kind=MessageKind.WEEKLY):
        monkeypatch.setattr(batch_delivery, "QUICK_SECONDS", 60)
        write(sessions, *PEOPLE, kind=kind)
        office.holds_at = 2
        stopped = Event()
        delivery = Thread(target=worker(sessions, office.port, 1, stopped).deliver_all)
        delivery.start()
        assert eventually(lambda: len(office.received) == 2)
        found = states(sessions)
        stopped.set()
        office.answers.set()
        delivery.join()
        return found

    return states_then


def test_to_a_quick_server_a_few_messages_are_marked_at_once(sessions, held_at_the_second):
    assert held_at_the_second() == {State.SENT: 1, State.SENDING: 1 + AHEAD, State.PENDING: 1}


def test_a_stop_gives_back_what_was_marked_and_not_begun(sessions, held_at_the_second):
    held_at_the_second()

    assert states(sessions) == {State.SENT: 2, State.PENDING: 4}
    assert {message.claimed_by for message in messages(sessions)} == {None}


def test_what_may_not_be_repeated_is_marked_alone(held_at_the_second):
    found = held_at_the_second(MessageKind.NUDGE)

    assert found == {State.SENT: 1, State.SENDING: 1, State.PENDING: 4}


def test_what_was_marked_is_not_begun_after_its_claim_has_ended(sessions, office, monkeypatch):
    monkeypatch.setattr(batch_delivery, "QUICK_SECONDS", 60)
    write(sessions, *PEOPLE)
    server = SmtpServer.parse(office.url, connections=1)

    def now():
        return NOW if len(office.received) < 2 else NOW + CLAIM_LASTS

    with transaction(sessions) as db:
        ids = claim(db, "worker", now=NOW)
    task = Task(sessions, server, SENDER, "worker", now, Event(), RateLimit())
    BatchDelivery(task, lambda: True).deliver(ids)

    assert states(sessions) == {State.SENT: 2, State.PENDING: 4}


def test_one_bad_address_stops_no_other_connection(sessions, office):
    write(sessions, *PEOPLE)
    office.at_recipient["bo@crm.test"] = "550 no such user"

    worker(sessions, office.port).deliver_all()

    assert states(sessions) == {State.SENT: 5, State.FAILED: 1}


def test_a_server_that_goes_away_leaves_what_was_not_begun_to_the_next_round(sessions):
    write(sessions, *PEOPLE)
    with scripted(greeting=[Reply(b"421 busy\r\n")] * 3) as server:
        worker(sessions, server.port).deliver_all()

    assert states(sessions) == {State.PENDING: len(PEOPLE)}
    assert {message.claimed_by for message in messages(sessions)} == {None}


def test_an_answer_cut_on_one_connection_makes_one_message_ambiguous(sessions):
    write(sessions, *PEOPLE)
    with scripted(body=[Reply(cuts=True)]) as server:
        worker(sessions, server.port).deliver_all()

    assert states(sessions) == {State.SENT: 5, State.AMBIGUOUS: 1}


@pytest.fixture
def claimed(sessions):
    """The ids of messages that the worker has claimed."""
    write(sessions, *PEOPLE)
    with transaction(sessions) as db:
        return claim(db, "worker", now=NOW)


@contextmanager
def listening(engine, name, listener):
    event.listen(engine, name, listener)
    yield
    event.remove(engine, name, listener)


def sent(message_id):
    return Outcome(message_id, {"state": State.SENT, "sent_at": NOW, "note": None})


def test_marks_asked_for_at_once_are_all_written_in_one_commit(sessions, claimed):
    loop, commits, ours = EventLoop(), [], []
    marks = Marks(sessions, "worker", loop.pause)

    def mark(message_id):
        ours.append(marks.sending(message_id, at=NOW))
        marks.ended([sent(message_id)])

    with listening(sessions.kw["bind"], "commit", commits.append):
        loop.run([partial(mark, message_id) for message_id in claimed])

    assert ours == [True] * len(claimed)
    assert states(sessions) == {State.SENT: len(PEOPLE)}
    assert len(commits) == 2


def test_a_message_of_another_worker_is_not_marked(sessions, claimed):
    stranger = Marks(sessions, "another worker")

    is_ours = stranger.sending(claimed[0], at=NOW)
    stranger.ended([sent(claimed[0])])

    assert not is_ours
    assert states(sessions) == {State.PENDING: len(PEOPLE)}
