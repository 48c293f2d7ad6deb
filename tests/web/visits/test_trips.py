"""Pages of trips: linked from a visit, filled in later, hidden from strangers."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.people.rules import Duty
from crm.visits.models import Trip, Visit
from tests.factories import arranged, make_person, make_visit, sign_in
from tests.web.visits.test_views import FORM

REF = "批〔2026〕7号"
TOLD = {
    "destination": "深圳",
    "first_on": "2026-07-13",
    "last_on": "2026-07-15",
    "approval": "通开出〔2026〕31号",
}


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        return make_person(db, "lina", name="李娜", duty=Duty.DEPUTY)


@pytest.fixture
def page(app, at_linas, lina):
    """The address of the trip that a visit of hers named."""
    at_linas.post("/visits/new", data=FORM | {"leader_id": lina.id, "trip": REF})
    with arranged(app) as db:
        return f"/trips/{db.scalars(select(Trip.id)).one()}"


def test_a_visit_leads_to_its_trip_and_the_trip_to_its_visits(app, at_linas, page):
    with arranged(app) as db:
        visit = f"/visits/{db.scalars(select(Visit.id)).one()}"

    assert f'href="{page}"' in at_linas.get(visit).text
    assert f'href="{page}"' in at_linas.get("/trips").text
    assert f'href="{visit}' in at_linas.get(page).text


def test_a_trip_is_filled_in_later(at_linas, page):
    bare = at_linas.get(page).text

    saved = at_linas.post(f"{page}/edit", data=TOLD, follow_redirects=True)

    assert "尚未填写，不影响拜访计数" in bare
    assert all(text in saved.text for text in ("深圳", "7月13日至15日", "通开出〔2026〕31号"))


def test_a_visit_beyond_the_days_is_a_hint_only(app, at_linas, lina, page):
    at_linas.post(f"{page}/edit", data=TOLD)
    with arranged(app) as db:
        make_visit(db, lina, on=date(2026, 7, 10), trip=REF)

    assert "有 1 次拜访不在批次的日期之内" in at_linas.get(page).text


def test_dates_in_the_wrong_order_are_reported_at_their_field_and_kept(at_linas, page):
    answer = at_linas.post(f"{page}/edit", data=TOLD | {"last_on": "2026-07-01"})

    assert answer.status_code == 422
    assert "结束日期早于开始日期。" in answer.text
    assert 'value="2026年7月1日 周三"' in answer.text


def test_the_form_of_a_visit_offers_it(at_linas, page):
    assert f'<option value="{REF}">' in at_linas.get("/visits/new").text


def test_who_sees_none_of_its_visits_does_not_find_a_trip(app, page):
    with arranged(app) as db:
        make_person(db, "stranger")
    strangers = sign_in(app, "stranger")

    answers = [strangers.get(page), strangers.get(f"{page}/edit"), strangers.post(f"{page}/edit")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert REF not in strangers.get("/trips").text


def test_without_login_each_page_redirects_to_login(app, page):
    assert app.test_client().get(page).location.startswith("/login")
