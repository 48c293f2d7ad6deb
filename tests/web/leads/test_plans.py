"""Planned milestones on a lead's page: set, moved with a reason, reached, overdue."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.leads.models import Lead, MilestonePlan
from crm.leads.planning import plan_milestone
from crm.leads.rules import Secrecy, Stage
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_company,
    make_lead,
    make_milestone,
    make_person,
    make_unit,
    sign_in,
)

SIGNED, STARTED, LAND = Stage.SIGNED, Stage.STARTED, "land"


class Zone:
    """A lead of a bureau with its tracker, and somebody who only sees it."""

    def __init__(self, db):
        bureau = make_unit(db, "招商局", code="invest")
        self.tracker = make_person(db, "tracker", unit=bureau, name="李某")
        make_person(db, "stranger")
        self.lead, self.hidden = (
            make_lead(
                db,
                secrecy=secrecy,
                unit=bureau,
                tracker=self.tracker,
                company=make_company(db, secrecy.label),
            )
            for secrecy in (Secrecy.OPEN, Secrecy.INTERNAL)
        )
        self.path = f"/leads/{self.lead.id}"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


@pytest.fixture
def tracker(app, zone):
    return sign_in(app, "tracker")


@pytest.fixture
def plan(app, zone):
    """Plan a milestone of the lead, as its tracker."""

    def plan(kind, on, reason=None, now=NOW):
        with arranged(app) as db:
            values = {"kind": kind, "planned_on": on, "reason": reason, "now": now}
            lead = db.get_one(Lead, zone.lead.id)
            plan_milestone(db, lead=lead, by=zone.tracker, **values)

    return plan


def planned(app):
    with arranged(app) as db:
        rows = db.scalars(select(MilestonePlan).order_by(MilestonePlan.id))
        return [(row.kind, row.planned_on, row.reason) for row in rows]


def test_a_milestone_is_planned(app, zone, tracker):
    values = {"kind": "signed", "on": "2026-08-01"}

    shown = tracker.post(f"{zone.path}/plans", data=values, follow_redirects=True).text

    assert planned(app) == [(SIGNED, date(2026, 8, 1), None)]
    assert "计划已保存。" in shown
    assert "8月1日" in shown
    assert "还有 17 天" in shown


def test_a_planned_date_is_moved_with_a_reason_and_the_first_is_kept(app, zone, tracker, plan):
    plan(SIGNED, date(2026, 7, 20))
    values = {"on": "2026-08-01", "reason": "等环评"}

    shown = tracker.post(f"{zone.path}/plans/signed", data=values, follow_redirects=True).text

    assert planned(app)[-1] == (SIGNED, date(2026, 8, 1), "等环评")
    assert "最初计划 7月20日" in shown
    assert "7月15日 李某定为 8月1日：等环评" in shown


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"on": "2026-08-01"}, "请填写调整原因。"),
        ({"on": "", "reason": "等环评"}, "请选择日期。"),
        ({"on": "2026-07-20", "reason": "等环评"}, "计划日期没有变化。"),
    ],
)
def test_an_invalid_move_is_reported_at_its_field(zone, tracker, plan, values, sentence):
    plan(SIGNED, date(2026, 7, 20))

    answer = tracker.post(f"{zone.path}/plans/signed", data=values)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert values.get("reason", "") in answer.text


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kind": "signed", "on": ""}, "请选择日期。"),
        ({"kind": "lost", "on": "2026-08-01"}, "节点"),
        ({"kind": "nonsense", "on": "2026-08-01"}, "节点"),
    ],
)
def test_an_invalid_plan_is_reported(app, zone, tracker, values, sentence):
    answer = tracker.post(f"{zone.path}/plans", data=values)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert planned(app) == []


def test_an_unknown_milestone_is_not_found(zone, tracker):
    assert tracker.post(f"{zone.path}/plans/nonsense").status_code == 404


def test_an_overdue_milestone_says_by_how_many_days(zone, tracker, plan):
    plan(SIGNED, date(2026, 7, 10))
    plan(STARTED, date(2026, 7, 15))

    shown = tracker.get(zone.path).text

    assert "逾期 5 天" in shown
    assert "今天到期" in shown


def test_a_parked_lead_has_nothing_overdue(app, zone, tracker, plan):
    plan(SIGNED, date(2026, 7, 10))
    values = {"kind": "parked", "on": "2026-07-15", "reason": "暂缓"}
    values["look_again_on"] = "2026-09-01"
    tracker.post(f"{zone.path}/reach", data=values)

    shown = tracker.get(zone.path).text

    assert "项目已搁置" in shown
    assert "逾期 " not in shown


def test_a_reached_milestone_is_compared_with_its_plan_and_baseline(app, zone, tracker, plan):
    plan(LAND, date(2026, 7, 1))
    plan(LAND, date(2026, 7, 12), reason="等批文")
    plan(SIGNED, date(2026, 7, 12))
    with arranged(app) as db:
        for kind in (LAND, STARTED):
            make_milestone(db, zone.lead, kind, date(2026, 7, 11))

    shown = tracker.get(zone.path).text

    assert "7月11日完成，比计划早 1 天，比最初计划晚 10 天" in shown
    assert "已进入后续阶段，未单独登记" in shown
    assert 'action="/leads/1/plans/land"' not in shown


def test_who_only_sees_a_lead_sees_its_plan_and_does_not_change_it(app, zone, plan):
    plan(SIGNED, date(2026, 7, 10))
    stranger = sign_in(app, "stranger")
    values = {"kind": "land", "on": "2026-08-01"}

    shown = stranger.get(zone.path).text

    assert "逾期 5 天" in shown
    assert "安排节点" not in shown
    assert stranger.post(f"{zone.path}/plans", data=values).status_code == 404
    assert stranger.post(f"{zone.path}/plans/signed").status_code == 404
    assert len(planned(app)) == 1


def test_the_plan_of_a_hidden_lead_is_not_found(app, zone):
    stranger = sign_in(app, "stranger")

    assert stranger.post(f"/leads/{zone.hidden.id}/plans").status_code == 404


@pytest.mark.parametrize("ending", ["/plans", "/plans/signed"])
def test_without_login_each_page_redirects_to_login(client, zone, ending):
    assert client.post(zone.path + ending).headers["Location"].startswith("/login")
