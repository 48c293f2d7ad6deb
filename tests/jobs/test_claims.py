"""No state and no claim is a dead end: a worker goes on, or a person is shown the message."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from threading import Event, Thread

import pytest
from sqlalchemy import select, update

from crm.base.outbox import Message, MessageKind, State
from crm.jobs import health, resend
from crm.jobs.claims import CLAIM_LASTS, claim, release
from crm.jobs.delivery import Deliverer
from crm.jobs.smtp import SmtpServer
from crm.jobs.smtp_session import Limits
from crm.transactions import transaction
from tests.conftest import NOW
from tests.jobs.mail import SENDER, deliverer, post_office, write
from tests.jobs.scripted import Reply, scripted
from tests.jobs.work import messages

ENDS = {State.SENT, State.SKIPPED}
COLUMNS = [
    {"kind": kind, "claimed_by": by, "claimed_until": until, "broke_off_at": broke_off_at}
    for kind, by, until, broke_off_at in product(
        (MessageKind.WEEKLY, MessageKind.NUDGE),
        (None, "a worker"),
        (None, NOW, NOW + CLAIM_LASTS),
        (None, NOW),
    )
]


def write_all(sessions, state):
    """Leave a message in that state for each combination of what else its row may hold."""
    write(sessions, *(f"p{number:02}" for number in range(len(COLUMNS))))
    with transaction(sessions) as db:
        for message, columns in zip(db.scalars(select(Message)).all(), COLUMNS, strict=True):
            db.execute(
                update(Message).where(Message.id == message.id).values(state=state, **columns)
            )


def store(sessions, **values):
    with transaction(sessions) as db:
        db.execute(update(Message).values(**values))


def deliver(sessions, port):
    """Deliver until every claim and every wait has ended."""
    for minutes in (10, 20, 30):
        deliverer(sessions, port, minutes=minutes).deliver_all()


@pytest.fixture
def office():
    with post_office() as office:
        yield office


@pytest.mark.parametrize("state", State)
def test_from_every_state_a_message_is_sent_or_shown_to_a_person(sessions, office, state):
    write_all(sessions, state)

    deliver(sessions, office.port)

    assert {message.state for message in messages(sessions)} <= {*ENDS, *health.FOR_A_PERSON}
    assert len(office.recipients) == len(set(office.recipients))


@pytest.mark.parametrize("state", [*health.FOR_A_PERSON, State.SKIPPED])
def test_what_a_worker_leaves_alone_can_be_sent_by_hand(sessions, office, state):
    write_all(sessions, state)
    ids = [message.id for message in messages(sessions)]
    later = NOW + 2 * CLAIM_LASTS

    with transaction(sessions) as db:
        resend.send(db, ids, again=False, why="", by=None, now=later)
    deliver(sessions, office.port)

    assert {message.state for message in messages(sessions)} == {State.SENT}


@pytest.mark.parametrize("state", [State.PENDING, State.SENDING, State.AMBIGUOUS])
def test_without_a_server_a_worker_leads_on_as_well(sessions, state):
    write_all(sessions, state)

    for minutes in (10, 20):
        now = NOW + timedelta(minutes=minutes)
        Deliverer(sessions, None, SENDER, lambda now=now: now).deliver_all()

    assert {message.state for message in messages(sessions)} <= {State.SENT, State.HELD}


def deliver_until_stopped(sessions, server, step):
    """Deliver over three connections; the stop comes once the server has heard that step."""
    stopped = Event()
    settings = replace(SmtpServer.parse(server.url, connections=3), limits=Limits(when_stopped=0))
    worker = Deliverer(sessions, settings, SENDER, lambda: NOW, stopped)
    delivery = Thread(target=worker.deliver_all)
    delivery.start()
    assert server.reached[step].wait(10)
    stopped.set()
    delivery.join()


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_stop_before_the_body_leaves_messages_as_if_never_taken(sessions, office, step):
    write(sessions, "an", "bo", "cai", "ding")

    with scripted(**{step: [Reply()] * 3}) as server:
        deliver_until_stopped(sessions, server, step)
    left = messages(sessions)
    deliverer(sessions, office.port).deliver_all()

    assert {(m.state, m.claimed_by, m.claimed_until) for m in left} == {(State.PENDING, None, None)}
    assert {(m.state, m.note) for m in messages(sessions)} == {(State.SENT, None)}
    assert len(office.received) == 4


def test_a_release_leaves_what_another_worker_settled_as_it_is(sessions):
    write(sessions, "li")
    with transaction(sessions) as db:
        (message_id,) = claim(db, "a worker", now=NOW)
    store(sessions, state=State.HELD)

    with transaction(sessions) as db:
        release(db, "a worker", [message_id])

    assert messages(sessions)[0].state is State.HELD
