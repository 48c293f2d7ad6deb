"""The list of cities: those of today, by the names of today."""

import pytest

from crm.base.cities import cities


@pytest.mark.parametrize("name", ["大连", "淮安", "襄阳", "荆州", "普洱", "大理", "张家界"])
def test_a_city_that_was_renamed_is_known_by_its_name_of_today(name):
    assert name in cities()


@pytest.mark.parametrize("name", ["旅大", "襄樊", "思茅", "下关", "淮阴"])
def test_a_former_name_is_none(name):
    assert name not in cities()
