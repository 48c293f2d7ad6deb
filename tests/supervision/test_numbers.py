"""REGIME 5: the number is given on issue only, in a yearly run without gap, never used again."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select

from crm.base.db import begin_to_write
from crm.people.models import Person
from crm.supervision.models import Order
from crm.supervision.rules import OrderState
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_order
from tests.supervision.conftest import arrange
from tests.supervision.steps import issue_order

ORDERS = 20
UNDONE = range(0, ORDERS, 4)


@pytest.fixture
def drafts(sessions):
    with transaction(sessions) as db:
        zone = arrange(db)
        return [make_order(db, zone.team, officer=zone.chief).id for _ in range(ORDERS)]


def test_numbers_have_no_gap_when_many_issue_at_once_and_some_are_undone(sessions, drafts):
    barrier = Barrier(ORDERS)

    def issue(place):
        barrier.wait()
        with sessions() as db:
            begin_to_write(db)
            chief = db.scalars(select(Person).filter_by(username="chief")).one()
            issue_order(db, order=db.get_one(Order, drafts[place]), by=chief, now=NOW)
            db.rollback() if place in UNDONE else db.commit()

    with ThreadPoolExecutor(ORDERS) as threads:
        list(threads.map(issue, range(ORDERS)))

    assert numbers(sessions) == list(range(1, ORDERS - len(UNDONE) + 1))


def test_one_order_issued_twice_at_once_has_one_number(sessions, drafts):
    barrier = Barrier(2)

    def issue(_):
        barrier.wait()
        with transaction(sessions) as db:
            chief = db.scalars(select(Person).filter_by(username="chief")).one()
            issue_order(db, order=db.get_one(Order, drafts[0]), by=chief, now=NOW)

    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(issue, n) for n in range(2)]

    assert sorted(str(one.exception() or "done")[:16] for one in done) == [
        "('order_state', ",
        "done",
    ]
    assert numbers(sessions) == [1]


def numbers(sessions):
    with sessions() as db:
        rows = db.execute(select(Order.number, Order.state).where(Order.number.is_not(None)))
        found = sorted(tuple(row) for row in rows)
    assert {state for _, state in found} == {OrderState.ISSUED}
    return [number for number, _ in found]
