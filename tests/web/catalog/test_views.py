"""The pages of industries, sources and sites, and the sites offered to a lead (PROJECTS 1)."""

import pytest

from crm.cli import seeds
from crm.people.rules import Role
from tests.conftest import NOW
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in

CATALOG, SITES = "/admin/catalog", "/admin/sites"
SITE = {
    "name": "滨海智造园3号厂房",
    "kind": "plant",
    "area": "12000",
    "power": "2000",
    "is_offered": "y",
}
FORM = {"company": "澄屿半导体有限公司", "title": "封装测试项目", "secrecy": "open"}
STEPS = {"ref": "L-form", "stage": "lead", "entered_on": "2026-07-10"}


@pytest.fixture
def root(app):
    with arranged(app) as db:
        seeds.plant(db, now=NOW)
        make_person(db, "root", role=Role.ADMIN)
        make_person(db, "tracker", unit=make_unit(db, "招商局"))
    return sign_in(app, "root")


@pytest.fixture
def tracker(app, root):
    return sign_in(app, "tracker")


def test_an_industry_and_a_source_of_the_zone_can_be_chosen(root, tracker):
    root.post(f"{CATALOG}/industry/new", data={"name": "低空经济"})
    root.post(f"{CATALOG}/source/new", data={"name": "院士工作站"})

    form = tracker.get("/leads/new").text
    answer = tracker.post(
        "/leads/new", data=FORM | STEPS | {"industry": "industry-19", "source": "院士工作站"}
    )

    assert "低空经济" in form
    page = tracker.get(answer.location).text
    assert "低空经济" in page
    assert "院士工作站" in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("sNaN", "请填写数字。"),
        ("Infinity", "请填写数字。"),
        ("宽", "请填写数字。"),
        ("-5", "面积须大于 0，且不超过 1,000 万。"),
    ],
)
def test_an_area_that_is_none_gets_its_sentence(root, typed, sentence):
    page = root.post(f"{SITES}/new", data=SITE | {"area": typed})

    assert page.status_code == 422
    assert sentence in page.text


def test_what_is_no_longer_offered_stays_with_its_leads(root, tracker):
    url = tracker.post("/leads/new", data=FORM | STEPS | {"industry": "it"}).location

    root.post(f"{CATALOG}/1", data={"name": "信息技术", "position": "1"})

    assert 'value="it"' not in tracker.get("/leads/new").text
    assert "信息技术" in tracker.get(url).text
    assert 'value="it">信息技术' in tracker.get(f"{url}/edit").text


def test_a_source_of_before_there_was_a_list_is_kept(app, root, tracker):
    with arranged(app) as db:
        lead_id = make_lead(db, source="老同学介绍").id

    values = FORM | {"source": "老同学介绍", "title": "改名"}
    answer = root.post(f"/leads/{lead_id}/edit", data=values)

    assert "老同学介绍" in root.get(answer.location).text
    another = FORM | STEPS | {"company": "云海科技有限公司", "source": "老同学介绍"}
    refused = tracker.post("/leads/new", data=another)
    assert refused.status_code == 422
    assert "未找到该线索来源" in refused.text


def test_a_name_is_taken_once(root):
    answer = root.post(f"{CATALOG}/source/new", data={"name": "商会推荐"})

    assert answer.status_code == 422
    assert "这个名称已被使用" in answer.text


def test_a_site_is_offered_to_a_lead_and_stands_in_its_timeline(root, tracker):
    root.post(f"{SITES}/new", data=SITE)
    url = tracker.post("/leads/new", data=FORM | STEPS).location
    offer = {"site_id": "1", "on": "2026-07-14"}

    for _ in range(2):  # offered again, it is there once
        tracker.post(f"{url}/sites", data=offer)

    page = tracker.get(url).text
    assert page.count("<b>滨海智造园3号厂房</b>") == 1
    assert "12,000 平方米 2,000 kVA" in page
    assert "推荐载体：滨海智造园3号厂房" in page

    tracker.post(f"{url}/sites/1/withdraw")
    assert "滨海智造园3号厂房" not in tracker.get(url).text


def test_a_site_keeps_what_was_typed_where_it_is_refused(root):
    root.post(f"{SITES}/new", data=SITE | {"free_from": "2027-01-08"})

    answer = root.post(f"{SITES}/new", data=SITE | {"note": "南门旁"})

    assert answer.status_code == 422
    assert "这个名称已被使用" in answer.text
    assert "南门旁" in answer.text
    listed = root.get(SITES).text
    assert all(text in listed for text in ("12,000 平方米", "2027年1月8日"))


@pytest.mark.parametrize("path", [CATALOG, SITES])
def test_the_pages_are_for_admins(app, tracker, path):
    assert tracker.get(path).status_code == 404
    assert app.test_client().get(path).status_code == 302
