"""The projects behind a target, as known at a moment."""

from datetime import date, timedelta

import pytest

from crm.base.money import YI, Currency
from crm.base.periods import Period
from crm.leads.catalog import industries
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import LeadRole
from crm.leads.rules import LeadRoleKind, Stage
from crm.leads.tiers import Tier
from crm.people.queries import unit_tree
from crm.people.rules import UnitKind
from crm.results.models import ClaimKindSpan
from crm.results.rules import ClaimKind
from crm.targets.catalog import spans
from crm.targets.models import Target
from crm.targets.queries import courses, speeds_of, target_progress
from crm.targets.rules import Metric, TargetMeasure
from tests.conftest import NOW
from tests.factories import make_lead, make_milestone, make_role, make_unit

SIGNED = Stage.SIGNED


def make_target(db, unit, **given):
    values = {
        "metric": Metric.SIGNED,
        "tier": Tier.YI_10,
        "measure": TargetMeasure.COUNT,
        "count": 20,
    }
    target = Target(year=2026, unit_id=unit.id, **values | given)
    db.add(target)
    db.flush()
    return target


@pytest.fixture
def top(db):
    return make_unit(db, "滨海开发区", kind=UnitKind.ZONE)


@pytest.fixture
def bureau(db, top):
    return make_unit(db, "投资促进局", parent=top)


def progress(db, *, at=NOW, last=date(2026, 7, 15)):
    units = unit_tree(db)
    found = target_progress(
        db,
        units=units,
        seen={one.unit.id for one in units},
        year=2026,
        last=last,
        before=last,
        at=at,
    )
    return [one for one in found if one.goal.value is not None]


def signed(db, on, *, yi="12", **given):
    lead = make_lead(db, yi=yi, entered_on=date(2025, 1, 1), **given)
    make_milestone(db, lead, SIGNED, on)
    return lead


def test_a_project_counts_for_its_unit_and_all_above(db, top, bureau):
    make_target(db, top)
    make_target(db, bureau, count=4)
    signed(db, date(2026, 5, 1), unit=bureau)
    signed(db, date(2026, 5, 2))

    assert [(one.unit_name, one.achieved) for one in progress(db)] == [
        ("滨海开发区", 2),
        ("投资促进局", 1),
    ]


def test_what_was_signed_in_another_year_or_again_does_not_count(db, top):
    make_target(db, top)
    again = signed(db, date(2025, 12, 31))
    make_milestone(db, again, SIGNED, date(2026, 3, 1))
    signed(db, date(2026, 7, 16))

    assert [one.achieved for one in progress(db)] == [0]


def test_what_was_entered_later_is_not_there_yet(db, top):
    make_target(db, top)
    lead = make_lead(db, yi="12")
    make_milestone(db, lead, SIGNED, date(2026, 7, 1), entered_at=NOW + timedelta(seconds=1))

    assert [one.achieved for one in progress(db)] == [0]
    assert [one.achieved for one in progress(db, at=NOW + timedelta(hours=1))] == [1]


def test_it_counts_for_the_unit_that_was_responsible_on_that_date(db, top, bureau):
    park = make_unit(db, "综合保税区", parent=top)
    make_target(db, bureau)
    make_target(db, park)
    lead = signed(db, date(2026, 5, 1), unit=bureau)
    db.query(LeadRole).filter_by(lead_id=lead.id).one().to_on = date(2026, 5, 1)
    make_role(db, lead, LeadRoleKind.RESPONSIBLE_UNIT, unit=park, from_on=date(2026, 5, 2))

    assert [one.achieved for one in progress(db)] == [1, 0]


def test_an_expansion_counts_by_what_it_adds(db, top):
    sum_of = {"measure": TargetMeasure.AMOUNT, "count": None, "amount": 100 * YI}
    sum_of["currency"] = Currency.CNY
    make_target(db, top, tier=Tier.ANY, **sum_of)
    first = signed(db, date(2025, 3, 1), yi="80")
    signed(db, date(2026, 5, 1), yi="20", earlier_lead_id=first.id)

    assert [(one.achieved, one.percent) for one in progress(db)] == [(20 * YI, 20)]


def test_an_expansion_is_a_project_of_its_own_where_its_increment_reaches_a_line(db, top):
    make_target(db, top, tier=Tier.ANY)
    make_target(db, top, tier=Tier.YI_5)
    db.add(ClaimKindSpan(kind=ClaimKind.STARTED, from_on=date(2026, 1, 1)))
    db.add(ClaimKindSpan(kind=ClaimKind.SIGNED, from_on=date(2026, 4, 1)))
    first = signed(db, date(2025, 3, 1), yi="80")
    before = signed(db, date(2026, 3, 1), yi="0.3", earlier_lead_id=first.id)
    small = signed(db, date(2026, 5, 1), yi="0.3", earlier_lead_id=first.id)
    large = signed(db, date(2026, 5, 2), yi="3", earlier_lead_id=first.id)

    any_size, five = progress(db)

    # of before signings were recognised a figure does not move
    assert [row.lead_id for row in any_size.projects] == [before.id, large.id]
    assert [row.lead_id for row in any_size.below] == [small.id]
    assert (any_size.achieved, five.achieved) == (1, 0)
    assert [row.lead_id for row in five.below] == [small.id, large.id]


def test_a_project_that_was_lost_later_still_counts_as_signed(db, top):
    make_target(db, top)
    lead = signed(db, date(2026, 5, 1))
    make_milestone(db, lead, Stage.LOST, date(2026, 6, 1))

    assert [one.achieved for one in progress(db)] == [1]


def test_courses_have_the_first_date_of_each_milestone(db, bureau):
    lead = signed(db, date(2026, 7, 10), unit=bureau, stage=Stage.LEAD, industry="it")
    make_milestone(db, lead, Stage.FOLLOWING, date(2026, 6, 30))
    make_milestone(db, lead, Stage.FOLLOWING, date(2026, 7, 9))
    july = Period.parse("2026-07")

    told = spans(db)
    names = milestone_kinds(db).names
    [speed] = speeds_of(courses(db, july, NOW, told), july, told, names, industries(db))

    assert (speed.name, speed.days) == ("正式跟进至签约", 10)
    assert [one.name for one in speed.by_industry] == ["新一代信息技术"]
