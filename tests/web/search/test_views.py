"""The search of everything: its page and what its box shows (PROJECTS 2)."""

import pytest

from crm.leads.rules import Secrecy
from crm.people.rules import Role
from crm.supervision.rules import OrderState
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_alias,
    make_company,
    make_contact,
    make_lead,
    make_order,
    make_person,
    make_problem,
    make_unit,
    make_visit,
    sign_in,
)

CODE = "91310000MA1FL4Y19X"


@pytest.fixture(autouse=True)
def zone(app):
    """A restricted lead of the tracker's with all that hangs on it, and an open one."""
    with arranged(app) as db:
        bureau = make_unit(db, "招商局")
        tracker = make_person(db, "tracker", name="程思远", unit=bureau)
        make_person(db, "stranger", name="路过")
        make_person(db, "reader", role=Role.READER)
        make_person(db, "admin", role=Role.ADMIN)
        company = make_company(db, "长风重工", credit_code=CODE)
        make_alias(db, "长风曾用名", company)
        secret = {"secrecy": Secrecy.RESTRICTED, "unit": bureau, "tracker": tracker}
        lead = make_lead(db, "绝密项目", company=company, ref="L260701-SECRET", **secret)
        make_contact(db, company, "密联系人", lead=lead, phone="13912345678")
        given = {"city": "密城", "minutes": "绝密纪要", "ref": "V260714-SECRET"}
        make_visit(db, tracker, leads=[lead], **given)
        number = {"number_year": 2026, "number": 77, "code_word": "开督"}
        issued = {"state": OrderState.ISSUED, "issued_at": NOW, "due_on": NOW.date(), **number}
        make_order(db, bureau, officer=tracker, lead_id=lead.id, matter="绝密督办", **issued)
        make_problem(db, tracker, [lead], matter="绝密难题", ref="K260701-SECRET")
        make_lead(db, "公开项目", company=make_company(db, "云海科技"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("绝密项目", "绝密项目"),
        ("L260701-SECRET", "绝密项目"),
        ("长风", "长风重工"),
        ("长风曾用名", "长风重工"),
        (CODE, "长风重工"),
        ("密联系人", "长风重工"),
        ("13912345678", "密联系人"),
        ("V260714-SECRET", "7月14日"),
        ("绝密纪要", "7月14日"),
        ("密城", "7月14日"),
        ("绝密督办", "开督〔2026〕77号"),
        ("77号", "绝密督办"),
        ("绝密难题", "待受理"),
        ("K260701-SECRET", "绝密难题"),
    ],
)
def test_each_kind_is_found_by_whoever_may_see_it_and_by_nobody_else(app, text, shown):
    known, seen = (
        sign_in(app, who).get(f"/search/found?q={text}").text for who in ("tracker", "stranger")
    )

    assert shown in known
    assert "未找到与" in seen
    assert "role=" not in seen


@pytest.mark.parametrize(
    ("text", "first"),
    [("13912345678", "密联系人"), ("V260714-SECRET", "7月14日"), ("77", "绝密督办")],
)
def test_what_has_the_text_as_its_number_comes_first(app, text, first):
    with arranged(app) as db:
        make_lead(db, f"含{text}的项目")

    page = sign_in(app, "tracker").get(f"/search/found?q={text}").text

    assert page.index(first) < page.index(f"含{text}的项目")


def test_a_few_of_each_kind_lead_to_the_list_of_all(app):
    with arranged(app) as db:
        for number in range(6):
            make_lead(db, f"灯具产业园{number}期")

    page = sign_in(app, "stranger").get("/search/found?q=灯具").text

    assert page.count("产业园") == 5
    assert 'href="/leads?who=all&amp;q=%E7%81%AF%E5%85%B7"' in page


def test_people_lead_to_their_visits_and_before_an_admin_to_their_page(app):
    visits, page = (
        sign_in(app, who).get("/search/found?q=csy").text for who in ("stranger", "admin")
    )

    assert 'href="/visits?who=all&amp;q=%E7%A8%8B%E6%80%9D%E8%BF%9C"' in visits
    assert 'href="/admin/people/tracker"' in page


def test_what_is_not_found_is_named_with_what_to_do(app):
    page = sign_in(app, "stranger").get("/search?q=无此词").text

    assert "未找到与“无此词”有关的线索、企业、联系人、人员、拜访、督办单、困难问题。" in page
    assert 'href="/visits?who=all&amp;q=%E6%97%A0%E6%AD%A4%E8%AF%8D"' in page
    assert "可输入" in sign_in(app, "stranger").get("/search").text


def test_readers_have_no_box_and_the_signed_out_are_sent_to_sign_in(app):
    reader = sign_in(app, "reader")

    assert reader.get("/search?q=云海").status_code == 404
    assert "data-find" not in reader.get("/").text
    assert app.test_client().get("/search?q=云海").status_code == 302
