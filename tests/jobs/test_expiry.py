"""Mails that wait for the end of quiet hours, and mails that expired."""

from datetime import time, timedelta

import pytest
from sqlalchemy import select, update

from crm.base.outbox import Message, MessageKind, State
from crm.jobs import ledger, resend
from crm.jobs.expiry import NOT_REPEATED
from crm.jobs.runner import Runner
from crm.jobs.timetable import JOBS, JobName
from crm.mailing.models import QuietTime
from crm.people.models import Person
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person, make_regime
from tests.jobs.mail import deliverer, post_office, put_for, write
from tests.jobs.work import SITE, at, messages

SUNDAY, MONDAY = at("2026-07-05T12:00"), at("2026-07-06T07:30")
EVENING = timedelta(hours=8)  # 18:00, as NOW is 10:00
STALE = "7月15日 18:00 前未能发出，内容已过时，不再发送"


@pytest.fixture
def office():
    with post_office() as office:
        yield office


def write_brief(sessions, *usernames: str) -> None:
    write(sessions, *usernames, kind=MessageKind.MORNING_BRIEF)
    with transaction(sessions) as db:
        db.execute(update(Message).values(expires_at=NOW + EVENING))


def keep_quiet(sessions, username: str, begins: time, ends: time) -> None:
    with transaction(sessions) as db:
        person_id = db.scalar(select(Person.id).where(Person.username == username))
        db.add(QuietTime(person_id=person_id, begins=begins, ends=ends))


def states_and_notes(sessions) -> list[tuple[State, str | None]]:
    return [(message.state, message.note) for message in messages(sessions)]


def test_a_brief_is_sent_as_long_as_it_is_of_use(sessions, office):
    write_brief(sessions, "li")

    deliverer(sessions, office.port, hours=7, minutes=59).deliver_all()

    assert states_and_notes(sessions) == [(State.SENT, None)]


def test_from_the_evening_on_it_is_skipped_with_the_reason(sessions, office):
    write_brief(sessions, "an", "bo")

    deliverer(sessions, office.port, hours=8).deliver_all()

    assert states_and_notes(sessions) == [(State.SKIPPED, STALE)] * 2
    assert office.received == []


@pytest.fixture
def weekly(sessions):
    """The weekly digests of a zone of one leader, from that Sunday on."""
    with transaction(sessions) as db:
        ledger.install(db, clock_from=SUNDAY, now=SUNDAY)
        make_regime(db)
        make_person(db, "li")
    return Runner(sessions, SITE, [job for job in JOBS if job.name is JobName.WEEKLY_DIGEST])


def test_a_digest_that_waited_until_the_next_is_kept_and_not_mailed(sessions, office, weekly):
    weekly.run_due(lambda: MONDAY)

    deliverer(sessions, office.port).deliver_all()  # on 15 July

    assert states_and_notes(sessions) == [
        (State.SKIPPED, "7月13日 07:30 前未能发出，内容已过时，不再发送")
    ]
    assert office.received == []


def test_a_server_that_is_away_all_day_leaves_no_stale_brief_behind(sessions):
    write_brief(sessions, "li")
    write(sessions, "wang")  # a digest, which is of use the next day
    with post_office() as gone:
        port = gone.port
    deliverer(sessions, port).deliver_all()
    with post_office() as back:
        deliverer(sessions, back.port, hours=24).deliver_all()

    assert [state for state, _ in states_and_notes(sessions)] == [State.SKIPPED, State.SENT]
    assert back.recipients == ["wang@crm.test"]


def test_a_run_through_the_past_sends_what_it_made_and_none_from_before(sessions, office, weekly):
    with transaction(sessions) as db:
        li = db.scalars(select(Person)).one()
        put_for(db, li, kind=MessageKind.MORNING_BRIEF, at=NOW)
        db.execute(update(Message).values(expires_at=NOW + EVENING))
    weekly.run_until(MONDAY, to_mailbox=False)

    deliverer(sessions, office.port, hours=8).deliver_all()  # on 15 July

    assert states_and_notes(sessions) == [(State.SKIPPED, STALE), (State.SENT, None)]


def test_a_brief_whose_end_is_unknown_is_not_repeated_in_the_evening(sessions, office):
    write_brief(sessions, "li")
    office.at_data = [None]
    deliverer(sessions, office.port, hours=7, minutes=55).deliver_all()

    deliverer(sessions, office.port, hours=8, minutes=10).deliver_all()

    assert states_and_notes(sessions) == [(State.SKIPPED, NOT_REPEATED)]
    assert len(office.received) == 1


def test_a_brief_that_may_have_arrived_is_marked_so_though_its_repeat_was_refused(sessions, office):
    write_brief(sessions, "li")
    office.at_data = [None, "451 try again"]
    deliverer(sessions, office.port, hours=7, minutes=40).deliver_all()
    deliverer(sessions, office.port, hours=7, minutes=50).deliver_all()
    refused = states_and_notes(sessions)

    deliverer(sessions, office.port, hours=8).deliver_all()

    assert refused == [(State.PENDING, "451 try again")]
    assert states_and_notes(sessions) == [(State.SKIPPED, NOT_REPEATED)]


def test_an_expired_message_is_sent_when_resent_by_hand(sessions, office):
    write_brief(sessions, "li")
    deliverer(sessions, office.port, hours=9).deliver_all()
    with transaction(sessions) as db:
        [message] = db.scalars(select(Message)).all()
        now = NOW + timedelta(hours=9)
        resend.send(db, [message.id], again=False, why="本人要求", by=None, now=now)

    deliverer(sessions, office.port, hours=10).deliver_all()

    assert [state for state, _ in states_and_notes(sessions)] == [State.SENT]


def test_mails_wait_for_the_end_of_quiet_hours(sessions, office):
    write(sessions, "li", "wang")
    keep_quiet(sessions, "li", time(9), time(11))

    deliverer(sessions, office.port).deliver_all()
    first = list(office.recipients)
    deliverer(sessions, office.port, minutes=59).deliver_all()
    second = list(office.recipients)
    deliverer(sessions, office.port, hours=1).deliver_all()

    assert (first, second) == (["wang@crm.test"], ["wang@crm.test"])
    assert office.recipients == ["wang@crm.test", "li@crm.test"]


def test_a_brief_that_waits_past_its_use_is_skipped(sessions, office):
    write_brief(sessions, "li")
    keep_quiet(sessions, "li", time(7), time(20))

    deliverer(sessions, office.port, hours=8).deliver_all()
    deliverer(sessions, office.port, hours=11).deliver_all()

    assert states_and_notes(sessions) == [(State.SKIPPED, STALE)]
    assert office.received == []


def test_what_stopped_between_claim_and_delivery_past_its_use_is_not_sent(sessions, office):
    write_brief(sessions, "li")
    late = deliverer(sessions, office.port, hours=7, minutes=59)
    moments = iter([late.now()] * 2)
    stopped = type(late)(
        late.sessions, late.server, late.sender, lambda: next(moments, NOW + EVENING)
    )

    stopped.deliver_all()

    assert states_and_notes(sessions) == [(State.SKIPPED, STALE)]
    assert office.received == []
