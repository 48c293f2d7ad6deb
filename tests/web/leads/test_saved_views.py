"""Saved views of the list of leads (PROJECTS 2)."""

import pytest

from crm.people.rules import Duty, Role
from tests.factories import arranged, make_person, make_unit, sign_in

VIEWS = "/leads/views"
ASKED = "stage=signed&sort=-amount"


@pytest.fixture
def units(app):
    with arranged(app) as db:
        bureau = make_unit(db, "招商局")
        other = make_unit(db, "经发局")
        make_person(db, "boss", role=Role.SUPERVISOR, unit=bureau, duty=Duty.DEPUTY)
        make_person(db, "below", unit=make_unit(db, "一组", parent=bureau))
        make_person(db, "stranger", unit=other)
        return bureau.id, other.id


def save(app, who, **values):
    client = sign_in(app, who)
    return client.post(VIEWS, data={"name": "签约项目", "query": ASKED, "unit_id": "", **values})


def test_a_view_is_saved_used_and_removed(app, units):
    answer = save(app, "below", query=f"{ASKED}&at=o_1&evil=1")

    assert answer.headers["Location"] == f"/leads?{ASKED}"
    below = sign_in(app, "below")
    assert "签约项目" in below.get("/leads").text
    assert "签约项目" not in sign_in(app, "boss").get("/leads").text
    assert "aria-current" in below.get(f"/leads?{ASKED}").text.split("view-menu")[1]
    below.post(f"{VIEWS}/1/remove")
    assert "签约项目" not in below.get("/leads").text


def test_a_supervisor_shares_a_view_with_a_unit_and_those_below(app, units):
    save(app, "boss", unit_id=units[0])

    assert "签约项目" in sign_in(app, "below").get("/leads").text
    assert "签约项目" not in sign_in(app, "stranger").get("/leads").text
    assert sign_in(app, "below").post(f"{VIEWS}/1/remove").status_code == 404


def test_what_may_not_be_saved_gets_its_sentence_and_keeps_what_was_typed(app, units):
    save(app, "below")

    again = save(app, "below")
    assert again.status_code == 422
    assert "已有同名视图" in again.text
    assert "sort=-amount" in again.text
    assert save(app, "boss", name="别人的", unit_id=units[1]).status_code == 422
    assert save(app, "below", name="共享的", unit_id=units[0]).status_code == 422


def test_readers_have_no_views_and_who_is_signed_out_is_asked_to_sign_in(app, units):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=None)

    assert sign_in(app, "reader").get(VIEWS).status_code == 404
    assert app.test_client().get(VIEWS).status_code == 302
