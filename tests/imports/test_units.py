"""The table of units: rows in any order, known units changed, and all of it taken back."""

import pytest
from sqlalchemy import select

from crm.base.sheets import Format, SheetRefused, write_records, write_sheet
from crm.people.models import Unit
from crm.people.rules import UnitKind
from crm.people.unit_imports import UNIT_COLUMNS, import_units, unit_rows
from tests.conftest import NOW
from tests.factories import make_unit

HEAD = ("单位名称", "上级单位", "类型")
BUREAU, TEAM, PARK = UnitKind.BUREAU, UnitKind.TEAM, UnitKind.PARK


@pytest.fixture
def zone(db):
    return make_unit(db, "临江开发区", code="zone", kind=UnitKind.ZONE)


@pytest.fixture
def take(db):
    """Import rows below a head; how many were added, updated, unchanged."""

    def take(*rows, head=HEAD):
        content = write_records([head, *rows], Format.CSV)
        outcome = import_units(db, content=content, by=None, now=NOW)
        return outcome.added, outcome.updated, outcome.unchanged

    return take


def refusals(take, *rows, head=HEAD):
    with pytest.raises(SheetRefused) as caught:
        take(*rows, head=head)
    return [(problem.line, problem.why.code) for problem in caught.value.problems]


def tree(db):
    units = db.scalars(select(Unit).order_by(Unit.id)).all()
    names = {unit.id: unit.name for unit in units}
    return {unit.code: (unit.name, unit.kind, names.get(unit.parent_id)) for unit in units}


def test_rows_stand_in_any_order_and_what_is_left_out_is_proposed(db, zone, take):
    bureaus = [("招商局", "", ""), ("建设局", "", "局办")]
    rows = [("一科", "招商局", ""), bureaus[0], ("一科", "建设局", ""), bureaus[1]]

    done = take(*rows, ("城南产业园", "临江开发区", ""))

    assert done == (5, 0, 0)
    assert tree(db) == {
        "zone": ("临江开发区", UnitKind.ZONE, None),
        "zhaoshangju": ("招商局", BUREAU, "临江开发区"),
        "jiansheju": ("建设局", BUREAU, "临江开发区"),
        "zhaoshangju-yike": ("一科", TEAM, "招商局"),
        "jiansheju-yike": ("一科", TEAM, "建设局"),
        "chengnanchanyeyuan": ("城南产业园", PARK, "临江开发区"),
    }
    assert take(*rows) == (0, 0, 4)


def test_a_known_unit_is_renamed_and_moved_and_empty_cells_change_nothing(db, zone, take):
    old = make_unit(db, "招商局", code="zsj", parent=zone, inspects=True)
    make_unit(db, "投资促进局", code="tcj", parent=zone)

    done = take(("zsj", "招商一局", "投资促进局"), head=("编号", "单位名称", "上级单位"))

    assert done == (0, 1, 0)
    assert tree(db)["zsj"] == ("招商一局", BUREAU, "投资促进局")
    assert old.inspects


def test_the_first_table_of_an_empty_zone_makes_its_top(db, take):
    take(("临江开发区", "", "开发区"), ("招商局", "临江开发区", ""))

    assert tree(db)["zhaoshangju"] == ("招商局", BUREAU, "临江开发区")


def test_what_is_unclear_is_refused_with_its_line(db, zone, take):
    one, two = (make_unit(db, name, parent=zone) for name in ("招商局", "建设局"))
    for parent in (one, two):
        make_unit(db, "一科", parent=parent)
    head = ("编号", "单位名称", "上级单位", "类型")

    assert refusals(
        take,
        ("", "甲科", "没有的局", ""),
        ("", "一科", "", ""),
        ("other", "招商局", "", ""),
        ("", "乙科", "招商局", "部门"),
        ("", "丙科", "招商局", ""),
        ("", "丙科", "招商局", ""),
        ("x" * 41, "丁科", "招商局", ""),
        head=head,
    ) == [
        (2, "unknown_unit"),
        (3, "ambiguous_unit"),
        (4, "unit_of_other_code"),
        (5, "unknown_word"),
        (7, "row_repeats_unit"),
        (8, "text_too_long"),
    ]


def test_no_unit_comes_to_stand_below_itself(db, zone, take):
    bureau = make_unit(db, "招商局", parent=zone)
    make_unit(db, "一科", parent=bureau)

    assert refusals(take, ("甲", "乙", ""), ("乙", "甲", "")) == [
        (2, "unknown_unit"),
        (3, "unknown_unit"),
    ]
    head = ("编号", "单位名称", "上级单位")
    assert refusals(take, (bureau.code, "招商局", "一科"), head=head) == [(2, "unit_under_itself")]


def test_an_export_is_read_again_and_changes_nothing(db, zone):
    make_unit(db, "一科", parent=make_unit(db, "招商局", parent=zone, coordinates=True))
    content = write_sheet(UNIT_COLUMNS, unit_rows(db, None, NOW.date()), in_chinese=True)

    assert import_units(db, content=content, by=None, now=NOW).unchanged == 3
