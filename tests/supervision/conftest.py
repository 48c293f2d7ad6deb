"""A zone with a bureau and a team, each with somebody who oversees it."""

from types import SimpleNamespace

import pytest

from crm.people.rules import Duty, Role
from tests.factories import make_person, make_unit


def arrange(db):
    """The zone's units and people, by the names that tests call them by."""
    zone = make_unit(db, "开发区")
    bureau = make_unit(db, "招商局", parent=zone)
    team = make_unit(db, "一科", parent=bureau)
    other = make_unit(db, "建设局", parent=zone)
    overseeing = {"role": Role.SUPERVISOR, "duty": Duty.STAFF}
    return SimpleNamespace(
        zone=zone,
        bureau=bureau,
        team=team,
        other=other,
        top=make_person(db, "top", unit=zone, **overseeing),
        leader=make_person(db, "leader", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=zone),
        chief=make_person(db, "chief", unit=bureau, **overseeing),
        head=make_person(db, "head", unit=team, **overseeing),
        builder=make_person(db, "builder", unit=other, **overseeing),
        li=make_person(db, "li", unit=team),
        wang=make_person(db, "wang", unit=team),
        admin=make_person(db, "admin", role=Role.ADMIN, duty=Duty.STAFF, unit=other),
        reader=make_person(db, "reader", role=Role.READER, duty=Duty.STAFF, unit=zone),
    )


@pytest.fixture
def zone(db):
    return arrange(db)
