"""A form that a script sends twice under one key is saved once, and answered alike."""

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from crm.base.answered_requests import KEPT_FOR, AnsweredRequest
from crm.base.audit import record
from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.people.models import LoginSession, Person
from crm.transactions import transaction
from crm.visits.rules import Status
from tests.conflicts import after_statement, before_first_write
from tests.conftest import NOW
from tests.factories import arranged, make_lead, make_person, make_visit, sign_in

KEY = "3f0e2c52-8f6b-4a53-9a0e-0d9b1a2c3d4e"


@pytest.fixture
def form(app):
    with arranged(app) as db:
        make_person(db, "gu")
        lina = make_person(db, "lina")
        lead = make_lead(db, "储存模组项目", tracker=lina)
        return {"lead_id": lead.id, "person_id": lina.id, "due_on": "2026-07-20"}


def send(browser, form, what="送测算表", key=KEY):
    form = {**form, "what": what}
    answer = browser.post("/followups/new", data=form, headers={"X-Request-Key": key})
    answer.close()  # as the server does when it is out
    return answer


def count(app):
    with arranged(app) as db:
        return db.scalar(select(func.count()).select_from(Followup))


def without_refs(page):
    """The page without what each of its forms makes anew."""
    return re.sub(r"F\d{6}-\w+", "", page)


def test_a_repeat_saves_nothing_and_leads_to_the_same_page(app, form):
    browser = sign_in(app, "lina")

    first = send(browser, form)
    message = without_refs(browser.get(first.location).text)
    again = send(browser, form)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.location == first.location
    assert without_refs(browser.get(again.location).text) == message
    assert count(app) == 1


def test_of_two_at_once_the_second_sees_the_first(app, sessions, form):
    def save_first():
        with transaction(sessions) as db:
            lina = db.get_one(Person, form["person_id"])
            values = {"content": "", "made_at": NOW, "location": "/followups"}
            db.add(AnsweredRequest(person_id=lina.id, key=KEY, **values))
            record(db, "person.changed", lina, by=lina, at=NOW)

    browser = sign_in(app, "lina")
    with before_first_write(app, save_first):
        answer = send(browser, form)

    assert (answer.status_code, answer.location) == (201, "/followups")
    assert count(app) == 0


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_what_the_first_of_two_at_once_refuses_is_answered_as_the_first(app, form):
    lead = {"company": "新材料公司", "title": "项目", "secrecy": "open", "stage": "lead"}
    lead |= {"entered_on": "2026-07-14"}
    browsers = [sign_in(app, "lina") for _ in range(2)]
    answers = []

    def enter(browser):
        answers.append(browser.post("/leads/new", data=lead, headers={"X-Request-Key": KEY}))
        answers[-1].close()

    with after_statement(app, "FROM answered_request", lambda: enter(browsers[1])):
        enter(browsers[0])

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].location == answers[1].location


def test_what_was_changed_since_is_not_taken_for_saved(app, form):
    browser = sign_in(app, "lina")
    first = send(browser, form)

    again = send(browser, form, what="送测算表和图纸")

    assert again.location == first.location
    assert "X-Differs" in again.headers
    assert "之后的修改未保存" in browser.get(again.location).text
    assert count(app) == 1


def test_a_refused_form_may_be_sent_again_under_its_key(app, form):
    browser = sign_in(app, "lina")

    refused = send(browser, form, what="")
    saved = send(browser, form)

    assert (refused.status_code, saved.status_code) == (422, 201)
    assert count(app) == 1


def test_what_leads_on_without_saving_says_so_and_why(app, form):
    with arranged(app) as db:
        visit = make_visit(
            db, db.get(Person, form["person_id"]), NOW.date(), status=Status.CANCELLED
        )
    browser = sign_in(app, "lina")

    answer = browser.post(f"/visits/{visit.id}/cancel", headers={"X-Request-Key": KEY})
    answer.close()

    assert (answer.status_code, answer.headers["X-Refused"]) == (409, "1")
    reason = re.search(r'class="empty-title">(.+?)</p>', answer.text)[1]
    assert reason in browser.get(answer.location).text


def test_the_key_of_one_person_says_nothing_of_anothers(app, form):
    send(sign_in(app, "lina"), form)

    send(sign_in(app, "gu"), form)

    with arranged(app) as db:
        assert db.scalar(select(func.count()).select_from(AnsweredRequest)) == 2


def test_an_ended_session_asks_to_sign_in(app, form):
    browser = sign_in(app, "lina")
    with arranged(app) as db:
        db.execute(update(LoginSession).values(ended_at=NOW))

    answer = send(browser, form)

    assert answer.status_code == 401
    assert answer.location.startswith("/login")
    assert count(app) == 0


def test_keys_are_forgotten_after_a_month(app, form):
    browser, later = sign_in(app, "lina"), f"{KEY[:-2]}00"
    send(browser, form)
    with arranged(app) as db:
        db.execute(update(AnsweredRequest).values(made_at=NOW - 2 * KEPT_FOR))

    send(browser, form, key=later)

    with arranged(app) as db:
        assert db.scalars(select(AnsweredRequest.key)).all() == [later]


def test_a_late_repeat_shows_no_messages_of_then(app, form):
    browser = sign_in(app, "lina")
    browser.get(send(browser, form).location)

    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        page = browser.get(send(browser, form).location).text

    assert "已保存，未重复提交。" in page
    assert "跟进已添加。" not in page


def test_a_repeat_shows_no_messages_once_rights_or_leads_have_changed(app, form):
    browser = sign_in(app, "lina")
    browser.get(send(browser, form).location)
    with arranged(app) as db:
        lead, wu = db.get_one(Lead, form["lead_id"]), make_person(db, "wu")
        record(db, "lead.changed", lead, by=wu, at=NOW + timedelta(minutes=1))

    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        page = browser.get(send(browser, form).location).text

    assert "已保存，未重复提交。" in page
    assert "跟进已添加。" not in page
