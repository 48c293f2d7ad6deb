"""A rule that changes at the moment of an assessment or a freeze: real threads, both databases.

REGIME 4: the past stays as it was judged, by the version that holds on the period's first date.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.periods import Period
from crm.people.models import Person
from crm.people.rules import Duty, Role
from crm.quotas.models import FigureRecord
from crm.quotas.rule_changes import change_rule, withdraw_version
from crm.quotas.rule_versions import version_on, versions
from crm.quotas.rules import Rule
from crm.quotas.service import assess_period, freeze_period
from crm.transactions import transaction
from tests.factories import DEPUTY, make_person, make_rule

JULY = Period.parse("2026-07")
AUGUST_FIRST = date(2026, 8, 1)
END = at_civil(AUGUST_FIRST)
BEFORE = END - timedelta(seconds=1)  # the running period may still change from its first date on
DRAFT = Rule(**DEPUTY | {"valid_from": JULY.first, "minimum": 4})


def assess(db):
    assess_period(db, period=JULY, at=END)


def freeze(db):
    freeze_period(db, period=JULY, at=END, now=END)


class Zone:
    """A deputy who owes six visits a month, and the admin who changes that."""

    def __init__(self, sessions):
        self.sessions = sessions
        with transaction(sessions) as db:
            make_rule(db)
            make_person(db, "deputy", duty=Duty.DEPUTY)
            self.admin = make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)

    def does(self, act, *, last=lambda: None):
        """A step that does that in a transaction of its own, and whether it was refused."""

        def step():
            try:
                with transaction(self.sessions) as db:
                    act(db)
                    last()
            except Refused as refusal:
                return refusal.code
            return None

        return step

    def change(self, db, **given):
        by = db.get(Person, self.admin.id)
        change_rule(db, draft=replace(DRAFT, **given), by=by, now=BEFORE)

    def withdraw(self, db):
        by = db.get(Person, self.admin.id)
        withdraw_version(db, version=versions(db)[-1], by=by, now=BEFORE)

    def kept(self):
        """What July asks of the deputy as kept, and by the version that holds on its first date."""
        with self.sessions() as db:
            kept = db.scalars(select(FigureRecord)).one()
            holds = version_on(db, kept.rule_code, JULY.first)
            assert kept.rule_id == holds.id
            required = kept.assessed_required or kept.frozen_required
            return required, holds.minimum

    def spans(self):
        with self.sessions() as db:
            return [(each.minimum, each.valid_from, each.valid_to) for each in versions(db)]


@pytest.fixture
def zone(sessions):
    return Zone(sessions)


def at_once(*steps):
    """Run the steps in threads that begin together; what each returns."""
    barrier = threading.Barrier(len(steps))

    def run(step):
        barrier.wait()
        return step()

    with ThreadPoolExecutor(len(steps)) as threads:
        return [done.result() for done in [threads.submit(run, step) for step in steps]]


@pytest.mark.parametrize("close", [assess, freeze])
@pytest.mark.parametrize("round_", range(3))
def test_what_is_kept_was_asked_by_the_version_that_holds(zone, close, round_):
    _, refused = at_once(zone.does(close), zone.does(zone.change))

    assert zone.kept() == ((6, 6) if refused else (4, 4))
    assert refused in (None, "rule_reaches_back")


@pytest.mark.parametrize("close", [assess, freeze])
@pytest.mark.parametrize("round_", range(3))
def test_a_version_is_withdrawn_before_it_judges_or_not_at_all(zone, close, round_):
    zone.does(zone.change)()

    _, refused = at_once(zone.does(close), zone.does(zone.withdraw))

    assert zone.kept() == ((4, 4) if refused else (6, 6))
    assert refused in (None, "rule_has_judged")


@pytest.mark.parametrize("close", [assess, freeze])
def test_a_change_that_is_not_committed_yet_holds_up_the_closing(zone, close):
    is_changed, goes_on = threading.Event(), threading.Event()

    def wait_for_more():
        is_changed.set()
        goes_on.wait(10)

    def close_meanwhile():
        is_changed.wait(10)
        threading.Timer(0.3, goes_on.set).start()
        zone.does(close)()

    at_once(zone.does(zone.change, last=wait_for_more), close_meanwhile)

    assert zone.kept() == (4, 4)


@pytest.mark.parametrize("close", [assess, freeze])
def test_a_closing_that_is_not_committed_yet_holds_up_the_change(zone, close):
    is_kept, goes_on = threading.Event(), threading.Event()

    def wait_for_more():
        is_kept.set()
        goes_on.wait(10)

    def change_meanwhile():
        is_kept.wait(10)
        threading.Timer(0.3, goes_on.set).start()
        return zone.does(zone.change)()

    _, refused = at_once(zone.does(close, last=wait_for_more), change_meanwhile)

    assert refused == "rule_reaches_back"
    assert zone.kept() == (6, 6)


@pytest.mark.parametrize("round_", range(3))
def test_of_two_changes_at_once_one_corrects_the_other(zone, round_):
    changes = [
        zone.does(lambda db, n=minimum: zone.change(db, valid_from=AUGUST_FIRST, minimum=n))
        for minimum in (4, 5)
    ]

    assert at_once(*changes) == [None, None]

    before, after = zone.spans()
    assert before == (6, date(2020, 1, 1), date(2026, 7, 31))
    assert after in [(4, AUGUST_FIRST, None), (5, AUGUST_FIRST, None)]


def test_what_was_read_before_the_wait_is_read_again(zone, kind_of_database):
    with zone.sessions() as db:
        read = versions(db)  # as a page does that shows what it changes
        if kind_of_database == "sqlite":
            db.rollback()  # whoever writes there waits before anything is read
        zone.does(lambda other: zone.change(other, valid_from=date(2026, 10, 1)))()

        zone.change(db, valid_from=AUGUST_FIRST, minimum=5)
        db.commit()

    assert len(read) == 1
    assert zone.spans() == [
        (6, date(2020, 1, 1), date(2026, 7, 31)),
        (5, AUGUST_FIRST, date(2026, 9, 30)),
        (4, date(2026, 10, 1), None),
    ]


def test_a_version_that_another_withdrew_meanwhile_is_gone(zone, kind_of_database):
    zone.does(zone.change)()
    with zone.sessions() as db:
        version = versions(db)[-1]
        if kind_of_database == "sqlite":
            db.expunge(version)
            db.rollback()
        zone.does(zone.withdraw)()
        by = db.get(Person, zone.admin.id)

        with pytest.raises(Refused, match="rule_withdrawn"):
            withdraw_version(db, version=version, by=by, now=BEFORE)

    assert zone.spans() == [(6, date(2020, 1, 1), None)]
