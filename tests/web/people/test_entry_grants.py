"""Pages by which others are let to enter one's visits, and what they see then (代录)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.leads.rules import Secrecy
from crm.people.models import EntryGrant
from crm.people.rules import Duty, Role
from crm.visits.models import Visit
from crm.visits.rules import Status
from tests.factories import arranged, make_grant, make_lead, make_person, make_visit, sign_in

FORM = {
    "ref": "V-form",
    "kind": "outreach",
    "channel": "in_person",
    "status": "done",
    "first_on": "2026-07-14",
    "starts": "09:00",
    "ends": "11:00",
    "city": "苏州",
}


@pytest.fixture
def owner(app):
    with arranged(app) as db:
        return make_person(db, "owner", name="单书记", role=Role.LEADER, duty=Duty.PRINCIPAL)


@pytest.fixture
def agent(app):
    with arranged(app) as db:
        return make_person(db, "agent", name="季文员")


def given(app, owner, agent):
    with arranged(app) as db:
        return make_grant(db, owner, agent)


def grants(app):
    with arranged(app) as db:
        return list(db.scalars(select(EntryGrant)))


def test_one_grants_it_and_both_see_it(app, owner, agent):
    client = sign_in(app, "owner")
    sent = {"agent_id": agent.id, "from_on": "2026-07-15", "to_on": ""}

    answer = client.post("/me/entry-grants/new", data=sent)

    assert answer.location == "/me"
    assert "季文员" in client.get("/me").text
    assert "您可以为单书记代录拜访：7月15日起。" in sign_in(app, "agent").get("/").text


def test_what_is_refused_stands_at_its_field_and_nothing_is_lost(app, owner, agent):
    sent = {"agent_id": agent.id, "from_on": "2026-07-20", "to_on": "2026-07-16"}

    answer = sign_in(app, "owner").post("/me/entry-grants/new", data=sent)

    assert answer.status_code == 422
    assert "2026年7月20日" in answer.text
    assert grants(app) == []


def test_one_ends_it_and_the_other_is_told(app, owner, agent):
    grant = given(app, owner, agent)

    sign_in(app, "owner").post(f"/me/entry-grants/{grant.id}/end")

    assert grants(app)[0].ended_by_id == owner.id
    assert (
        "您为单书记代录拜访的授权已于 7月15日 10:00 结束。" in sign_in(app, "agent").get("/").text
    )


def test_nobody_ends_the_grant_of_another(app, owner, agent):
    grant = given(app, owner, agent)

    answer = sign_in(app, "agent").post(f"/me/entry-grants/{grant.id}/end")

    assert answer.status_code == 404
    assert grants(app)[0].ended_at is None


def test_an_admin_grants_and_ends_it_on_the_page_of_the_person(app, owner, agent):
    with arranged(app) as db:
        make_person(db, "admin", role=Role.ADMIN)
    client, page = sign_in(app, "admin"), "/admin/people/owner"
    client.post(f"{page}/entry-grants/new", data={"agent_id": agent.id, "from_on": "2026-07-15"})
    assert "季文员" in client.get(page).text

    client.post(f"{page}/entry-grants/{grants(app)[0].id}/end")

    assert grants(app)[0].ended_at is not None


def test_pages_of_others_are_for_admins_and_for_those_signed_in(app, owner, agent, client):
    page = "/admin/people/owner/entry-grants/new"

    assert sign_in(app, "agent").get(page).status_code == 404
    assert client.get("/me/entry-grants/new").location == "/login?next=/me/entry-grants/new"


def test_whoever_enters_for_another_picks_for_whom_and_does_not_take_part(app, owner, agent):
    given(app, owner, agent)
    client = sign_in(app, "agent")
    form = client.get("/visits/new").text
    assert "为谁登记" in form
    assert '<option selected value="">' in form  # of the leader: a browser picks nobody by itself

    answer = client.post("/visits/new", data={**FORM, "for_id": owner.id, "leader_id": ""})

    with arranged(app) as db:
        visit = db.scalars(select(Visit)).one()
        assert (visit.leader_id, visit.entered_by_id) == (owner.id, agent.id)
    for page in (answer.location, "/visits?who=all"):
        assert "由 季文员 代录" in client.get(page).text


def test_nobody_leads_a_visit_unchosen(app, owner, agent):
    given(app, owner, agent)

    answer = sign_in(app, "agent").post("/visits/new", data={**FORM, "leader_id": ""})

    assert answer.status_code == 422
    assert "请选择带队人。" in answer.text


def test_whoever_enters_for_nobody_is_asked_for_nobody(app, agent):
    assert "为谁登记" not in sign_in(app, "agent").get("/visits/new").text


def test_of_words_that_are_hidden_the_page_does_not_say_that_there_are_none(app, owner, agent):
    given(app, owner, agent)
    with arranged(app) as db:
        lead = make_lead(db, tracker=owner, secrecy=Secrecy.RESTRICTED)
        visit_id = make_visit(db, owner, leads=[lead], minutes="机密洽谈").id

    page = sign_in(app, "agent").get(f"/visits/{visit_id}").text

    assert "洽谈内容不在您的查看权限内" in page
    assert "尚未填写" not in page


def test_my_day_shows_the_plans_of_those_i_enter_for_apart_and_settles_them(app, owner, agent):
    given(app, owner, agent)
    with arranged(app) as db:
        visit = make_visit(db, owner, date(2026, 7, 10), status=Status.PLANNED, city="无锡")
    client = sign_in(app, "agent")

    page = client.get("/").text
    client.post(f"/visits/{visit.id}/done", data={"back": "/"})

    assert "代录：单书记" in page
    assert "无锡" in page
    with arranged(app) as db:
        assert db.get_one(Visit, visit.id).status is Status.DONE
