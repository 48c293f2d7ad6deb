"""The page of proposed visits: for oneself, and for somebody in scope (ENTRY 3)."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.people.rules import Duty, Role
from crm.visits.models import Visit
from crm.visits.rules import Status
from tests.factories import (
    arranged,
    make_lead,
    make_person,
    make_regime,
    make_unit,
    make_visit,
    sign_in,
)

TODAY, DAY = date(2026, 7, 15), timedelta(days=1)
PAGE = "/visits/plan"


@pytest.fixture
def zone(app):
    """A deputy with three leads in Shanghai, the supervisor of the zone, and a principal."""
    with arranged(app) as db:
        make_regime(db)
        top = make_unit(db, "开发区")
        bureau = make_unit(db, "一局", parent=top)
        deputy = make_person(db, "tan", role=Role.LEADER, duty=Duty.DEPUTY, unit=bureau)
        make_person(db, "yan", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top)
        make_person(db, "wu", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=top)
        other = make_person(db)
        for n in range(3):
            lead = make_lead(db, f"项目{n}号", tracker=deputy)
            make_visit(db, other, TODAY - 20 * DAY, leads=[lead], city="上海")
        for n in range(4):
            make_visit(db, deputy, date(2026, 7, 1) + n * DAY)


def picks(page):
    return re.findall(r'name="pick" value="([^"]+)" checked', page)


def planned(app):
    with arranged(app) as db:
        return db.scalars(select(Visit).where(Visit.status == Status.PLANNED)).all()


def test_the_sentence_says_what_is_missing_and_how_many_are_proposed(app, zone):
    page = sign_in(app, "tan").get(PAGE).text

    assert "按规则还差 2 次，建议 3 家" in page
    assert "44 天未联系" not in page
    assert "20 天未联系" in page


def test_one_touch_plans_all_that_are_ticked_and_a_repeat_plans_nothing(app, zone):
    client = sign_in(app, "tan")
    sent = {"pick": picks(client.get(PAGE).text), "key": "V1"}

    answer = client.post(PAGE, data=sent, follow_redirects=True).text
    client.post(PAGE, data=sent)

    assert "已安排 3 家计划拜访" in answer
    assert len({visit.trip for visit in planned(app)}) == 1
    assert len(planned(app)) == 3
    assert "没有可建议的线索：名下 3 条均已安排" in client.get(PAGE).text


def test_what_changed_meanwhile_is_shown_again_and_nothing_is_planned(app, zone):
    client = sign_in(app, "tan")
    first, *_ = picks(client.get(PAGE).text)

    answer = client.post(PAGE, data={"pick": [first, "99:2026-07-16:am"], "key": "V1"})

    assert answer.status_code == 409
    assert picks(answer.text) == [first]
    assert planned(app) == []


def test_a_supervisor_plans_for_somebody_behind_from_the_figure(app, zone):
    client = sign_in(app, "wu")
    figure = client.get("/compliance/figure?rule=deputy-monthly&person=tan&period=2026-07").text
    page = f"{PAGE}?person=tan&until=month"
    assert page.replace("&", "&amp;") in figure

    client.post(page, data={"pick": picks(client.get(page).text), "key": "V1"})

    assert len(planned(app)) == 3


def test_a_figure_that_the_viewer_may_not_see_is_not_told(app, zone):
    page = sign_in(app, "wu").get(f"{PAGE}?person=yan").text

    assert "没有可建议的线索" in page
    assert "按规则" not in page


@pytest.mark.parametrize("person", ["tan", "nobody"])
def test_nobody_else_plans_for_a_person(app, zone, person):
    assert sign_in(app, "yan").get(f"{PAGE}?person={person}").status_code == 404


def test_without_signing_in_one_is_sent_to_the_door(client):
    assert client.get(PAGE).location.startswith("/login")


@pytest.mark.parametrize("forged", ["²", "9" * 5000])
def test_the_city_of_a_forged_lead_is_passed_over(app, zone, forged):
    answer = sign_in(app, "tan").post(PAGE, data={f"city-{forged}": "上海", "key": "V1"})

    assert "请至少选择一家" in answer.text
