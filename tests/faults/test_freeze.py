"""What is known a minute before a period is frozen is in the figure; a minute after it is not."""

from datetime import date

import pytest
from sqlalchemy import inspect, select

from crm.quotas.models import RuleVersion
from tests.faults.arranged import Clocks, Haste, off_from
from tests.faults.crew import crew, wait_until
from tests.faults.facts import HEAD
from tests.jobs.work import at

FREEZE = "2026-06-04T00:00"  # of May: its third working day is 3 June
MOVED = (
    "username,name,email,phone,unit,duty,role,from,to",
    "sun,孙某,sun@crm.test,,invest,deputy,leader,2026-01-01,2026-05-15",
    "sun,孙某,sun@crm.test,,invest,staff,leader,2026-05-16,",
)


def visit(ref: str, on: str, logged: str) -> str:
    when = f"{on}T09:00,{on}T17:00"
    return f"{ref},outreach,in_person,done,{when},上海,sun,,,{logged},confirmed,,谈"


def imported(zone, folder, name: str, *lines: str) -> None:
    file = folder / f"{name}.csv"
    file.write_text("\n".join((*lines, "")), encoding="utf-8")
    zone.crm("import", name, str(file))


def figure_of_may(zone) -> tuple[int, int]:
    """Achieved and required, as frozen, of the deputy."""
    (found,) = zone.ask(
        "SELECT frozen_achieved, frozen_required FROM figure JOIN person "
        "ON person.id = person_id WHERE username = 'sun' AND period = '2026-05'"
    )
    return found


def corrections(zone) -> int:
    ((number,),) = zone.ask(
        "SELECT count(*) FROM correction JOIN figure ON figure.id = figure_id JOIN person "
        "ON person.id = figure.person_id WHERE username = 'sun' AND period = '2026-05'"
    )
    return number


def freeze_late(zone) -> None:
    """Let a node find the slot eight hours after its moment."""
    with crew(zone, Clocks(off_from(at("2026-06-04T08:00"))), Haste()) as runs:
        runs.start("clock")
        wait_until(lambda: not zone.due(at(FREEZE)), else_tell=lambda: runs.says)
        runs.dismiss()


@pytest.fixture(scope="session")
def undisturbed(kind, filled, copy, prepared):
    """Achieved and required where nothing is changed."""

    def live():
        zone = copy(filled)
        zone.crm("clock", "run", "--until", "2026-06-04T00:01")
        return figure_of_may(zone)

    return prepared(f"undisturbed-{kind}", live)


@pytest.mark.slow_on_postgresql
def test_visits_logged_a_minute_before_and_after_are_told_apart_by_a_late_freeze(
    zone, undisturbed, tmp_path
):
    zone.crm("clock", "run", "--until", "2026-06-03T23:00")
    before = visit("BEFORE", "2026-05-28", "2026-06-03T23:59")
    after = visit("AFTER", "2026-05-29", "2026-06-04T00:01")
    imported(zone, tmp_path, "visits", HEAD, before, after)
    freeze_late(zone)

    achieved, required = undisturbed
    assert figure_of_may(zone) == (achieved + 1, required)
    assert corrections(zone) == 1


@pytest.mark.slow  # as after a late freeze, above
def test_a_visit_entered_after_the_freeze_makes_a_correction(zone, undisturbed, tmp_path):
    zone.crm("clock", "run", "--until", "2026-06-04T00:01")
    after = visit("AFTER", "2026-05-29", "2026-06-04T00:01")
    imported(zone, tmp_path, "visits", HEAD, after)

    assert figure_of_may(zone) == undisturbed
    assert corrections(zone) == 1


@pytest.mark.slow  # tests/quotas/test_corrections.py corrects for a posting that ended earlier
def test_a_person_moved_a_minute_before_owes_less_and_a_minute_after_makes_a_correction(
    zone, filled, copy, undisturbed, tmp_path
):
    zone.crm("clock", "run", "--until", "2026-06-03T23:59")
    imported(zone, tmp_path, "people", *MOVED)
    zone.crm("clock", "run", "--until", "2026-06-04T00:01")
    late = copy(filled)
    late.crm("clock", "run", "--until", "2026-06-04T00:01")
    imported(late, tmp_path, "people", *MOVED)

    assert figure_of_may(zone)[1] < undisturbed[1]
    assert corrections(zone) == 0
    assert figure_of_may(late) == undisturbed
    assert corrections(late) == 1


@pytest.mark.slow  # tests/quotas/test_wording.py: a rule judges from the next period on
def test_a_rule_changed_a_minute_before_leaves_the_period_that_has_begun(zone, undisturbed):
    zone.crm("clock", "run", "--until", "2026-06-03T23:59")
    with zone.session() as db, db.begin():
        old = db.scalars(select(RuleVersion).where(RuleVersion.code == "deputy-monthly")).one()
        names = set(inspect(RuleVersion).column_attrs.keys()) - {"id"}
        same = {name: getattr(old, name) for name in names}
        old.valid_to = date(2026, 5, 31)
        db.add(RuleVersion(**same | {"valid_from": date(2026, 6, 1), "minimum": 12}))
    zone.crm("clock", "run", "--until", "2026-06-04T00:01")

    assert figure_of_may(zone) == undisturbed
    assert corrections(zone) == 0
