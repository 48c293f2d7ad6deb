"""While delivery is held nothing leaves; what waited leaves afterwards only if a person says so."""

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.outbox import Message, State
from crm.jobs import health
from crm.jobs.delivery import Deliverer
from crm.jobs.delivery_hold import LEFT_IN_MAILBOX, hold_delivery, release_delivery
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person
from tests.jobs.mail import deliverer, post_office, write


@pytest.fixture
def held(sessions):
    write(sessions, "li", "wang")
    with transaction(sessions) as db:
        hold_delivery(db, why="更换邮件服务器", by=None, now=NOW)
    return sessions


def states(sessions):
    with sessions() as db:
        return db.execute(select(Message.state, Message.note).order_by(Message.id)).all()


def test_nothing_leaves_while_delivery_is_held(held):
    with post_office() as office:
        deliverer(held, office.port).deliver_all()

    assert office.received == []
    assert states(held) == [(State.PENDING, None)] * 2


def test_without_a_mail_server_what_waits_is_decided_on_later_too(held):
    Deliverer(held, None, "crm@crm.test", lambda: NOW).deliver_all()

    assert states(held) == [(State.PENDING, None)] * 2


@pytest.mark.parametrize(
    ("mail_waiting", "received", "after"),
    [(False, [], (State.SKIPPED, LEFT_IN_MAILBOX)), (True, ["li", "wang"], (State.SENT, None))],
)
def test_what_waited_leaves_only_if_a_person_says_so(held, mail_waiting, received, after):
    with transaction(held) as db:
        count = release_delivery(db, mail_waiting=mail_waiting, by=None, now=NOW)
    write(held, "zhao")

    with post_office() as office:
        deliverer(held, office.port).deliver_all()

    assert count == 2
    assert sorted(name.partition("@")[0] for name in office.recipients) == [*received, "zhao"]
    assert states(held) == [after, after, (State.SENT, None)]


def test_a_hold_is_told_and_ends_once(held):
    with held() as db:
        assert health.why_held(db) == "更换邮件服务器"
    with pytest.raises(Refused, match="delivery_held"), transaction(held) as db:
        hold_delivery(db, why="再停一次", by=None, now=NOW)

    with transaction(held) as db:
        release_delivery(db, mail_waiting=False, by=None, now=NOW)
    with pytest.raises(Refused, match="delivery_not_held"), transaction(held) as db:
        release_delivery(db, mail_waiting=False, by=None, now=NOW)


def test_only_an_admin_holds_delivery(db):
    with pytest.raises(Refused, match="not_yours"):
        hold_delivery(db, why="停", by=make_person(db, "li"), now=NOW)
