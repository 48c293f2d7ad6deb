"""The page of tokens: each is shown once, and ended by its owner or an admin."""

import re

import pytest
from sqlalchemy import select

from crm.people.models import ApiToken
from crm.people.rules import Role
from tests.api.conftest import Program, program_of
from tests.factories import arranged, make_person, sign_in

FORM = {"name": "考勤系统", "scopes": ["read", "visits"], "days": "30"}


@pytest.fixture
def browser(app):
    with arranged(app) as db:
        make_person(db, "lina")
    return sign_in(app, "lina")


def shown_token(page):
    return re.search(r'value="(crm_[\w-]{43})"', page.text)[1]


def test_a_token_is_shown_once_and_works(app, browser):
    token = shown_token(browser.post("/me/tokens", data=FORM))

    assert Program(app.test_client(), token).get("/visits").status_code == 200
    page = browser.get("/me/tokens").text
    assert token not in page
    assert "考勤系统" in page
    with arranged(app) as db:
        kept = db.scalars(select(ApiToken)).one()
    assert token not in (kept.token_hash, kept.name)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [({"name": ""}, "请填写用途。"), ({"scopes": []}, "请至少选择一项。")],
)
def test_a_form_that_lacks_something_is_refused_at_its_field(app, browser, sent, sentence):
    answer = browser.post("/me/tokens", data=FORM | sent)

    assert answer.status_code == 422
    assert sentence in answer.text
    with arranged(app) as db:
        assert db.scalars(select(ApiToken)).all() == []


def test_a_token_lasts_a_year_at_most(browser):
    assert browser.post("/me/tokens", data=FORM | {"days": "366"}).status_code == 422


def test_its_owner_ends_a_token_and_nobody_else_does(app, browser):
    program = Program(app.test_client(), shown_token(browser.post("/me/tokens", data=FORM)))
    with arranged(app) as db:
        make_person(db, "gu")
        token_id = db.scalar(select(ApiToken.id))

    assert sign_in(app, "gu").post(f"/me/tokens/{token_id}/end").status_code == 404
    assert program.get("/visits").status_code == 200
    assert browser.post(f"/me/tokens/{token_id}/end").status_code == 302
    assert program.get("/visits").status_code == 401


def test_an_admin_ends_all_tokens_of_a_person(app, browser):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=None)
    program, admin = program_of(app, "lina"), sign_in(app, "root")

    assert "1 个" in admin.get("/admin/people/lina").text
    admin.post("/admin/people/lina/end-tokens")

    assert program.get("/visits").status_code == 401


def test_only_who_reads_the_trail_is_offered_a_token_for_it(app, browser):
    with arranged(app) as db:
        make_person(db, "heng", role=Role.AUDITOR, duty=None)
    auditor, label = sign_in(app, "heng"), "查阅操作记录"

    assert label in auditor.get("/me/tokens").text
    assert label not in browser.get("/me/tokens").text
    assert browser.post("/me/tokens", data=FORM | {"scopes": ["audit"]}).status_code == 422
