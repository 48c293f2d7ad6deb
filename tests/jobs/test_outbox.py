"""A message is made once, whatever the repeats, and its Message-ID follows from its key."""

from sqlalchemy import select

from crm.base.outbox import Message, MessageKind, State, message_id_of
from tests.conftest import NOW
from tests.factories import make_person
from tests.outbox import put


def put_one(db, person, **given) -> bool:
    values = {
        "kind": MessageKind.WEEKLY,
        "dedupe_key": "weekly-digest:zone:li:2026-W28:-",
        "person": person,
        "subject": "周报",
        "text": "正文",
        "html": "<p>正文</p>",
        "at": NOW,
    }
    return put(db, **values | given)


def test_a_second_message_of_one_key_is_not_made(db):
    person = make_person(db, "li")

    assert put_one(db, person)
    assert not put_one(db, person, subject="另一封")

    message = db.scalars(select(Message)).one()
    assert (message.subject, message.state, message.due_at) == ("周报", State.PENDING, NOW)
    assert message.message_id == message_id_of(message.dedupe_key)


def test_someone_without_an_address_has_the_message_all_the_same(db):
    assert put_one(db, make_person(db, email=None))

    assert db.scalars(select(Message.recipient)).one() == ""


def test_a_subject_stays_on_one_line(db):
    put_one(db, make_person(db), subject="周报\r\nBcc: other@crm.test")

    assert db.scalars(select(Message.subject)).one() == "周报 Bcc: other@crm.test"
