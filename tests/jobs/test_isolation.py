"""A message with which something is wrong fails alone; the others are sent."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from sqlalchemy import text, update
from structlog.testing import capture_logs

from crm.base.outbox import Message, State
from crm.jobs.claims import claim
from crm.transactions import transaction
from tests.conftest import NOW
from tests.jobs.mail import deliverer, post_office, write
from tests.jobs.work import messages

_numbers = count(1)
ON_SQLITE = (
    "CREATE TRIGGER {name} BEFORE UPDATE ON message WHEN {when} "
    "BEGIN SELECT RAISE(ABORT, 'this row is stubborn'); END"
)
ON_POSTGRESQL = """
    CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'this row is stubborn'; END $$;
    CREATE TRIGGER {name} BEFORE UPDATE ON message FOR EACH ROW
        WHEN ({when}) EXECUTE FUNCTION {name}()
"""


@pytest.fixture
def office():
    with post_office() as office:
        yield office


@pytest.fixture
def stubborn(sessions, kind_of_database) -> Iterator[Callable[[str], None]]:
    """Have the database refuse such changes of a message, as it would one that breaks a rule."""
    is_sqlite = kind_of_database == "sqlite"
    # SQLite refuses a name that a pooled connection remembers, even after another one dropped it.
    name = f"stubborn_{next(_numbers)}"

    def refuse(when: str) -> None:
        with transaction(sessions) as db:
            statement = ON_SQLITE if is_sqlite else ON_POSTGRESQL
            db.execute(text(statement.format(name=name, when=when)))

    yield refuse
    with transaction(sessions) as db:
        on, ends = ("", "") if is_sqlite else (" ON message", f"; DROP FUNCTION {name}")
        db.execute(text(f"DROP TRIGGER {name}{on}{ends}"))


@pytest.fixture(autouse=True)
def _logs():
    """Keep what is logged: to print a trace with all that it was about takes seconds."""
    with capture_logs() as logs:
        yield logs


def states(sessions) -> list[State]:
    return [message.state for message in messages(sessions)]


def test_a_message_that_cannot_be_built_fails_with_the_reason(sessions, office):
    write(sessions, "an", "bo")
    with transaction(sessions) as db:
        first = update(Message).where(Message.recipient == "an@crm.test")
        db.execute(first.values(message_id="<a\r\nBcc: b@crm.test>"))

    deliverer(sessions, office.port).deliver_all()

    assert states(sessions) == [State.FAILED, State.SENT]
    assert messages(sessions)[0].note
    assert office.recipients == ["bo@crm.test"]


@pytest.mark.parametrize("kind_of_database", ["sqlite"])  # PostgreSQL keeps no such moment
def test_a_message_that_cannot_be_read_fails_and_the_others_are_sent(sessions, office):
    write(sessions, "an", "bo")
    with transaction(sessions) as db:
        db.execute(text("UPDATE message SET made_at = 'never' WHERE recipient = 'an@crm.test'"))

    deliverer(sessions, office.port).deliver_all()

    with sessions() as db:
        found = db.execute(text("SELECT state, note FROM message ORDER BY id")).all()
    assert found == [("failed", "程序无法处理这封邮件：ValueError"), ("sent", None)]


def test_a_message_that_cannot_be_claimed_blocks_no_other(sessions, office, stubborn):
    write(sessions, "an", "bo")
    stubborn("OLD.recipient = 'an@crm.test'")

    deliverer(sessions, office.port).deliver_all()

    assert states(sessions) == [State.PENDING, State.SENT]


def test_a_message_that_cannot_be_marked_as_sent_is_held(sessions, office, stubborn):
    write(sessions, "an", "bo")
    stubborn("OLD.recipient = 'an@crm.test' AND NEW.state = 'sent'")

    deliverer(sessions, office.port).deliver_all()
    deliverer(sessions, office.port, days=1).deliver_all()

    assert states(sessions) == [State.HELD, State.SENT]
    assert office.recipients == ["an@crm.test", "bo@crm.test"]


def test_a_message_that_cannot_be_settled_after_a_crash_is_held(sessions, office, stubborn):
    write(sessions, "an", "bo")
    with transaction(sessions) as db:
        claim(db, "a worker that was killed", now=NOW)
        db.execute(update(Message).values(state=State.SENDING))
    stubborn("OLD.recipient = 'an@crm.test' AND NEW.state = 'ambiguous'")

    deliverer(sessions, office.port, minutes=6).deliver_all()

    assert states(sessions) == [State.HELD, State.AMBIGUOUS]


def test_a_message_whose_row_cannot_be_written_is_sent_at_most_once(sessions, office, stubborn):
    write(sessions, "an", "bo")
    stubborn("OLD.recipient = 'an@crm.test' AND OLD.state = 'sending'")

    deliverer(sessions, office.port).deliver_all()
    deliverer(sessions, office.port, days=1).deliver_all()

    assert states(sessions) == [State.SENDING, State.SENT]
    assert office.recipients == ["an@crm.test", "bo@crm.test"]
