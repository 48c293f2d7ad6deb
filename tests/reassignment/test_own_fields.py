"""A merge of leads chooses the value of each own field, and its undo restores both (PROJECTS 6)."""

from decimal import Decimal

import pytest

from crm.leads.merged import Mergeable
from crm.leads.own_field_models import OwnKind
from crm.leads.own_field_setup import OwnFieldData, add_field
from crm.leads.own_values import held_values, keep_own_values, own_rows
from crm.people.rules import Role
from crm.reassignment.merge_queries import comparisons
from crm.reassignment.merges import Pair, merge, undo
from tests.conftest import NOW
from tests.factories import make_lead, make_person, make_unit


@pytest.mark.parametrize(
    ("taken", "held"),
    [((), {"own_1": Decimal(100)}), (("own_1", "own_2"), {"own_1": Decimal(80), "own_2": "短"})],
)
def test_own_fields_are_merged_one_by_one_and_an_undo_restores_both(db, taken, held):
    admin, unit = make_person(db, "root", role=Role.ADMIN), make_unit(db)
    boss = make_person(db, "boss", role=Role.SUPERVISOR, unit=unit)
    for name, kind in (("用工", OwnKind.NUMBER), ("难点", OwnKind.TEXT)):
        add_field(db, data=OwnFieldData(name=name, kind=kind), by=admin, now=NOW)
    first, second = (make_lead(db, title, unit=unit) for title in ("一期", "二期"))
    keep_own_values(db, first, {"own_1": Decimal(100)}, by=boss, now=NOW)
    keep_own_values(db, second, {"own_1": Decimal(80), "own_2": "短"}, by=boss, now=NOW)
    first_id, second_id = first.id, second.id
    compared = [row.field for row in comparisons(db, Mergeable.LEAD, first, second)]

    pair = Pair(Mergeable.LEAD, first_id, second_id, frozenset(taken))
    kept = merge(db, pair=pair, by=boss, now=NOW)
    merged = held_values(own_rows(db, first_id))
    undo(db, kept=kept, by=boss, now=NOW)

    assert compared[-2:] == ["own_1", "own_2"]
    assert merged == held
    assert held_values(own_rows(db, first_id)) == {"own_1": Decimal(100)}
    assert held_values(own_rows(db, second_id)) == {"own_1": Decimal(80), "own_2": "短"}
