"""REGIME 4: rules are rows; they change from a date on, and the past stays as it was judged."""

import json
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.people.rules import Duty, Role
from crm.quotas.models import RuleVersion
from crm.quotas.queries import figures
from crm.quotas.rule_changes import add_rule, change_rule, end_rule, withdraw_version
from crm.quotas.rule_versions import as_rule, people_by_duty, versions
from crm.quotas.rules import CountBy, Measure, Rule
from crm.quotas.service import assess_period, freeze_period
from crm.visits.rules import Kind
from tests.conftest import NOW
from tests.factories import DEPUTY, RECRUITER, make_person, make_rule, make_unit, make_visit

JULY, AUGUST = date(2026, 7, 1), date(2026, 8, 1)
DRAFT = Rule(**DEPUTY | {"valid_from": AUGUST, "minimum": 4})


@pytest.fixture
def admin(db):
    return make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)


@pytest.fixture
def change(db, admin):
    return lambda now=NOW, **given: change_rule(
        db, draft=replace(DRAFT, **given), by=admin, now=now
    )


def spans(db):
    return [(each.minimum, each.valid_from, each.valid_to) for each in versions(db)]


def refused(code, act):
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.code == code
    return caught.value


def test_a_change_closes_the_running_version_the_day_before(db, change):
    make_rule(db)

    change()

    assert spans(db) == [
        (6, date(2020, 1, 1), date(2026, 7, 31)),
        (4, AUGUST, None),
    ]


def test_a_period_is_judged_by_the_version_of_its_first_date(db, change):
    make_rule(db)
    make_person(db, "deputy", duty=Duty.DEPUTY)
    change(valid_from=date(2026, 8, 2))

    asked = {
        name: [one.figure.required for one in figures(db, period=Period.parse(name), as_of=NOW)]
        for name in ("2026-07", "2026-08", "2026-09")
    }

    assert asked == {"2026-07": [6], "2026-08": [6], "2026-09": [4]}


def test_a_change_takes_over_from_the_version_of_its_date_up_to_the_next(db, change):
    make_rule(db)
    change(valid_from=date(2026, 10, 1), minimum=8)

    change()

    assert spans(db) == [
        (6, date(2020, 1, 1), date(2026, 7, 31)),
        (4, AUGUST, date(2026, 9, 30)),
        (8, date(2026, 10, 1), None),
    ]


def test_a_version_to_come_is_corrected_in_its_place(db, change):
    make_rule(db)
    change()

    change(minimum=5)

    assert spans(db)[1:] == [(5, AUGUST, None)]


def test_a_rule_that_has_ended_may_hold_again(db, change, admin):
    make_rule(db, valid_to=date(2026, 3, 31))

    change()

    assert spans(db) == [(6, date(2020, 1, 1), date(2026, 3, 31)), (4, AUGUST, None)]


def test_the_running_period_may_change_from_its_first_date_on(db, change):
    make_rule(db)

    change(valid_from=JULY)

    assert spans(db)[0][2] == date(2026, 6, 30)


@pytest.mark.parametrize("on", [date(2026, 6, 30), date(2026, 6, 1), date(2020, 1, 1)])
def test_no_period_that_is_over_is_judged_anew(db, change, on):
    make_rule(db)

    refusal = refused("rule_reaches_back", lambda: change(valid_from=on))

    assert (refusal.field, refusal.facts["earliest"]) == ("valid_from", JULY)


def test_the_weeks_that_a_rule_has_judged_stay_where_it_turns_to_months(db, change):
    make_rule(db, period=PeriodKind.WEEK, minimum=1)

    refusal = refused("rule_reaches_back", lambda: change(valid_from=date(2026, 7, 2)))

    assert refusal.facts["earliest"] == date(2026, 7, 13)


def test_a_period_whose_figures_are_kept_stays_as_it_was_judged(db, change):
    make_rule(db)
    make_person(db, "deputy", duty=Duty.DEPUTY)
    assess_period(db, period=Period.parse("2026-07"), at=at_civil(AUGUST))

    refusal = refused("rule_reaches_back", lambda: change(valid_from=JULY))
    change(valid_from=date(2026, 7, 2))

    assert refusal.facts["earliest"] == date(2026, 7, 2)


def test_a_change_leaves_frozen_figures_and_what_later_edits_make_of_them(db, change):
    make_rule(db)
    deputy = make_person(db, "deputy", duty=Duty.DEPUTY)
    make_visit(db, deputy, date(2026, 6, 9))
    june = Period.parse("2026-06")
    at = at_civil(date(2026, 7, 4))
    freeze_period(db, period=june, at=at, now=at)

    change(valid_from=JULY, minimum=1, kinds=frozenset({Kind.EVENT}))

    (figure,) = figures(db, period=june, as_of=NOW)
    assert (figure.figure.required, figure.figure.achieved) == (6, 1)


def test_a_change_that_changes_nothing_is_refused(db, change):
    make_rule(db)

    refused("rule_unchanged", lambda: change(minimum=6))


def test_only_an_admin_makes_rules(db):
    make_rule(db)
    chief = make_person(db, "chief", role=Role.SUPERVISOR)

    refused("not_yours", lambda: change_rule(db, draft=DRAFT, by=chief, now=NOW))


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"name": ""}, "required", "name"),
        ({"name": "长" * 51}, "text_too_long", "name"),
        ({"kinds": frozenset()}, "required", "kinds"),
        ({"channels": frozenset()}, "required", "channels"),
        ({"minimum": 0}, "number_out_of_range", "minimum"),
        ({"minimum": 32}, "number_out_of_range", "minimum"),
        ({"count_by": CountBy.VISIT, "minimum": 1001}, "number_out_of_range", "minimum"),
        ({"log_within_days": 93}, "number_out_of_range", "log_within_days"),
        ({"measure": Measure.DAYS_RESIDENT, "count_by": CountBy.VISIT}, "days_by_day", "count_by"),
    ],
)
def test_what_no_rule_can_ask_is_refused_at_its_field(db, change, given, code, field):
    make_rule(db)

    assert refused(code, lambda: change(**given)).field == field


