"""The companies met on the form and the page of a visit (REGIME 3)."""

from datetime import date
from urllib.parse import quote

import pytest
from sqlalchemy import select

from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.visits.companies import companies_of
from crm.visits.fields import CompanyMet
from crm.visits.models import Visit
from crm.visits.rules import Counterpart
from tests.factories import arranged, make_company, make_lead, make_person, make_visit, sign_in
from tests.web.visits.test_views import FORM


@pytest.fixture
def known(app):
    """The ids of a recruiter and a company."""
    with arranged(app) as db:
        lina = make_person(db, "lina", name="李娜")
        hidden = make_company(db, "华芯存储有限公司")
        make_lead(db, secrecy=Secrecy.RESTRICTED, company=hidden)
        return lina.id, make_company(db, "南通华芯电子有限公司").id


def rows(*companies):
    return {
        f"companies-{number}-{name}": value
        for number, company in enumerate(companies)
        for name, value in ({"counterpart": "enterprise"} | company).items()
    }


def test_a_form_takes_companies_with_whom_one_met_there(app, known):
    lina, company = known
    client = sign_in(app, "lina")
    first = {"company": f"#{company}", "met": "韩总", "position": "总裁"}
    second = {"company": "市半导体商会", "met": "王女士", "counterpart": "chamber"}

    sent = {**FORM, "leader_id": lina, **rows(first, second, {"company": ""})}
    page = client.post("/visits/new", data=sent, follow_redirects=True).text

    with arranged(app) as db:
        stored = companies_of(db, db.scalars(select(Visit.id)).one())
    assert stored == (
        CompanyMet(company, met="韩总", position="总裁"),
        CompanyMet(name="市半导体商会", met="王女士", counterpart=Counterpart.CHAMBER),
    )
    assert f'href="/companies/{company}"' in page
    assert "南通华芯电子有限公司、市半导体商会" in page  # the title
    assert "会见：韩总 总裁" in page


def test_two_people_who_change_the_companies_are_warned(app, known):
    lina, company = known
    client = sign_in(app, "lina")
    sent = {**FORM, "leader_id": lina, **rows({"company": f"#{company}"})}
    url = client.post("/visits/new", data=sent).location + "/edit"
    opened = client.get(url).text
    seen = opened.split('name="seen" type="hidden" value="')[1].split('"')[0]
    client.post(url, data=sent | rows({"company": "某商会"}))

    answer = client.post(url, data=sent | rows({"company": "某厂"}) | {"seen": seen})

    assert answer.status_code == 409
    assert "已改为：某商会" in answer.text


def test_without_script_another_row_and_a_search_come_back_with_what_was_typed(app, known):
    lina, company = known
    client = sign_in(app, "lina")
    sent = {**FORM, "leader_id": lina, "do": "another-company", **rows({"company": "某商会"})}

    more = client.post("/visits/new", data=sent)
    sent |= {"do": "", "find-companies-0-company": "hxdz"}
    found = client.post("/visits/new", data=sent).text

    assert more.status_code == 422
    assert 'name="companies-1-company"' in more.text
    assert 'value="某商会"' in more.text
    assert f'value="#{company}"' in found


def test_a_search_tells_nothing_of_hidden_companies(app, known):
    _, company = known

    answer = sign_in(app, "lina").get("/choices/companies?q=华芯")

    assert [row["value"] for row in answer.json["found"]] == [f"#{company}"]
    assert app.test_client().get("/choices/companies?q=华芯").status_code == 302


def test_of_a_company_met_twice_one_touch_opens_the_form_of_a_lead(app, known):
    lina, _ = known
    with arranged(app) as db:
        me = db.get_one(Person, lina)
        for day in (13, 14):
            make_visit(db, me, date(2026, 7, day), companies=[CompanyMet(name="某厂")])
    client = sign_in(app, "lina")
    url = "/leads/new?company_name=某厂"

    pages = client.get("/visits/1").text, client.get("/").text

    assert all(f'href="{quote(url, safe="/?=")}"' in page for page in pages)
    assert 'value="某厂"' in client.get(url).text
    assert "2 批、2 家次" in client.get("/visits").text
    assert "某厂" in client.get("/visits?q=某厂").text.split("<tbody>")[1]


def test_the_page_of_a_company_lists_the_visits_at_which_it_was_met(app, known):
    lina, company = known
    with arranged(app) as db:
        me, other = db.get_one(Person, lina), make_person(db, "wu")
        named = CompanyMet(name="南通华芯电子有限公司")
        visits = [
            make_visit(db, me, companies=[CompanyMet(company)]),
            make_visit(db, me, companies=[named]),
            make_visit(db, other, companies=[named]),
        ]
        ids = [visit.id for visit in visits]

    page = sign_in(app, "lina").get(f"/companies/{company}").text

    assert [f'href="/visits/{visit_id}"' in page for visit_id in ids] == [True, True, False]
