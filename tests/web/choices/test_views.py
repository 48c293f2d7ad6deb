"""What lists of forms ask the server for: bounded, and nothing that the viewer may not know of."""

import pytest

from crm.base.choices import MOST_FOUND
from crm.leads.rules import Secrecy
from crm.people.rules import Role
from tests.factories import arranged, make_company, make_lead, make_person, make_unit, sign_in


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        return make_person(db, "lina", name="李娜", unit=make_unit(db, "招商一处"))


@pytest.fixture
def at_linas(app, lina):
    return sign_in(app, "lina")


def test_people_are_found_with_their_unit(at_linas, lina):
    answer = at_linas.get("/choices/people?q=ln")

    assert answer.json == {
        "found": [{"value": str(lina.id), "text": "李娜", "note": "招商一处"}],
        "has_more": False,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_prefix_tells_people_from_units(at_linas, lina):
    answer = at_linas.get("/choices/people?q=ln&prefix=p")

    assert answer.json["found"][0]["value"] == f"p{lina.id}"


def test_a_blank_text_finds_nothing(at_linas):
    assert at_linas.get("/choices/people?q=%20").json == {"found": [], "has_more": False}
    assert at_linas.get("/choices/leads").json == {"found": [], "has_more": False}


def test_an_unknown_group_is_that_of_colleagues(at_linas):
    answer = at_linas.get("/choices/people?q=ln&group=x&without=x")

    assert len(answer.json["found"]) == 1


def test_no_more_than_a_screenful_is_found(app, at_linas):
    with arranged(app) as db:
        for number in range(MOST_FOUND + 1):
            make_person(db, name=f"赵{number}")

    answer = at_linas.get("/choices/people?q=赵").json

    assert (len(answer["found"]), answer["has_more"]) == (MOST_FOUND, True)


def test_leads_are_found_by_company_and_reference(app, at_linas):
    with arranged(app) as db:
        lead = make_lead(db, "储存模组项目", company=make_company(db, "云海科技"))

    for text in ("云海", "yhkj", "储存模组", lead.ref):
        found = at_linas.get("/choices/leads", query_string={"q": text}).json["found"]
        assert found == [{"value": str(lead.id), "text": "储存模组项目", "note": "云海科技"}]


def test_a_lead_is_left_out_where_the_form_asks_so(app, at_linas):
    with arranged(app) as db:
        lead = make_lead(db, "一期项目")

    answer = at_linas.get(f"/choices/leads?q=一期&without={lead.id}")

    assert answer.json["found"] == []


def test_a_hidden_lead_is_not_found_by_anything(app, at_linas):
    with arranged(app) as db:
        company = make_company(db, "云海科技", group_name="云海集团")
        lead = make_lead(db, "秘密项目", secrecy=Secrecy.RESTRICTED, company=company)

    for text in ("秘密", "云海", "云海集团", lead.ref, lead.code_name):
        answer = at_linas.get("/choices/leads", query_string={"q": text})
        assert answer.json == {"found": [], "has_more": False}


def test_a_reader_finds_people_and_no_leads(app):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER)
        make_person(db, name="李娜")
        make_lead(db, "公开项目")
    at_readers = sign_in(app, "reader")

    assert len(at_readers.get("/choices/people?q=李娜").json["found"]) == 1
    assert at_readers.get("/choices/leads?q=公开").status_code == 404


@pytest.mark.parametrize("kind", ["people", "leads"])
def test_who_is_not_signed_in_must_sign_in(client, kind):
    assert client.get(f"/choices/{kind}?q=a").location.startswith("/login")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("text=周三", {"shown": "2026年7月15日 周三"}),
        ("text=周二", {"shown": "2026年7月14日 周二"}),
        ("text=周二&ahead=1", {"shown": "2026年7月21日 周二"}),
        ("text=2月30日", {"error": "没有这一天，请核对月份和日期。"}),
        ("text=2点半&as=time", {"shown": "14:30"}),
    ],
)
def test_a_field_shows_how_what_was_typed_is_read(at_linas, asked, answer):
    assert at_linas.get(f"/choices/date?{asked}").json == answer
