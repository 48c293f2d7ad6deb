"""Two admins, or one with a nervous finger, change one thing of the zone at the same moment."""

from datetime import date

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.jobs import ledger
from crm.people.models import Person
from crm.people.rules import Duty, Role
from crm.quotas.models import RuleVersion
from tests.conftest import NOW
from tests.factories import (
    DEPUTY,
    arranged,
    make_person,
    make_posting,
    make_rule,
    make_unit,
    sign_in,
)
from tests.web.test_at_once import at_once

RULE = {
    "name": "分管月度任务",
    "duty": "deputy",
    "period": "month",
    "measure": "visits_led",
    "count_by": "day",
    "kinds": ["outreach"],
    "channels": ["in_person"],
    "log_within_days": "3",
    "proration": "workdays",
    "rounding": "ceil",
    "cap": "calendar_days",
}
TOLD = {302, 404, 409, 422}  # done, or told why not: never a page of errors


class Zone:
    """Two admins, and a recruiter with a second posting."""

    def __init__(self, db):
        self.unit = make_unit(db, "开发区")
        for name in ("one", "two"):
            make_person(db, name, role=Role.ADMIN, duty=Duty.STAFF, unit=self.unit)
        self.lina = make_person(db, "lina", unit=self.unit)
        given = {"unit": self.unit, "is_primary": False, "duty": Duty.STAFF}
        self.posting = make_posting(db, self.lina, **given)
        self.rule = make_rule(db, DEPUTY)
        ledger.install(db, clock_from=NOW, now=NOW)


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


@pytest.fixture
def both(app, zone):
    """Both admins send a form at the same moment; the answers' codes, in order."""
    admins = [sign_in(app, name) for name in ("one", "two")]

    def send(path, *forms):
        steps = [
            lambda admin=admin, form=form: admin.post(path, data=form).status_code
            for admin, form in zip(admins, forms * (2 // len(forms)), strict=True)
        ]
        return sorted(at_once(*steps))

    return send


def count(app, action):
    with arranged(app) as db:
        query = select(func.count()).select_from(AuditEntry)
        return db.scalar(query.where(AuditEntry.action == action))


def test_a_posting_is_removed_once(app, zone, both):
    answers = both(f"/admin/people/lina/postings/{zone.posting.id}/remove", {})

    assert set(answers) <= TOLD
    assert count(app, "posting.removed") == 1


def test_of_two_people_of_one_name_one_is_entered(app, both):
    form = {"username": "wang", "name": "王工", "role": "recruiter"}

    answers = both("/admin/people/new", form)

    assert answers[0] == 302
    assert set(answers) <= TOLD
    assert count(app, "person.added") == 1


def test_two_changes_of_a_rule_do_not_overlap(app, zone, both):
    later, sooner = (
        {**RULE, "minimum": n, "valid_from": on}
        for n, on in (("7", "2026-10-01"), ("8", "2026-09-01"))
    )

    answers = both(f"/admin/rules/{zone.rule.code}", later, sooner)

    assert answers == [302, 302]
    assert spans(app) == [
        (date(2020, 1, 1), date(2026, 8, 31)),
        (date(2026, 9, 1), date(2026, 9, 30)),
        (date(2026, 10, 1), None),
    ]


def spans(app):
    with arranged(app) as db:
        rows = select(RuleVersion.valid_from, RuleVersion.valid_to)
        return [tuple(row) for row in db.execute(rows.order_by(RuleVersion.valid_from))]


def test_a_version_is_withdrawn_once(app, zone, both):
    with arranged(app) as db:
        db.get_one(RuleVersion, zone.rule.id).valid_to = date(2026, 8, 31)
        future = make_rule(db, DEPUTY, valid_from=date(2026, 9, 1))

    answers = both(f"/admin/rules/{zone.rule.code}/withdraw", {"version": future.id})

    assert set(answers) <= TOLD
    assert count(app, "rule.withdrawn") == 1
    assert spans(app) == [(date(2020, 1, 1), None)]


def test_a_date_set_by_two_is_set(both):
    form = {"first": "2026-07-20", "kind": "rest", "reason": "停电"}

    answers = both("/admin/calendar/2026/days", form)

    assert answers == [302, 302]


def test_a_date_taken_back_by_two_is_taken_back_once(app, both):
    both("/admin/calendar/2026/days", {"first": "2026-07-20", "kind": "rest", "reason": "停电"})

    both("/admin/calendar/2026/take-back", {"first": "2026-07-20", "last": "2026-07-20"})

    assert count(app, "calendar.taken_back") == 1


def test_an_arrangement_is_imported_by_two(both):
    form = {"content": "date,kind,name\n2027-02-08,holiday,春节"}

    assert both("/admin/calendar/import/apply", form) == [302, 302]


def test_a_target_set_by_two_is_one(app, zone, both):
    form = {"year": "2026", "unit_id": zone.unit.id, "metric": "signed", "tier": "yi10"}

    answers = both("/admin/targets", form | {"measure": "count", "value": "20"})

    assert answers[0] == 302
    assert set(answers) <= TOLD
    assert count(app, "target.added") == 1


def test_a_job_is_paused_once(app, both):
    answers = both("/admin/clock/nudge/pause", {"why": "放假"})

    assert set(answers) <= TOLD
    assert count(app, "job.paused") == 1


def test_a_job_is_resumed_once(app, both):
    both("/admin/clock/nudge/pause", {"why": "放假"})

    both("/admin/clock/nudge/resume", {})

    assert count(app, "job.resumed") == 1


def test_two_who_take_the_role_from_each_other_leave_one(app, zone):
    one, two = sign_in(app, "one"), sign_in(app, "two")
    form = {"name": "张三", "role": "leader"}

    answers = at_once(
        lambda: one.post("/admin/people/two/edit", data=form).status_code,
        lambda: two.post("/admin/people/one/edit", data=form).status_code,
    )

    assert set(answers) <= TOLD
    assert admins_left(app) == 1


def test_two_who_close_each_others_account_leave_one(app, zone):
    one, two = sign_in(app, "one"), sign_in(app, "two")

    at_once(
        lambda: one.post("/admin/people/two/disable").status_code,
        lambda: two.post("/admin/people/one/edit", data={"name": "张三", "role": "auditor"}),
    )

    assert admins_left(app) == 1


def admins_left(app):
    with arranged(app) as db:
        able = Person.role == Role.ADMIN, Person.disabled_at.is_(None)
        return db.scalar(select(func.count()).where(*able))
