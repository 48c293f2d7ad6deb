"""Delivery to a real SMTP server: once, again after a refusal, ambiguous where unknown."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from sqlalchemy import update

from crm.base.outbox import Message, MessageKind, State
from crm.jobs.batch_delivery import MOST_ATTEMPTS, NO_ADDRESS, REPEATED, retry_delay
from crm.jobs.claims import claim
from crm.jobs.delivery import Deliverer, leave_in_mailbox
from crm.jobs.mime import mime_of
from crm.jobs.smtp import Security, SmtpServer
from crm.transactions import transaction
from tests.conftest import NOW
from tests.jobs.mail import SENDER, deliverer, post_office, write
from tests.jobs.work import messages


@pytest.fixture
def office():
    with post_office() as office:
        yield office


def only(sessions) -> Message:
    (message,) = messages(sessions)
    return message


def crash_in_data(sessions) -> None:
    """What a kill between DATA and the mark leaves."""
    with transaction(sessions) as db:
        (message_id,) = claim(db, "a worker that was killed", now=NOW)
        db.execute(update(Message).where(Message.id == message_id).values(state=State.SENDING))


def test_a_mail_arrives_as_the_bytes_of_its_row(sessions, office):
    write(sessions, "li")

    counts = deliverer(sessions, office.port).deliver_all()

    message = only(sessions)
    assert counts == {State.SENT: 1}
    assert (message.state, message.sent_at, message.attempts) == (State.SENT, NOW, 1)
    assert (message.claimed_by, message.claimed_until, message.note) == (None, None, None)
    assert office.received == [("li@crm.test", mime_of(message, sender=SENDER))]


def test_what_arrives_can_be_read(sessions, office):
    write(sessions, "li")

    deliverer(sessions, office.port).deliver_all()

    read = message_from_bytes(office.received[0][1], policy=default)
    assert read["Subject"] == only(sessions).subject
    text = read.get_body(("plain",)).get_content()
    assert text.splitlines() == only(sessions).body_text.splitlines()


def test_a_second_delivery_sends_nothing(sessions, office):
    write(sessions, "li", "wang")

    deliverer(sessions, office.port).deliver_all()
    deliverer(sessions, office.port, hours=1).deliver_all()

    assert office.recipients == ["li@crm.test", "wang@crm.test"]


def test_a_message_waits_until_it_is_due(sessions, office):
    write(sessions, "li", at=NOW + timedelta(seconds=1))

    deliverer(sessions, office.port).deliver_all()
    assert office.received == []

    deliverer(sessions, office.port, seconds=1).deliver_all()
    assert office.recipients == ["li@crm.test"]


def test_a_bad_recipient_fails_and_does_not_stop_the_others(sessions, office):
    write(sessions, "an", "bo", "chen")
    office.at_recipient["an@crm.test"] = "550 no such user"

    deliverer(sessions, office.port).deliver_all()

    bad, *others = messages(sessions)
    assert (bad.state, bad.note, bad.attempts) == (State.FAILED, "550 no such user", 1)
    assert {message.state for message in others} == {State.SENT}
    assert office.recipients == ["bo@crm.test", "chen@crm.test"]


@pytest.mark.parametrize(
    "email", ["not an address", "李@crm.test", "an@example.com.", "an@crm..test"]
)
def test_a_recipient_who_cannot_be_written_to_fails_and_does_not_stop_the_others(
    sessions, office, email
):
    write(sessions, "an", email=email)
    write(sessions, "bo")

    deliverer(sessions, office.port).deliver_all()

    bad, good = messages(sessions)
    assert (bad.state, bad.note) == (State.FAILED, f"“{email}”不是可用的邮箱地址")
    assert good.state is State.SENT


def test_a_temporary_refusal_is_retried_after_a_wait(sessions, office):
    write(sessions, "li")
    office.at_recipient["li@crm.test"] = "451 greylisted"
    deliverer(sessions, office.port).deliver_all()
    first = only(sessions)

    del office.at_recipient["li@crm.test"]
    deliverer(sessions, office.port, seconds=40).deliver_all()
    assert office.received == []
    deliverer(sessions, office.port, seconds=80).deliver_all()

    assert (first.state, first.note) == (State.PENDING, "451 greylisted")
    assert first.due_at == NOW + retry_delay(first.id, 1)
    assert (only(sessions).state, only(sessions).attempts) == (State.SENT, 2)


@pytest.mark.parametrize(
    ("answer", "state"),
    [("452 disk full", State.PENDING), ("554 looks like spam", State.FAILED)],
)
def test_a_refusal_after_data_is_an_answer_too(sessions, office, answer, state):
    write(sessions, "li")
    office.at_data = [answer]

    deliverer(sessions, office.port).deliver_all()

    assert (only(sessions).state, only(sessions).note) == (state, answer)


def test_after_the_last_try_a_message_has_failed(sessions, office):
    write(sessions, "li")
    with transaction(sessions) as db:
        db.execute(update(Message).values(attempts=MOST_ATTEMPTS - 1))
    office.at_recipient["li@crm.test"] = "451 greylisted"

    deliverer(sessions, office.port).deliver_all()

    assert only(sessions).state is State.FAILED


def test_waits_double_up_to_an_hour_and_are_spread_the_same_way_each_time():
    waits = [retry_delay(7, attempts) for attempts in range(1, 12)]

    assert waits == [retry_delay(7, attempts) for attempts in range(1, 12)]
    assert timedelta(seconds=48) <= waits[0] <= timedelta(seconds=72)
    assert timedelta(minutes=48) <= waits[-1] <= timedelta(minutes=72)
    assert retry_delay(7, 1) != retry_delay(8, 1)


def test_a_server_that_is_away_costs_no_attempt(sessions):
    write(sessions, "li", "wang")
    with post_office() as gone:
        port = gone.port

    counts = deliverer(sessions, port).deliver_all()

    assert counts == {}
    assert {(message.state, message.attempts) for message in messages(sessions)} == {
        (State.PENDING, 0)
    }
    assert {message.due_at - NOW for message in messages(sessions)} == {timedelta(minutes=1)}
    assert "ConnectionRefusedError" in messages(sessions)[0].note


def test_someone_without_an_address_has_it_in_the_mailbox(sessions, office):
    write(sessions, "li", email=None)

    deliverer(sessions, office.port).deliver_all()

    assert office.received == []
    assert (only(sessions).state, only(sessions).note) == (State.SENT, NO_ADDRESS)


def test_a_message_whose_connection_breaks_after_data_is_sent_once_more_with_the_same_bytes(
    sessions, office
):
    write(sessions, "li")
    office.at_data = [None]
    deliverer(sessions, office.port).deliver_all()
    broken = only(sessions)

    deliverer(sessions, office.port, minutes=9, seconds=59).deliver_all()
    assert len(office.received) == 1
    deliverer(sessions, office.port, minutes=10).deliver_all()

    assert broken.state is State.AMBIGUOUS
    assert (only(sessions).state, only(sessions).note) == (State.SENT, REPEATED)
    assert office.received[0] == office.received[1]


def test_a_message_whose_connection_breaks_twice_is_held(sessions, office):
    write(sessions, "li")
    office.at_data = [None, None]

    deliverer(sessions, office.port).deliver_all()
    deliverer(sessions, office.port, minutes=10).deliver_all()
    deliverer(sessions, office.port, days=3).deliver_all()

    assert only(sessions).state is State.HELD
    assert len(office.received) == 2


def test_a_nudge_whose_end_is_unknown_is_held_at_once(sessions, office):
    write(sessions, "li", kind=MessageKind.NUDGE)
    office.at_data = [None]

    deliverer(sessions, office.port).deliver_all()
    deliverer(sessions, office.port, days=3).deliver_all()

    assert only(sessions).state is State.HELD
    assert len(office.received) == 1


def test_after_a_connection_broke_the_others_use_a_new_one(sessions, office):
    write(sessions, "an", "bo")
    office.at_data = [None]

    deliverer(sessions, office.port).deliver_all()

    assert [message.state for message in messages(sessions)] == [State.AMBIGUOUS, State.SENT]


def test_what_a_crash_left_in_sending_waits_and_is_sent_once_more(sessions, office):
    write(sessions, "li")
    crash_in_data(sessions)

    deliverer(sessions, office.port, minutes=4).deliver_all()
    assert only(sessions).state is State.SENDING
    deliverer(sessions, office.port, minutes=5).deliver_all()
    assert (only(sessions).state, office.received) == (State.AMBIGUOUS, [])
    deliverer(sessions, office.port, minutes=15).deliver_all()

    assert (only(sessions).state, only(sessions).note) == (State.SENT, REPEATED)
    assert len(office.received) == 1


def test_a_worker_that_died_before_data_costs_nothing_but_time(sessions, office):
    write(sessions, "li")
    with transaction(sessions) as db:
        claim(db, "a worker that was killed", now=NOW)

    deliverer(sessions, office.port, minutes=4).deliver_all()
    assert office.received == []
    deliverer(sessions, office.port, minutes=5).deliver_all()

    assert (only(sessions).state, only(sessions).note) == (State.SENT, None)


def test_a_worker_whose_claim_ended_stops_before_data(sessions, office):
    write(sessions, "li", "wang")
    moments = iter([NOW, NOW])  # it settles, claims, and is stopped for an hour
    late = Deliverer(
        sessions,
        SmtpServer.parse(f"smtp://127.0.0.1:{office.port}"),
        SENDER,
        lambda: next(moments, NOW + timedelta(hours=1)),
    )

    counts = late.deliver_batch()

    assert counts == {}
    assert office.received == []
    assert {message.state for message in messages(sessions)} == {State.PENDING}


def test_many_workers_send_each_message_once(sessions, office):
    write(sessions, *(f"p{n:02}" for n in range(60)))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: deliverer(sessions, office.port).deliver_all(), range(3)))

    assert sorted(office.recipients) == [f"p{n:02}@crm.test" for n in range(60)]
    assert {message.state for message in messages(sessions)} == {State.SENT}


def test_a_worker_told_to_stop_gives_back_what_it_has_not_begun(sessions, office):
    write(sessions, "an", "bo")
    answers = iter([True, True, False])

    deliverer(sessions, office.port).deliver_all(lambda: next(answers, False))

    assert office.recipients == ["an@crm.test"]
    assert [message.claimed_by for message in messages(sessions)] == [None, None]


def test_a_worker_that_is_stopped_delivers_nothing_more(sessions, office):
    write(sessions, "an", "bo")
    worker = deliverer(sessions, office.port)
    worker.stopped.set()

    worker.deliver_all()

    assert office.received == []


def test_without_a_server_messages_lie_in_the_mailbox(sessions):
    write(sessions, "li")
    write(sessions, "wang", at=NOW + timedelta(hours=1))

    counts = Deliverer(sessions, None, SENDER, lambda: NOW).deliver_all()

    assert counts == {State.SENT: 1}
    assert [message.sent_at for message in messages(sessions)] == [NOW, None]


def test_the_mailbox_leaves_alone_what_a_worker_holds(sessions):
    write(sessions, "li")
    with transaction(sessions) as db:
        claim(db, "a worker", now=NOW)
        assert leave_in_mailbox(db, now=NOW) == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.test", ("mail.test", 25, Security.NONE, None, None)),
        ("smtp://mail.test:2525", ("mail.test", 2525, Security.NONE, None, None)),
        (
            "smtp://u:p%40ss@mail.test?starttls=1",
            ("mail.test", 587, Security.STARTTLS, "u", "p@ss"),
        ),
        ("smtps://u%40zone:p@mail.test", ("mail.test", 465, Security.TLS, "u@zone", "p")),
    ],
)
def test_a_server_is_read_from_its_url(url, expected):
    server = SmtpServer.parse(url)

    assert (server.host, server.port, server.security, server.user, server.password) == expected


@pytest.mark.parametrize("url", ["mailbox", "http://mail.test", "smtp://", "smtp://mail.test:port"])
def test_what_is_no_server_is_refused(url):
    with pytest.raises(ValueError, match=r".+"):
        SmtpServer.parse(url)
