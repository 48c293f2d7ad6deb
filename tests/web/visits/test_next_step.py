"""The next step of a visit is offered as a follow-up of its leads, and saved once it was seen."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.followups.models import Followup
from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role
from crm.visits.rules import Status
from tests.conftest import NOW
from tests.factories import arranged, make_followup, make_lead, make_person, make_visit, sign_in

OFFER = "设为跟进"
DUE_ON = date(2026, 7, 20)


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        return make_person(db, "lina", name="李娜")


@pytest.fixture
def lead(app):
    with arranged(app) as db:
        return make_lead(db, "晶圆基地")


@pytest.fixture
def visit(app, lina, lead):
    return given(app, lina, [lead])


def given(app, leader, leads, next_step="送测算表（7月20日前）", **values):
    with arranged(app) as db:
        on = date(2026, 7, 14)
        return make_visit(db, leader, on, leads=leads, next_step=next_step, **values)


def page_of(client, visit):
    return client.get(f"/visits/{visit.id}").text


def form_of(client, lead, visit):
    return client.get(f"/followups/new?lead={lead.id}&visit={visit.id}").text


def steps(app):
    with arranged(app) as db:
        return list(db.scalars(select(Followup)))


def test_the_next_step_opens_the_form_of_a_followup_filled_in(app, at_linas, lead, visit):
    assert f'href="/followups/new?lead={lead.id}&amp;visit={visit.id}"' in page_of(at_linas, visit)

    form = form_of(at_linas, lead, visit)

    assert f'selected value="{lead.id}"' in form
    assert 'value="送测算表"' in form
    assert 'value="2026年7月20日' in form
    assert steps(app) == []


def test_saving_leads_back_to_the_visit_which_offers_it_no_more(app, at_linas, lina, lead, visit):
    answer = at_linas.post(
        f"/followups/new?lead={lead.id}&visit={visit.id}",
        data={
            "lead_id": lead.id,
            "person_id": lina.id,
            "what": "送测算表",
            "due_on": DUE_ON.isoformat(),
        },
    )

    assert answer.location == f"/visits/{visit.id}"
    assert OFFER not in page_of(at_linas, visit)
    assert [(step.what, step.due_on) for step in steps(app)] == [("送测算表", DUE_ON)]


def test_a_step_without_a_date_is_due_as_any_followup(app, at_linas, lina, lead):
    visit = given(app, lina, [lead], "送测算表")

    form = form_of(at_linas, lead, visit)

    assert 'value="送测算表"' in form
    assert 'value="2026年7月22日' in form


def test_it_is_offered_again_once_the_followup_is_done(app, at_linas, lina, lead, visit):
    with arranged(app) as db:
        make_followup(db, lead, lina, DUE_ON, what="送测算表", done_at=NOW)

    assert OFFER in page_of(at_linas, visit)


def test_each_lead_without_that_followup_is_offered_by_its_name(app, at_linas, lina, lead):
    with arranged(app) as db:
        other = make_lead(db, "封测基地")
        make_followup(db, other, lina, DUE_ON, what="送测算表")
        make_followup(db, lead, lina, DUE_ON, what="电话回访")
    visit = given(app, lina, [lead, other])

    page = page_of(at_linas, visit)

    assert f"{OFFER}：晶圆基地" in page
    assert f"{OFFER}：封测基地" not in page


def test_a_hidden_lead_is_not_offered(app, at_linas, lina, lead):
    with arranged(app) as db:
        secret = make_lead(db, "某芯片总部", code_name="七号项目", secrecy=Secrecy.RESTRICTED)
    visit = given(app, lina, [lead, secret])

    page = page_of(at_linas, visit)

    assert f"{OFFER}：晶圆基地" in page
    assert page.count(OFFER) == 1


def test_whoever_may_not_read_the_words_is_offered_and_told_nothing(app, lina, lead):
    with arranged(app) as db:
        make_person(db, "other")
        secret = make_lead(db, "某芯片总部", secrecy=Secrecy.RESTRICTED)
    visit = given(app, lina, [lead, secret])
    client = sign_in(app, "other")

    assert OFFER not in page_of(client, visit)
    assert "送测算表" not in form_of(client, lead, visit)


def test_a_colleague_who_sees_the_lead_is_offered_it_as_on_the_lead(app, lead, visit):
    with arranged(app) as db:
        make_person(db, "other")

    assert OFFER in page_of(sign_in(app, "other"), visit)


def test_a_reader_has_neither_the_visit_nor_the_form(app, lead, visit):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=Duty.STAFF)
    client = sign_in(app, "reader")

    assert client.get(f"/visits/{visit.id}").status_code == 404
    assert client.get(f"/followups/new?lead={lead.id}&visit={visit.id}").status_code == 404


@pytest.mark.parametrize(
    "values", [{"status": Status.CANCELLED}, {"next_step": None}], ids=["cancelled", "no step"]
)
def test_it_is_not_offered(app, at_linas, lina, lead, values):
    visit = given(app, lina, [lead], **values)

    assert OFFER not in page_of(at_linas, visit)


def test_a_visit_without_leads_offers_nothing(app, at_linas, lina):
    assert OFFER not in page_of(at_linas, given(app, lina, []))


@pytest.mark.parametrize("visit_id", ["x", "0", "-1", "999999", "9" * 30, ""])
def test_a_wrong_visit_in_the_address_is_passed_over(at_linas, lead, visit_id):
    answer = at_linas.get(f"/followups/new?lead={lead.id}&visit={visit_id}")

    assert answer.status_code == 200
    assert f'href="/leads/{lead.id}"' in answer.text
