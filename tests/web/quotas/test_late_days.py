"""The form shows before saving which days will wait for a verdict (REGIME 3)."""

from datetime import date

import pytest

from crm.people.rules import Duty
from crm.visits.rules import Kind, Status
from tests.factories import arranged, make_person, make_regime, make_visit, sign_in
from tests.web.visits.test_questions import button, send, visits

LONG = {
    "kind": "residency",
    "status": "planned",
    "first_on": "2026-07-01",
    "last_on": "2026-07-16",
    "city": "上海",
}
TOLD = (
    "本次登记中您的 7月1日至16日 共 16 天，最早一天已过去 14 天，超过 9 天的补录期限，"
    "须督查人员确认后计入。"
)


@pytest.fixture
def me(app):
    with arranged(app) as db:
        make_regime(db)
        return make_person(db, "me", name="李娜")


@pytest.fixture
def at_mine(app, me):
    return sign_in(app, "me")


def test_a_long_stay_entered_late_is_asked_about_and_saved(app, me, at_mine):
    asked = send(at_mine, me, **LONG)
    before = visits(app)
    kept = send(at_mine, me, **LONG, do=button(asked.text, "仍保存"))

    assert (asked.status_code, before) == (422, [])
    assert TOLD in asked.text
    assert kept.status_code == 302
    assert [visit.late_by_days for visit in visits(app)] == [14]


@pytest.mark.parametrize(
    "values",
    [
        {"first_on": "2026-07-06"},  # nine days ago
        {"first_on": "2026-07-16", "last_on": "2026-07-30"},  # a plan
        {"kind": "reception", "status": "planned"},  # no rule counts it
    ],
)
def test_days_that_need_no_verdict_are_saved_at_once(me, at_mine, values):
    assert send(at_mine, me, **LONG | values).status_code == 302


def test_nothing_is_asked_about_people_whose_rules_count_no_days(app):
    with arranged(app) as db:
        make_regime(db)
        deputy = make_person(db, "deputy", duty=Duty.DEPUTY)

    assert send(sign_in(app, "deputy"), deputy, **LONG).status_code == 302


def test_a_colleague_named_late_is_named_in_the_question(app, me, at_mine):
    with arranged(app) as db:
        other = make_person(db, "wang", name="王强")
        stay = {"kind": Kind.RESIDENCY, "status": Status.PLANNED, "city": "上海"}
        visit = make_visit(db, me, date(2026, 7, 1), days=16, **stay)

    edit = f"/visits/{visit.id}/edit"
    seen = at_mine.get(edit).text.split('name="seen" type="hidden" value="')[1].split('"')[0]
    same = send(at_mine, me, edit, **LONG, seen=seen)
    asked = send(at_mine, me, edit, **LONG, seen=seen, participant_ids=[other.id])

    assert same.status_code == 302
    assert asked.status_code == 422
    assert "本次登记中王强的 7月1日至16日 共 16 天，最早一天已过去 14 天" in asked.text
