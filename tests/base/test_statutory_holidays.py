"""The table of lunar dates against a library that computes them (REGIME 4)."""

import pytest
from holidays import country_holidays

from crm.base.statutory_holidays import statutory


@pytest.mark.parametrize("year", range(2027, 2101))
def test_statutory_holidays_are_those_of_the_calendar(year):
    # up to 2026 the library has days in lieu, too
    assert statutory(year) == set(country_holidays("CN", years=year, observed=False))


@pytest.mark.parametrize("year", [1950, 2013])
def test_a_year_without_lunar_dates_has_the_others(year):
    assert len(statutory(year)) == 5
