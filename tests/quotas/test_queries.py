"""Everybody's figures from the database, in a constant number of queries."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.periods import Period
from crm.base.workdays import Source
from crm.people.rules import Duty, Role
from crm.quotas.facts import PersonFigure
from crm.quotas.models import WorkdayOverride
from crm.quotas.pending_visits import count_pending
from crm.quotas.queries import (
    explained_figures,
    figure_of,
    figures,
    rules_for,
    working_calendar,
)
from crm.quotas.rules import FigureStatus, Measure, Reason
from crm.visits.rules import Kind, Status, Verdict
from tests.conftest import NOW
from tests.factories import (
    RECRUITER,
    make_absence,
    make_person,
    make_posting,
    make_regime,
    make_rule,
    make_unit,
    make_visit,
)

JULY = Period.parse("2026-07")


@contextmanager
def counted_queries(db: Session) -> Iterator[list[str]]:
    """The statements that run inside the block."""
    text: list[str] = []

    def note(_connection, _cursor, statement, *_):
        text.append(statement)

    engine = db.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    yield text
    event.remove(engine, "before_cursor_execute", note)


def july(db: Session, **given: object):
    return figures(db, **{"period": JULY, "as_of": NOW} | given)


def explained_july(db: Session, **given: object):
    return explained_figures(db, **{"period": JULY, "as_of": NOW} | given)


def without_explanation(judged: PersonFigure) -> PersonFigure:
    return replace(judged, figure=replace(judged.figure, explanation=None))


def test_a_period_is_judged_by_the_versions_that_hold_on_its_first_date(db):
    make_rule(db, minimum=6, valid_to=date(2026, 7, 15))
    make_rule(db, minimum=8, valid_from=date(2026, 7, 16))
    make_rule(db, RECRUITER, valid_from=date(2026, 7, 2))

    assert [rule.minimum for rule in rules_for(db, JULY)] == [6]
    assert [rule.minimum for rule in rules_for(db, JULY.after)] == [8, 20]


def test_rules_are_those_of_the_periods_kind(db):
    make_regime(db)

    assert [rule.code for rule in rules_for(db, Period.parse("2026-W29"))] == ["principal-weekly"]
    assert "principal-weekly" not in [rule.code for rule in rules_for(db, JULY)]


def test_one_figure_stands_per_person_and_rule_of_their_duty(db):
    make_regime(db)
    deputy = make_person(db, "deputy", duty=Duty.DEPUTY)
    recruiter = make_person(db, "recruiter")
    make_person(db, "staff", duty=Duty.STAFF)
    make_person(db, "nobody", duty=None)

    found = july(db)

    assert [(each.figure.rule.code, each.username) for each in found] == [
        ("deputy-monthly", deputy.username),
        ("recruiter-monthly", recruiter.username),
    ]


def test_the_duty_is_that_of_the_primary_posting(db):
    make_regime(db)
    person = make_person(db, duty=Duty.STAFF)
    make_posting(db, person, duty=Duty.DEPUTY, is_primary=False)

    assert july(db) == []


def test_who_changes_duty_owes_each_for_its_days(db):
    make_regime(db)
    person = make_person(db, duty=None)
    make_posting(db, person, duty=Duty.DEPUTY, to_on=date(2026, 7, 10))
    make_posting(db, person, duty=Duty.RECRUITER, from_on=date(2026, 7, 11))

    present = {each.figure.rule.code: each.figure.present for each in july(db)}

    assert present == {"deputy-monthly": 8, "recruiter-monthly": 15}


@pytest.mark.parametrize(
    ("as_of", "unit"),
    [(date(2026, 6, 1), "old"), (date(2026, 7, 15), "old"), (date(2026, 7, 16), "new")],
)
def test_a_figure_stands_under_the_unit_of_the_last_date_held_up_to_today(db, as_of, unit):
    make_rule(db)
    person = make_person(db, duty=None)
    old, new = make_unit(db, code="old"), make_unit(db, code="new")
    make_posting(db, person, unit=old, duty=Duty.DEPUTY, to_on=date(2026, 7, 15))
    make_posting(db, person, unit=new, duty=Duty.DEPUTY, from_on=date(2026, 7, 16))

    (found,) = july(db, as_of=clock.at_civil(as_of))

    assert (found.unit_code, found.figure.present) == (unit, 23)


def test_only_approved_absences_reduce_a_quota_and_may_overlap(db):
    make_rule(db)
    person = make_person(db, duty=Duty.DEPUTY)
    make_absence(db, person, date(2026, 6, 29), date(2026, 7, 3))
    make_absence(db, person, date(2026, 7, 2), date(2026, 7, 6))
    make_absence(db, person, date(2026, 7, 20), date(2026, 7, 31), approved_at=None)

    (found,) = july(db)

    assert found.figure.present == 19


def test_visits_led_and_joined_are_found(db):
    make_regime(db)
    leader, joiner = make_person(db, "a"), make_person(db, "b")
    make_visit(db, leader, participants=[joiner, leader])

    assert [each.figure.achieved for each in july(db)] == [1, 1]


def test_the_longest_stay_is_found_in_the_last_period_that_it_covers(db):
    make_regime(db)
    person = make_person(db)
    starts_on = date(2026, 7, 1) - timedelta(days=91)
    make_visit(db, person, starts_on, days=92, kind=Kind.RESIDENCY)

    assert [each.figure.achieved for each in july(db)] == [1]


def test_a_visit_entered_later_is_not_read(db):
    make_regime(db)
    make_visit(db, make_person(db), entered_at=NOW + timedelta(seconds=1))

    assert explained_july(db)[0].figure.not_counted == ()


def test_the_figures_of_some_are_the_same_as_among_all(db):
    make_regime(db)
    leader, joiner = make_person(db), make_person(db)
    make_absence(db, joiner, date(2026, 7, 1), date(2026, 7, 3))
    make_visit(db, leader, participants=[joiner])
    make_visit(db, joiner, date(2026, 7, 10), participants=[leader])

    everybody = {each.person_id: each for each in explained_july(db)}

    assert explained_july(db, person_ids=[joiner.id]) == [everybody[joiner.id]]
    assert july(db, person_ids=[joiner.id]) == [without_explanation(everybody[joiner.id])]
    assert july(db) == list(map(without_explanation, everybody.values()))
    assert july(db, person_ids=[]) == []
    ask = {"code": "recruiter-monthly", "period": JULY, "as_of": NOW}
    assert figure_of(db, person_id=leader.id, **ask) == everybody[leader.id]
    assert figure_of(db, person_id=leader.id, **ask | {"code": "deputy-monthly"}) is None


def test_more_people_than_a_statement_takes_are_read_as_everybody(db):
    make_regime(db)
    person = make_person(db)
    make_visit(db, make_person(db), participants=[person])
    many = range(person.id, person.id + 70_000)

    assert july(db, person_ids=many) == [each for each in july(db) if each.person_id in many]
    assert explained_july(db, person_ids=many) == [
        each for each in explained_july(db) if each.person_id in many
    ]


def test_the_zones_word_on_a_working_day_comes_first(db):
    make_rule(db)
    make_person(db, duty=Duty.DEPUTY)
    db.add(WorkdayOverride(on=date(2026, 7, 4), is_workday=True, source=Source.OVERRIDE, note=None))
    db.flush()

    assert working_calendar(db).on(date(2026, 7, 4)).source is Source.OVERRIDE
    assert july(db)[0].figure.workdays == 24


def test_more_people_and_visits_cost_no_more_queries(db):
    make_regime(db)
    for n in range(12):
        person = make_person(db, duty=[Duty.DEPUTY, Duty.RECRUITER][n % 2])
        make_visit(db, person, date(2026, 7, 1 + n), participants=[make_person(db)])

    with counted_queries(db) as all_of_them:
        found = july(db)
    with counted_queries(db) as of_one:
        july(db, person_ids=[found[0].person_id])

    assert len(found) == 24
    assert (len(all_of_them), len(of_one)) == (7, 6)  # visits of one are a union


def test_a_verdict_and_a_status_reach_the_engine(db):
    make_regime(db)
    person = make_person(db)
    make_visit(db, person, date(2026, 7, 13), verdict=Verdict.REJECTED)
    make_visit(db, person, date(2026, 7, 20), status=Status.PLANNED, entered_at=NOW)

    (found,) = explained_july(db)

    assert [part.reason for part in found.figure.not_counted] == [Reason.REJECTED, Reason.NOT_DONE]
    assert (found.figure.planned, found.figure.status) == (1, FigureStatus.UNREACHABLE)


class TestWaiting:
    """REGIME 5: how many visits still wait for logging or a verdict."""

    def test_what_has_ended_waits_to_log_until_it_is_logged(self, db):
        make_regime(db)
        make_visit(db, make_person(db), logged_at=NOW, entered_at=clock.at_civil(date(2026, 7, 1)))

        before = count_pending(db, period=JULY, as_of=NOW - timedelta(hours=1))

        assert (before.to_log, before.to_judge) == (1, 0)
        assert not count_pending(db, period=JULY, as_of=NOW)

    def test_what_is_late_waits_for_a_verdict_until_it_has_one(self, db):
        make_regime(db)
        late = {"logged_at": NOW - timedelta(days=2), "entered_at": NOW - timedelta(days=9)}
        given = {"verdict": Verdict.CONFIRMED, "verdict_at": NOW}
        make_visit(db, make_person(db), date(2026, 7, 6), **late | given)

        before = count_pending(db, period=JULY, as_of=NOW - timedelta(hours=1))

        assert (before.to_log, before.to_judge) == (0, 1)
        assert not count_pending(db, period=JULY, as_of=NOW)

    def test_what_no_rule_counts_and_what_is_yet_to_come_wait_for_nothing(self, db):
        make_regime(db)
        person = make_person(db)
        planned = {"status": Status.PLANNED, "entered_at": clock.at_civil(date(2026, 7, 1))}
        make_visit(db, person, date(2026, 7, 13), kind=Kind.RECEPTION, **planned)
        make_visit(db, person, date(2026, 7, 16), **planned)
        make_visit(db, person, date(2026, 7, 13), **planned | {"status": Status.CANCELLED})

        assert not count_pending(db, period=JULY, as_of=NOW)

    def test_it_may_be_asked_of_some_people(self, db):
        make_regime(db)
        mine, theirs = make_person(db), make_person(db)
        plan = {"status": Status.PLANNED, "entered_at": clock.at_civil(date(2026, 7, 1))}
        make_visit(db, theirs, date(2026, 7, 13), **plan)

        assert not count_pending(db, period=JULY, as_of=NOW, person_ids=[mine.id])
        assert count_pending(db, period=JULY, as_of=NOW, person_ids=[theirs.id]).to_log == 1


def test_the_duty_and_not_the_role_decides_what_one_owes(db):
    make_regime(db)
    make_person(db, "principal", duty=Duty.PRINCIPAL, role=Role.RECRUITER)
    make_person(db, "recruiter", duty=Duty.RECRUITER, role=Role.LEADER)

    assert [(one.figure.rule.code, one.username) for one in july(db)] == [
        ("recruiter-monthly", "recruiter")
    ]


def test_a_visit_without_minutes_person_met_or_trip_counts(db):
    make_rule(db)
    make_visit(db, make_person(db, duty=Duty.DEPUTY), minutes=None, met=None, trip=None)

    assert july(db)[0].figure.achieved == 1


def test_resident_days_count_in_any_city(db):
    make_rule(db, RECRUITER)
    person = make_person(db)
    for day, city in enumerate(("上海", "苏州", "南京"), start=6):
        make_visit(db, person, date(2026, 7, day), city=city)

    assert july(db)[0].figure.achieved == 3


def test_several_rules_of_one_duty_are_judged_each_for_itself(db):
    make_rule(db)
    make_rule(db, code="deputy-joining", measure=Measure.VISITS_JOINED, minimum=1)
    make_visit(db, make_person(db, duty=Duty.DEPUTY))

    result = {one.figure.rule.code: (one.figure.achieved, one.figure.required) for one in july(db)}

    assert result == {"deputy-monthly": (1, 6), "deputy-joining": (1, 1)}


def test_where_no_version_holds_on_the_first_date_there_is_no_figure(db):
    make_rule(db, valid_from=date(2026, 7, 2))
    make_person(db, duty=Duty.DEPUTY)

    assert july(db) == []


def test_whoever_holds_the_duty_on_one_date_of_the_period_has_one_figure(db):
    make_rule(db)
    person = make_person(db, duty=None)
    last = {"from_on": date(2026, 7, 31), "to_on": date(2026, 7, 31)}
    make_posting(db, person, duty=Duty.DEPUTY, **last)

    (found,) = july(db)

    assert (found.person_id, found.figure.present) == (person.id, 1)


def test_a_figure_is_never_split_between_units(db):
    make_rule(db)
    person = make_person(db, duty=None)
    make_posting(db, person, unit=make_unit(db), duty=Duty.DEPUTY, to_on=date(2026, 7, 9))
    make_posting(db, person, unit=make_unit(db), duty=Duty.DEPUTY, from_on=date(2026, 7, 10))

    assert [one.figure.required for one in july(db)] == [6]


def test_postings_absences_and_cancellations_are_as_known_now_whatever_the_moment(db):
    make_rule(db)
    person = make_person(db, duty=Duty.DEPUTY)
    make_visit(db, person, date(2026, 7, 6), status=Status.CANCELLED)
    before = july(db, as_of=clock.at_civil(date(2026, 7, 10)))[0].figure
    make_absence(db, person, date(2026, 7, 1), date(2026, 7, 3), approved_at=NOW)

    after = july(db, as_of=clock.at_civil(date(2026, 7, 10)))[0].figure

    assert (before.present, after.present) == (23, 20)
    assert (before.planned, before.achieved) == (0, 0)


def test_a_verdict_of_an_import_counts_from_its_logging_on(db):
    make_rule(db)
    person = make_person(db, duty=Duty.DEPUTY)
    logged_at = clock.at_civil(date(2026, 7, 13))
    late = {"entered_at": logged_at, "logged_at": logged_at, "verdict_at": logged_at}
    make_visit(db, person, date(2026, 7, 2), verdict=Verdict.CONFIRMED, **late)

    moments = (logged_at - timedelta(seconds=1), logged_at)

    assert [july(db, as_of=at)[0].figure.achieved for at in moments] == [0, 1]
