"""Units are added, renamed and moved, and the tree stays a tree."""

import pytest

from crm.base.errors import Refused
from crm.people.queries import unit_tree
from crm.people.rules import UnitKind
from crm.people.units import UnitData, add_unit, change_unit
from tests.conftest import NOW
from tests.factories import make_unit


def unit_data(**given):
    return UnitData(
        **{"name": "一组", "kind": UnitKind.TEAM, "parent_id": None, "position": 1} | given
    )


def names(db):
    return [(node.unit.name, node.depth) for node in unit_tree(db)]


def test_a_unit_stands_below_its_parent_in_its_order(db):
    zone = make_unit(db, "开发区")
    for name, position in (("乙局", 2), ("甲局", 1)):
        data = unit_data(name=name, parent_id=zone.id, position=position)
        add_unit(db, code=name, data=data, by=None, now=NOW)

    assert names(db) == [("开发区", 0), ("甲局", 1), ("乙局", 1)]


def test_a_code_is_given_once(db):
    unit = make_unit(db)

    with pytest.raises(Refused) as refused:
        add_unit(db, code=unit.code, data=unit_data(), by=None, now=NOW)
    assert refused.value.code == "duplicate_unit"


def test_a_unit_moves_with_all_below_it(db):
    one, two = make_unit(db, "甲局"), make_unit(db, "乙局")
    team = make_unit(db, "一组", parent=one)
    make_unit(db, "小组", parent=team)

    change_unit(db, unit=team, data=unit_data(parent_id=two.id), by=None, now=NOW)

    assert names(db) == [("甲局", 0), ("乙局", 0), ("一组", 1), ("小组", 2)]


@pytest.mark.parametrize("parent", ["zone", "team"])
def test_a_unit_never_comes_to_stand_below_itself(db, parent):
    units = {"zone": make_unit(db, "开发区")}
    units["team"] = make_unit(db, "一组", parent=units["zone"])

    data = unit_data(parent_id=units[parent].id)
    with pytest.raises(Refused) as refused:
        change_unit(db, unit=units["zone"], data=data, by=None, now=NOW)
    assert refused.value.code == "unit_under_itself"
