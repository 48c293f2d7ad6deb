"""A message resent by hand is pending again, with a note and an audit entry."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind, State
from crm.jobs import resend
from crm.jobs.batch_delivery import REPEATED
from crm.jobs.claims import UNKNOWN_END
from crm.transactions import transaction
from tests.conftest import NOW
from tests.jobs.mail import deliverer, post_office, write
from tests.jobs.work import messages

LATER = NOW + timedelta(hours=3)
NOBODY_LISTENS = 1


@pytest.fixture
def in_state(sessions):
    """Leave a message to li in a state, with what else is said of it."""

    def leave(state, **given):
        write(sessions, "li", kind=given.pop("kind", MessageKind.WEEKLY))
        with transaction(sessions) as db:
            db.execute(update(Message).values(state=state, **given))
        return messages(sessions)[0].id

    return leave


def send(sessions, *ids, again=False, why=""):
    with transaction(sessions) as db:
        resend.send(db, ids, again=again, why=why, by=None, now=LATER)


def entries(sessions):
    with sessions() as db:
        return list(db.scalars(select(AuditEntry)))


@pytest.mark.parametrize("state", [State.FAILED, State.HELD, State.AMBIGUOUS, State.SKIPPED])
def test_what_was_not_sent_waits_anew(sessions, in_state, state):
    message_id = in_state(state, attempts=12, note="550 no such user")

    send(sessions, message_id, why=" 邮箱已\n更正 ")

    (message,) = messages(sessions)
    assert (message.state, message.due_at, message.attempts) == (State.PENDING, LATER, 0)
    assert message.note == f"人工补发，此前“{state.label}”：邮箱已 更正"


def test_it_keeps_its_message_id_and_has_its_entry(sessions, in_state):
    message_id = in_state(State.FAILED, attempts=12, note="550 no such user")
    before = messages(sessions)[0].message_id

    send(sessions, message_id)

    (entry,) = entries(sessions)
    assert (entry.action, entry.subject, entry.subject_id, entry.at) == (
        "message.sent_by_hand",
        "message",
        message_id,
        LATER,
    )
    assert json.loads(entry.before)["note"] == "550 no such user"
    assert json.loads(entry.after)["state"] == "pending"
    assert messages(sessions)[0].message_id == before


def test_what_was_sent_is_refused(sessions, in_state):
    message_id = in_state(State.SENT, sent_at=NOW)

    with pytest.raises(Refused) as refused:
        send(sessions, message_id)

    assert refused.value.code == "message_sent"
    assert refused.value.facts["at"] == "2026-07-15 10:00"


def test_a_repeat_that_is_wanted_is_marked_as_one(sessions, in_state):
    message_id = in_state(State.SENT, sent_at=NOW)

    send(sessions, message_id, again=True, why="本人未收到")

    (message,) = messages(sessions)
    assert message.state is State.PENDING
    assert message.note == "人工重发，上次发出于 2026-07-15 10:00：本人未收到"


@pytest.mark.parametrize(
    "given",
    [
        {"state": State.SENDING, "claimed_until": NOW},
        {"state": State.PENDING, "claimed_until": LATER + timedelta(minutes=1)},
    ],
)
def test_a_message_that_a_worker_has_claimed_is_not_resent(sessions, in_state, given):
    message_id = in_state(**given)

    with pytest.raises(Refused) as refused:
        send(sessions, message_id)

    assert refused.value.code == "message_in_hand"


def test_all_messages_are_resent_or_none(sessions, in_state):
    message_id = in_state(State.FAILED)

    with pytest.raises(Refused) as refused:
        send(sessions, message_id, 77)

    assert (refused.value.code, refused.value.facts) == ("unknown_message", {"id": 77})
    assert messages(sessions)[0].state is State.FAILED
    assert entries(sessions) == []


def test_the_note_outlives_the_tries_and_the_sending(sessions, in_state):
    send(sessions, in_state(State.FAILED), why="重试")
    with post_office() as office:
        office.at_recipient["li@crm.test"] = "451 greylisted"
        deliverer(sessions, office.port, hours=3).deliver_all()
        refused = messages(sessions)[0]
        office.at_recipient.clear()
        deliverer(sessions, office.port, hours=4).deliver_all()

    by_whom = "人工补发，此前“发送失败”：重试"
    assert (refused.state, refused.note) == (State.PENDING, f"{by_whom}\n451 greylisted")
    assert (messages(sessions)[0].state, messages(sessions)[0].note) == (State.SENT, by_whom)


def test_the_note_outlives_a_server_that_is_away(sessions, in_state):
    send(sessions, in_state(State.SENT, sent_at=NOW), again=True)

    deliverer(sessions, NOBODY_LISTENS, hours=3).deliver_all()

    assert messages(sessions)[0].note == "人工重发，上次发出于 2026-07-15 10:00"


def test_an_ambiguous_message_keeps_both_lines_of_its_note(sessions, in_state):
    send(sessions, in_state(State.HELD, broke_off_at=NOW, note=UNKNOWN_END))
    with post_office() as office:
        deliverer(sessions, office.port, hours=3).deliver_all()

    assert messages(sessions)[0].note == f"人工补发，此前“待人工处理”\n{REPEATED}"


def test_a_message_that_is_ambiguous_again_is_held_again(sessions, in_state):
    send(sessions, in_state(State.HELD, broke_off_at=NOW))
    with post_office() as office:
        office.at_data.append(None)
        deliverer(sessions, office.port, hours=3).deliver_all()

    (message,) = messages(sessions)
    assert message.state is State.HELD
    assert message.note.startswith(f"人工补发，此前“待人工处理”\n{UNKNOWN_END}")


@pytest.mark.parametrize(("kind", "count"), [(None, 2), (MessageKind.NUDGE, 1)])
def test_failed_messages_become_pending_all_or_by_kind(sessions, kind, count):
    write(sessions, "li")
    write(sessions, "wang", kind=MessageKind.NUDGE)
    with transaction(sessions) as db:
        db.execute(update(Message).values(state=State.FAILED))
    write(sessions, "zhao")

    with transaction(sessions) as db:
        resent = resend.retry(db, kind=kind, why="", by=None, now=LATER)

    assert resent == count
    assert [message.due_at for message in messages(sessions)].count(LATER) == count
    assert len(entries(sessions)) == count
