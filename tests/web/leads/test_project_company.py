"""Investor, project and project company are three things (PROJECTS 1)."""

import pytest

from tests.factories import arranged, make_person, make_unit, sign_in

CODE = "91350100M000100Y43"
FORM = {
    "ref": "L-form",
    "company": "澄屿半导体有限公司",
    "title": "封装测试项目",
    "stage": "lead",
    "entered_on": "2026-07-10",
    "secrecy": "open",
    "project_company": "澄屿（滨海）封测有限公司",
    "project_company_code": CODE.lower(),
}


@pytest.fixture
def tracker(app):
    with arranged(app) as db:
        make_person(db, "tracker", unit=make_unit(db, "招商局"))
    return sign_in(app, "tracker")


def test_a_lead_has_a_project_company_with_a_code_of_its_own(tracker):
    page = tracker.get(tracker.post("/leads/new", data=FORM).location).text

    assert all(name in page for name in ("澄屿半导体有限公司", "澄屿（滨海）封测有限公司", CODE))


@pytest.mark.parametrize("text", ["滨海）封测", "fcyxgs", CODE[:12]])
def test_a_lead_is_found_by_its_project_company(tracker, text):
    tracker.post("/leads/new", data=FORM)

    assert "封装测试项目" in tracker.get("/leads", query_string={"q": text}).text


def test_a_mistyped_code_is_refused_at_its_field(tracker):
    answer = tracker.post("/leads/new", data=FORM | {"project_company_code": CODE[:-1] + "4"})

    assert answer.status_code == 422
    assert 'id="project_company_code-error"' in answer.text or "信用代码" in answer.text
    assert "澄屿（滨海）封测有限公司" in answer.text
