"""Who stands in for a step of an order, read once for all of them (REGIME 5)."""

from crm.people.rules import Role
from crm.supervision.stand_ins import StandIns
from crm.supervision.workflow import Step
from tests.conftest import NOW
from tests.counting import statements_on
from tests.factories import make_order, make_person, make_unit


def count(db, orders):
    """How many queries find the stand-ins of the orders, and how many stand-ins."""
    with statements_on(db.get_bind()) as statements:
        stand_ins = StandIns(db, orders, NOW)
        found = [stand_ins.of(order, Step.RECEIVE) for order in orders]
    return len(statements), len(found[0])


def test_more_supervisors_and_orders_send_no_more_queries(db, zone):
    unit = make_unit(db, "空科", parent=zone.bureau)
    orders = [make_order(db, unit) for _ in range(3)]
    for _ in range(4):
        make_person(db, role=Role.SUPERVISOR, unit=zone.bureau)
    db.flush()
    count(db, orders)

    few, before = count(db, orders[:1])
    for _ in range(4):
        make_person(db, role=Role.SUPERVISOR, unit=zone.bureau)
    db.flush()
    many, after = count(db, orders)

    assert after == before + 4
    assert many <= few
