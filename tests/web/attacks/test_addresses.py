"""What a request says of its host and its proxy moves no link, in pages, mails or answers."""

import pytest

from crm.people.rules import Role
from tests.api.conftest import program_of
from tests.factories import arranged, make_person, make_visit, sign_in

EVIL = "evil.example"
HEADERS = [
    {"Host": EVIL},
    {"X-Forwarded-Host": EVIL},
    {"X-Forwarded-Server": EVIL, "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": f"//{EVIL}"},
    {"Forwarded": f"host={EVIL};proto=http"},
    {"X-Original-URL": f"https://{EVIL}/", "X-Rewrite-URL": f"https://{EVIL}/"},
]
PAGES = ["/", "/me", "/me/settings", "/visits", "/calendar", "/digests", "/nowhere"]

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        person = make_person(db, "lina", role=Role.RECRUITER)
        for _ in range(2):
            make_visit(db, person)
    return sign_in(app, "lina")


@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_no_page_leads_to_the_host_that_a_request_names(app, lina, headers):
    answers = [lina.get(path, headers=headers) for path in PAGES]
    answers.append(app.test_client().get("/visits", headers=headers))  # to the door

    assert [EVIL in answer.text + str(answer.headers) for answer in answers] == [False] * 8


@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_no_answer_of_the_api_leads_to_the_host_that_a_request_names(app, lina, headers):
    program = program_of(app, "lina")

    answers = [
        program.get("/visits?limit=1", headers=headers),
        program.get("/openapi.json", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [EVIL in answer.text + str(answer.headers) for answer in answers] == [False, False]


def test_the_address_of_a_calendar_is_the_installations_own(app, lina):
    answer = lina.post("/me/calendar-feed", headers={"X-Forwarded-Host": EVIL})

    assert f"{app.config['SETTINGS'].base_url}/calendar/" in answer.text
    assert EVIL not in answer.text + str(answer.headers)
