"""One worker hands in so many mails a minute, and no more."""

from datetime import timedelta

from crm.base.outbox import State
from crm.jobs.delivery import Deliverer
from crm.jobs.rate_limit import RateLimit
from crm.jobs.smtp import SmtpServer
from tests.conftest import NOW
from tests.jobs.mail import SENDER, post_office, write
from tests.jobs.work import messages


class Hand:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_without_a_limit_there_is_always_room():
    limit = RateLimit()
    limit.count()

    assert (limit.room(50), limit.seconds_to_wait()) == (50, 0)


def test_within_a_minute_only_so_many_go():
    hand = Hand()
    limit = RateLimit(2, hand)
    limit.count()
    hand.at = 20
    limit.count()

    assert (limit.room(50), limit.seconds_to_wait()) == (0, 40)


def test_after_a_minute_there_is_room_for_as_many_as_went_then():
    hand = Hand()
    limit = RateLimit(2, hand)
    limit.count()
    hand.at = 20
    limit.count()
    hand.at = 60

    assert (limit.room(50), limit.seconds_to_wait()) == (1, 0)


def test_a_backlog_goes_out_oldest_first_and_no_faster_than_the_limit(sessions):
    for hours, name in ((1, "young"), (30, "old"), (2, "middle")):
        write(sessions, name, at=NOW - timedelta(hours=hours))
    with post_office() as office:
        server = SmtpServer.parse(office.url, per_minute=2)
        deliverer = Deliverer(sessions, server, SENDER, lambda: NOW)
        deliverer.deliver_all()

    assert office.recipients == ["old@crm.test", "middle@crm.test"]
    assert [m.state for m in messages(sessions)] == [State.PENDING, State.SENT, State.SENT]


def test_delivering_to_the_end_pauses_whenever_the_minute_is_full(sessions):
    write(sessions, *(f"p{n}" for n in range(5)))
    hand = Hand()
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        hand.at += seconds

    with post_office() as office:
        deliverer = Deliverer(
            sessions, SmtpServer.parse(office.url, per_minute=2), SENDER, lambda: NOW
        )
        deliverer.rate_limit.seconds = hand
        deliverer.deliver_to_the_end(pause)

    assert pauses == [60, 60]
    assert len(office.received) == 5


def test_while_the_server_is_away_all_that_waits_keeps_its_order(sessions):
    write(sessions, *(f"p{n}" for n in range(60)))
    nobody = SmtpServer.parse("smtp://127.0.0.1:1")

    Deliverer(sessions, nobody, SENDER, lambda: NOW).deliver_all()

    assert {m.due_at - NOW for m in messages(sessions)} == {timedelta(minutes=1)}
    assert {m.attempts for m in messages(sessions)} == {0}
