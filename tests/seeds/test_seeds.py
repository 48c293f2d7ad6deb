"""The seeds of a new zone, and that planting them twice changes nothing."""

from datetime import date

from sqlalchemy import delete, func, select

from crm.base.periods import PeriodKind
from crm.cli import seeds
from crm.leads.catalog import industries
from crm.leads.tiers import Tier
from crm.people.models import Unit
from crm.people.queries import unit_tree
from crm.people.rules import Duty
from crm.quotas.models import RuleVersion
from crm.quotas.rules import Cap, CountBy, Measure, Proration, Rounding
from crm.targets.models import Target
from crm.visits.rules import Channel
from tests.conftest import NOW

PLATFORMS = {
    "bonded", "bonded-a", "bonded-b", "ic-park", "it-park", "idc-park", "bigdata-park",
    "video-park", "nengda",
}  # fmt: skip


def test_the_three_rules_of_the_regime_are_shipped():
    result = {
        rule.code: (rule.minimum, rule.period, rule.rounding, sorted(rule.kinds))
        for rule in seeds.rules()
    }

    assert result == {
        "principal-weekly": (1, PeriodKind.WEEK, Rounding.HALF_UP, ["outreach"]),
        "deputy-monthly": (6, PeriodKind.MONTH, Rounding.CEIL, ["outreach", "residency"]),
        "recruiter-monthly": (20, PeriodKind.MONTH, Rounding.CEIL, ["outreach", "residency"]),
    }


def test_the_shipped_rules_hold_from_2020_and_are_prorated_by_working_days():
    result = {
        (rule.valid_from, rule.valid_to, rule.proration, rule.cap, rule.log_within_days)
        for rule in seeds.rules()
    }

    assert result == {(date(2020, 1, 1), None, Proration.WORKDAYS, Cap.CALENDAR_DAYS, 3)}


def test_the_shipped_rules_allow_the_days_of_a_stay_to_be_entered_nine_days_late():
    assert {rule.stay_within_days for rule in seeds.rules()} == {9}


def test_the_shipped_calendar_leaves_2026_as_the_library_knows_it():
    workdays = seeds.calendar().workdays(date(2026, 1, 1), date(2026, 12, 31))

    assert len(workdays) == 248


def test_the_tree_holds_the_platforms_below_the_zone(db):
    seeds.plant(db, now=NOW)

    nodes = unit_tree(db)
    assert nodes[0].unit.code == "zone"
    assert {node.unit.code for node in nodes} >= PLATFORMS


def test_the_two_leading_industries_come_first(db):
    seeds.plant(db, now=NOW)

    assert list(industries(db))[:2] == ["it", "bigdata"]


def test_planting_twice_plants_once(db):
    first = seeds.plant(db, now=NOW)
    db.flush()
    again = seeds.plant(db, now=NOW)

    assert (first.rules, first.targets) == (3, 4)
    assert (again.rules, again.units, again.overrides, again.targets) == (0, 0, 0, 0)
    assert db.scalar(select(func.count()).select_from(RuleVersion)) == 3


def test_a_tree_that_the_zone_has_changed_is_left_alone(db):
    seeds.plant(db, now=NOW)
    park = db.scalar(select(Unit).where(Unit.code == "nengda"))
    park.code, park.name = "nengda-new", "新名称"
    db.flush()

    assert seeds.plant(db, now=NOW).units == 0


def test_the_four_targets_of_the_report_are_shipped(db):
    seeds.plant(db, now=NOW)

    result = {one.tier: (one.year, one.count) for one in db.scalars(select(Target))}

    assert result == {
        Tier.YI_10: (2026, 20),
        Tier.YI_20: (2026, 10),
        Tier.YI_50: (2026, 2),
        Tier.YI_100: (2026, 1),
    }


def test_a_year_whose_targets_the_zone_has_changed_is_left_alone(db):
    seeds.plant(db, now=NOW)
    db.execute(delete(Target).where(Target.tier != Tier.YI_100))

    assert seeds.plant(db, now=NOW).targets == 0


def test_staff_owe_no_quota_as_shipped():
    assert Duty.STAFF not in {rule.duty for rule in seeds.rules()}


def test_the_shipped_rules_count_meetings_in_person_by_day():
    result = {(rule.count_by, *rule.channels) for rule in seeds.rules()}

    assert result == {(CountBy.DAY, Channel.IN_PERSON)}


def test_leaders_owe_visits_that_they_lead_and_recruiters_resident_days_as_shipped():
    result = {rule.duty: rule.measure for rule in seeds.rules()}

    assert result == {
        Duty.PRINCIPAL: Measure.VISITS_LED,
        Duty.DEPUTY: Measure.VISITS_LED,
        Duty.RECRUITER: Measure.DAYS_RESIDENT,
    }
