"""The page of 三员分立, and what each of the three may open."""

import pytest

from crm.people.rules import Duty, Role
from tests.factories import arranged, make_person, sign_in

PAGE = "/admin/duties"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        for name, role in (
            ("root", Role.ADMIN),
            ("secure", Role.SECURITY_ADMIN),
            ("heng", Role.AUDITOR),
        ):
            make_person(db, name, role=role, duty=Duty.STAFF, password_hash="x")
    return {name: sign_in(app, name) for name in ("root", "secure", "heng")}


def test_an_admin_separates_the_duties_and_keeps_the_system(zone):
    answer = zone["root"].post(f"{PAGE}/separate", follow_redirects=True)

    assert "三员分立已启用" in answer.text
    assert "/admin/units" in answer.text
    assert zone["root"].get("/admin/people").status_code == 404
    assert zone["root"].get("/leads").status_code == 404


def test_each_of_the_three_sees_what_is_theirs_and_nothing_else(zone):
    zone["root"].post(f"{PAGE}/separate")
    pages = ("/admin/mail-server", "/admin/sign-in", "/admin/audit")

    opened = {
        who: [page for page in pages if client.get(page).status_code == 200]
        for who, client in zone.items()
    }

    assert opened == {"root": [pages[0]], "secure": [pages[1]], "heng": [pages[2]]}


def test_it_is_refused_in_a_plain_sentence_while_a_duty_has_nobody(app, zone):
    assert zone["secure"].post("/admin/people/heng/disable").status_code == 302

    answer = zone["root"].post(f"{PAGE}/separate", follow_redirects=True)

    assert "尚不能启用：审计尚无能登录的人员" in answer.text


def test_it_ends_by_the_security_admin_with_a_reason(zone):
    zone["root"].post(f"{PAGE}/separate")

    refused = zone["secure"].post(f"{PAGE}/unite", data={"why": ""})
    ended = zone["secure"].post(f"{PAGE}/unite", data={"why": "人员不足"}, follow_redirects=True)

    assert refused.status_code == 422
    assert "请填写停用原因" in refused.text
    assert "三员分立已停用" in ended.text
    assert "未启用" in ended.text


def test_the_security_admin_adds_people_and_sees_none_of_their_business(zone):
    zone["root"].post(f"{PAGE}/separate")
    form = {"username": "wang", "name": "王工", "role": "recruiter"}

    assert zone["secure"].post("/admin/people/new", data=form).status_code == 302
    page = zone["secure"].get("/admin/people/wang").text
    assert "停用账号" in page
    assert "/handover/" not in page
    made = zone["secure"].post("/admin/people/new", data=form | {"username": "li", "role": "admin"})
    assert "三员分立已启用" in made.text