def test_a_rule_that_is_not_there_cannot_change(db, change):
    refused("unknown_rule", change)


def test_a_new_rule_is_given_a_code(db, admin):
    added = [add_rule(db, draft=replace(DRAFT, code=""), by=admin, now=NOW).code for _ in range(2)]

    assert added == ["deputy-month", "deputy-month-2"]


@pytest.mark.parametrize("code", ["Deputy", "a b", "副职", "-a", "a" * 41])
def test_a_code_is_plain(db, admin, code):
    refused(
        "bad_rule_code", lambda: add_rule(db, draft=replace(DRAFT, code=code), by=admin, now=NOW)
    )


@pytest.mark.parametrize("code", ["deputy-monthly", "new", "backtest"])
def test_a_code_is_given_once(db, admin, code):
    make_rule(db)

    refused(
        "rule_code_taken", lambda: add_rule(db, draft=replace(DRAFT, code=code), by=admin, now=NOW)
    )


def test_a_new_rule_reaches_no_period_that_is_over(db, admin):
    draft = replace(DRAFT, code="new-one", valid_from=date(2026, 6, 1))

    refused("rule_reaches_back", lambda: add_rule(db, draft=draft, by=admin, now=NOW))


def test_a_rule_ends_and_leaves_the_periods_that_began(db, admin):
    make_rule(db)
    make_person(db, "deputy", duty=Duty.DEPUTY)

    end_rule(db, code="deputy-monthly", last_on=date(2026, 7, 31), by=admin, now=NOW)

    result = [len(figures(db, period=Period.parse(f"2026-0{n}"), as_of=NOW)) for n in (7, 8)]
    assert result == [1, 0]


@pytest.mark.parametrize(
    ("last_on", "code"),
    [
        (date(2019, 12, 31), "rule_not_in_force"),
        (date(2026, 6, 29), "rule_ends_too_early"),
    ],
)
def test_a_rule_does_not_end_in_the_past(db, admin, last_on, code):
    make_rule(db)

    refused(code, lambda: end_rule(db, code="deputy-monthly", last_on=last_on, by=admin, now=NOW))


def test_a_rule_does_not_end_before_a_version_to_come(db, admin, change):
    make_rule(db)
    change()

    refused(
        "rule_has_later_version",
        lambda: end_rule(db, code="deputy-monthly", last_on=date(2026, 7, 20), by=admin, now=NOW),
    )


def test_a_version_to_come_is_withdrawn_and_the_one_before_goes_on(db, admin, change):
    make_rule(db)

    withdraw_version(db, version=change(), by=admin, now=NOW)

    assert spans(db) == [(6, date(2020, 1, 1), None)]


def test_a_version_that_has_judged_is_not_withdrawn(db, admin, change):
    make_rule(db)
    version = change()

    later = at_civil(date(2026, 9, 1))

    refused("rule_has_judged", lambda: withdraw_version(db, version=version, by=admin, now=later))


def test_every_change_of_a_rule_leaves_its_entry(db, admin, change):
    make_rule(db)
    withdraw_version(db, version=change(kinds=frozenset({Kind.EVENT})), by=admin, now=NOW)

    entries = db.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()

    assert [each.action for each in entries] == [
        "rule.ended",
        "rule.changed",
        "rule.withdrawn",
        "rule.ended",
    ]
    changed = entries[1]
    assert json.loads(changed.before) == {
        "kinds": ["outreach", "residency"],
        "minimum": 6,
        "valid_from": "2020-01-01",
    }
    assert json.loads(changed.after)["kinds"] == ["event"]
    assert {each.by_id for each in entries} == {admin.id}


@pytest.mark.parametrize(
    ("valid_from", "valid_to"),
    [
        (date(2026, 8, 2), None),
        (date(2019, 1, 1), date(2020, 1, 1)),
        (date(2026, 7, 31), date(2026, 7, 31)),
    ],
)
def test_the_database_itself_refuses_versions_that_overlap(db, valid_from, valid_to):
    make_rule(db, valid_to=date(2026, 7, 31))
    make_rule(db, valid_from=date(2026, 8, 1), valid_to=date(2026, 9, 30))
    make_rule(db, RECRUITER)

    with pytest.raises(IntegrityError, match="ex_rule_version"), db.begin_nested():
        make_rule(db, valid_from=valid_from, valid_to=valid_to)


def test_the_database_refuses_a_version_that_is_drawn_over_another(db):
    first = make_rule(db, valid_to=date(2026, 7, 31))
    make_rule(db, valid_from=date(2026, 8, 1))

    first.valid_to = None

    with pytest.raises(IntegrityError, match="ex_rule_version"):
        db.flush()


def test_whom_a_rule_concerns_is_counted_by_the_primary_posting_of_today(db):
    unit = make_unit(db)
    make_person(db, "one", duty=Duty.DEPUTY, unit=unit)
    make_person(db, "two", duty=Duty.DEPUTY, unit=unit, from_on=date(2026, 8, 1))
    make_person(db, "three", duty=Duty.RECRUITER, unit=unit)

    assert people_by_duty(db, date(2026, 7, 15)) == {Duty.DEPUTY: 1, Duty.RECRUITER: 1}


def test_a_version_is_a_plain_value_too(db):
    assert as_rule(make_rule(db)) == Rule(**DEPUTY)
    assert db.scalars(select(RuleVersion.code)).all() == ["deputy-monthly"]
