"""REGIME 6: a milestone's planned date, each revision kept, the first is the baseline."""

from datetime import date

import pytest

from crm.base.errors import Refused
from crm.leads.planning import overdue_milestones, plan_milestone, plans_of
from crm.leads.rules import Stage
from tests.conftest import NOW
from tests.factories import make_lead, make_milestone, make_person

SIGNED = Stage.SIGNED
LAND = "land"


@pytest.fixture
def tracker(db):
    return make_person(db, "li")


@pytest.fixture
def lead(db, tracker):
    return make_lead(db, tracker=tracker)


def plan(db, lead, by, on=date(2026, 8, 1), **given):
    values = {"kind": SIGNED, "planned_on": on, "by": by, "now": NOW}
    return plan_milestone(db, lead=lead, **values | given)


def test_each_revision_is_kept_and_the_first_is_the_baseline(db, lead, tracker):
    plan(db, lead, tracker)
    plan(db, lead, tracker, date(2026, 9, 1), reason="等环评")

    assert [each.planned_on for each in plans_of(db, lead.id, SIGNED)] == [
        *(date(2026, 8, 1), date(2026, 9, 1))
    ]


def test_a_revision_has_a_reason(db, lead, tracker):
    plan(db, lead, tracker)

    with pytest.raises(Refused, match="required"):
        plan(db, lead, tracker, date(2026, 9, 1))


def test_a_revision_is_another_date(db, lead, tracker):
    plan(db, lead, tracker)

    with pytest.raises(Refused, match="plan_unchanged"):
        plan(db, lead, tracker, reason="重申")


def test_what_was_reached_is_not_planned_any_more(db, lead, tracker):
    make_milestone(db, lead, SIGNED, date(2026, 7, 1))

    with pytest.raises(Refused, match="already_reached"):
        plan(db, lead, tracker)


def test_nobody_plans_to_lose_a_lead(db, lead, tracker):
    with pytest.raises(Refused, match="unknown_milestone"):
        plan(db, lead, tracker, kind=Stage.LOST)


def test_who_may_not_change_the_lead_plans_nothing(db, lead):
    with pytest.raises(Refused, match="not_yours"):
        plan(db, lead, make_person(db, "other"))


def test_overdue_is_what_was_planned_by_then_for_before_the_date(db, lead, tracker):
    plan(db, lead, tracker, kind=LAND)

    def overdue(on, as_of=NOW):
        return [one.kind for one in overdue_milestones(db, on, as_of=as_of)]

    assert overdue(date(2026, 8, 1)) == []
    assert overdue(date(2026, 8, 2)) == [LAND]
    assert overdue(date(2026, 8, 2), as_of=lead.entered_at) == []
