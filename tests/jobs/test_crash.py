"""kill -9 in the middle, and a second start: the same keys, the same bytes, nothing twice."""

import pytest

from crm.base.outbox import State
from crm.jobs.batch_delivery import REPEATED
from crm.jobs.mime import mime_of
from tests.databases import Kept
from tests.jobs.mail import SENDER, deliverer, post_office, write
from tests.jobs.victim import kill_in
from tests.jobs.work import at, install, messages, runner_of


def live(sessions) -> None:
    runner_of(sessions).run_until(at("2026-08-01T00:00"), to_mailbox=True)


def outcome(sessions) -> list[tuple[str, State, bytes]]:
    return [
        (message.dedupe_key, message.state, mime_of(message, sender=SENDER))
        for message in messages(sessions)
    ]


@pytest.fixture
def undisturbed(tmp_path):
    """What a month comes to when nobody disturbs it."""
    database = Kept("sqlite", tmp_path)
    install(database.sessions, "2026-06-30T13:00", "li", "wang")
    live(database.sessions)
    yield outcome(database.sessions)
    database.close()


def test_a_month_killed_in_the_middle_ends_as_one_undisturbed(sessions, database_url, undisturbed):
    install(sessions, "2026-06-30T13:00", "li", "wang")

    kill_in(database_url, "slot", 9)
    before = len(messages(sessions))
    kill_in(database_url, "slot", 7)
    live(sessions)

    assert before == 8 * 2  # the ninth slot left nothing
    assert outcome(sessions) == undisturbed


def test_a_worker_killed_between_the_answer_and_the_mark_sends_the_same_bytes_once_more(
    sessions, database_url
):
    write(sessions, "li")
    with post_office() as office:
        kill_in(database_url, "data", office.port)
        left = messages(sessions)[0].state
        deliverer(sessions, office.port, minutes=5).deliver_all()
        deliverer(sessions, office.port, minutes=15).deliver_all()

    assert left is State.SENDING
    assert [message.note for message in messages(sessions)] == [REPEATED]
    assert len(office.received) == 2
    assert office.received[0] == office.received[1]
