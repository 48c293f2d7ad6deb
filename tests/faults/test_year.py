"""A year of the demonstration zone, and a leap year: each period once."""

import subprocess
import sys
from collections import Counter
from datetime import date

import pytest

from crm.base.periods import DAY, Period, PeriodKind
from tests.faults.conftest import new_database
from tests.faults.running import ROOT
from tests.faults.zone import Zone

ONCE = ("weekly-digest", "monthly-digest", "assess", "freeze", "settled-figures")


@pytest.fixture(scope="module", params=[2026, 2028])
def year(request):
    """A year with its holidays, and a leap year."""
    return request.param


@pytest.fixture(scope="module")
def lived(kind, year, tmp_path_factory):
    """The year, lived twice."""
    folder = tmp_path_factory.mktemp("year")
    zone = Zone(new_database(kind, folder), folder)
    made = [sys.executable, "-m", "tests.faults.year", str(year)]
    subprocess.run(made, cwd=ROOT, env=zone.environment({}), check=True, capture_output=True)
    result = zone.live(f"{year + 1}-01-15")
    again = zone.live(f"{year + 1}-01-15")
    return zone, result, again


def periods(kind: PeriodKind, year: int) -> list[str]:
    """The periods that end within the year."""
    period, names = Period.holding(kind, date(year, 1, 1)), []
    while period.last <= date(year, 12, 31):
        names.append(period.name)
        period = period.after
    return names


@pytest.mark.slow
def test_in_a_year_each_period_is_assessed_frozen_and_reported_once(lived, year):
    zone, _, again = lived
    runs = Counter(map(tuple, zone.ask("SELECT job, slot FROM job_run WHERE job <> 'install'")))
    weeks, months = periods(PeriodKind.WEEK, year), periods(PeriodKind.MONTH, year)
    expected = {
        *(("weekly-digest", week) for week in weeks),
        *(("monthly-digest", month) for month in months),
        *(("settled-figures", month) for month in months),
        *((job, period) for job in ("assess", "freeze") for period in (*weeks, *months)),
    }

    assert len(weeks) in (52, 53)  # 2028 begins with two days of the week before
    assert len(months) == 12
    assert expected <= set(runs)
    assert set(runs.values()) == {1}
    assert {counts["done"] + counts["skipped"] for counts in again.values()} == {0}


@pytest.mark.slow
def test_in_a_year_every_day_is_sealed_and_no_message_is_made_twice(lived, year):
    zone, result, _ = lived
    days = (date(year + 1, 1, 14) - date(year, 1, 1)) // DAY + 1
    messages = zone.messages()

    assert result["audit-seal"]["done"] in (days, days + 1)  # from the eve of the first day
    assert {job: counts["skipped"] for job, counts in result.items()} == dict.fromkeys(result, 0)
    assert len({message.dedupe_key for message in messages}) == len(messages) > 1000
    assert {message.state.value for message in messages} == {"sent"}
    zone.crm("audit", "verify")
