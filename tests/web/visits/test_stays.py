"""A stay under way counts day by day, and a supervisor need not wait for its end (REGIME 3)."""

from datetime import date, timedelta

import pytest
import time_machine

from crm.people.rules import Duty, Role
from crm.visits.models import Visit
from crm.visits.rules import Kind, Status, Verdict
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_person,
    make_regime,
    make_unit,
    make_visit,
    sign_in,
)

FIGURE = "/compliance/figure?rule=recruiter-monthly&person=liwei&period=2026-07"


@pytest.fixture
def stay(app):
    """Liwei's planned stay from 6 to 24 July; it is the 15th."""
    with arranged(app) as db:
        make_regime(db)
        unit = make_unit(db)
        liwei = make_person(db, "liwei", unit=unit)
        make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        return make_visit(
            db, liwei, date(2026, 7, 6), days=19, kind=Kind.RESIDENCY, status=Status.PLANNED
        ).id


def send_back(app, visit_id):
    client = sign_in(app, "boss")
    client.post(f"/visits/{visit_id}/reject", data={"reason": "人不在当地"})
    return client


def test_a_stay_under_way_can_be_sent_back_and_counts_no_longer(app, stay):
    page = send_back(app, stay).get("/").text

    assert "本月驻城天数 9/20 → 0/20" in page
    assert "已被督查人员退回：人不在当地" in sign_in(app, "liwei").get(FIGURE).text


def test_the_page_of_a_stay_under_way_offers_to_confirm_it_or_send_it_back(app, stay):
    client = sign_in(app, "boss")

    page = client.get(f"/visits/{stay}").text

    assert f"/visits/{stay}/reject" in page
    assert f"/visits/{stay}/confirm" in page
    assert "查看并核定" in client.get(FIGURE).text


def test_a_stay_that_was_sent_back_counts_once_it_is_done_and_confirmed(app, stay):
    send_back(app, stay)
    with time_machine.travel(NOW + timedelta(days=10), tick=False):
        sign_in(app, "liwei").post(f"/visits/{stay}/done")
        sign_in(app, "boss").post(f"/visits/{stay}/confirm")

        assert "计 19 天" in sign_in(app, "liwei").get(FIGURE).text
    with arranged(app) as db:
        visit = db.get_one(Visit, stay)
        assert (visit.status, visit.verdict) == (Status.DONE, Verdict.CONFIRMED)


def test_a_stay_that_has_not_begun_is_not_judged(app, stay):
    first = date(2026, 7, 16)
    with arranged(app) as db:
        other = db.get_one(Visit, stay)
        other.first_on = first
        other.starts_at += first - date(2026, 7, 6)
        other.ends_at = other.starts_at + timedelta(days=4)
        other.last_on = first + timedelta(days=4)

    client = send_back(app, stay)

    assert "进行中的驻城可以退回" in client.get("/").text
    assert f"/visits/{stay}/reject" not in client.get(f"/visits/{stay}").text
