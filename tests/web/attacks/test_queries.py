"""SQL in what orders, filters, searches, dates or pages a list: no fault, and no row more."""

import pytest
from sqlalchemy import func, select

from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from tests.api.conftest import program_of
from tests.factories import arranged, make_lead, make_person, make_unit, make_visit, sign_in

SQL = [
    "' OR '1'='1",
    "1; DROP TABLE lead; --",
    "title) UNION SELECT password_hash FROM person --",
    "(CASE WHEN 1=1 THEN title ELSE ref END)",
    "Asia/Shanghai'; DELETE FROM visit; --",
    "%' ESCAPE '\\",
]
ASKED = {
    "/leads": ["sort", "q", "stage", "secrecy", "unit", "at", "industry", "tracker"],
    "/visits": ["q", "status", "kind", "from", "to", "at", "person", "sort"],
    "/followups": ["q", "view", "at", "sort"],
    "/companies": ["q", "sort", "at"],
    "/problems": ["q", "view", "state", "at", "sort"],
    "/calendar": ["on", "view", "unit", "tz"],
    "/compliance": ["period", "tab", "unit"],
    "/search": ["q"],
}
OF_PROGRAMS = {"/leads": ["sort", "stage", "cursor"], "/visits": ["from", "status", "tz"]}
SECRET = "Heron-hidden-7Q"


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        unit = make_unit(db)
        person = make_person(db, "lina", unit=unit)
        lead = make_lead(db, "可见项目", unit=unit, tracker=person)
        make_lead(db, SECRET, unit=unit, secrecy=Secrecy.RESTRICTED)
        make_visit(db, person, leads=[lead])


@pytest.mark.parametrize("text", SQL)
def test_sql_in_a_parameter_is_text_that_finds_nothing_more(app, lina, text):
    browser = sign_in(app, "lina")

    answers = {
        (path, name): browser.get(path, query_string={name: text})
        for path, names in ASKED.items()
        for name in names
    }

    assert {key for key, answer in answers.items() if answer.status_code >= 500} == set()
    assert {key for key, answer in answers.items() if SECRET in answer.text} == set()
    assert {key for key, answer in answers.items() if "argon2" in answer.text} == set()
    with arranged(app) as db:
        assert db.scalar(select(func.count(Lead.id))) == 2


@pytest.mark.parametrize("text", SQL)
def test_sql_in_a_parameter_of_the_api_is_refused_or_finds_nothing(app, lina, text):
    program = program_of(app, "lina")

    answers = [
        program.get(path, query_string={name: text})
        for path, names in OF_PROGRAMS.items()
        for name in names
    ]

    assert {answer.status_code for answer in answers} <= {200, 422}
    assert [answer for answer in answers if SECRET in answer.text] == []


@pytest.mark.parametrize("offset", ["+08:00' OR 1=1", "Asia/Shanghai'; DELETE FROM visit"])
def test_sql_in_a_time_zone_is_no_moment(app, lina, offset):
    sent = {"kind": "outreach", "city": "上海", "starts_at": f"2026-07-14T09:00:00{offset}"}

    answer = program_of(app, "lina").post("/visits", sent)

    assert answer.status_code == 422
    assert "#/starts_at" in {error["pointer"] for error in answer.json["errors"]}
