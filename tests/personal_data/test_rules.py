"""How a contact's data are taken out of texts."""

import pytest

from crm.personal_data.rules import (
    PersonalData,
    met_without,
    position_without,
    pseudonym_of,
    value_without,
)

DATA = PersonalData(frozenset({"张工"}), frozenset({"13812345678"}), "联系人-7F3A")


@pytest.mark.parametrize(
    ("met", "left"),
    [
        ("张工", "联系人-7F3A"),
        ("张工、李总", "联系人-7F3A、李总"),
        ("李总，张工（厂长）", "李总，联系人-7F3A"),
        ("张工程师、小张工", "张工程师、小张工"),
    ],
)
def test_among_the_people_met_the_contact_alone_gets_the_pseudonym(met, left):
    assert met_without(met, DATA) == left


@pytest.mark.parametrize(
    ("met", "position", "left"),
    [
        ("张工", "厂长", None),
        ("张工、李总", "厂长、总经理", "总经理"),
        ("张工、李总", "总经理", "总经理"),
        ("李总", "总经理", "总经理"),
    ],
)
def test_the_contacts_position_goes_where_it_is_known_which_one_it_is(met, position, left):
    assert position_without(met, position, DATA) == left


def test_in_json_whole_texts_are_replaced_and_others_stay():
    value = {"contact": {"name": "张工", "phone": "13812345678"}, "met": ["张工程师", 3, None]}

    assert value_without(value, DATA) == {
        "contact": {"name": "联系人-7F3A", "phone": ""},
        "met": ["张工程师", 3, None],
    }


def test_a_pseudonym_says_nothing_and_stays_the_same():
    assert pseudonym_of(7) == pseudonym_of(7)
    assert pseudonym_of(7) != pseudonym_of(8)
