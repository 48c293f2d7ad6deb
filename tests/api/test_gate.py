"""Tokens open the API, as far as their scopes and their person reach; nothing else does."""

import subprocess
import sys
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from crm.api import gate
from crm.people import accounts
from crm.people.api_tokens import end_token
from crm.people.models import ApiToken, Person
from crm.people.rules import Role, Scope
from crm.people.sign_in_models import SignInProfile
from crm.people.sign_in_profiles import plant_profiles
from tests.api.conftest import VISIT, Program, program_of
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import arranged, make_person, make_visit, sign_in

pytestmark = pytest.mark.slow_on_postgresql
# another process of the same installation, at the same moment
OTHER_PROCESS = """
import time_machine
from crm.app import create_app
from crm.settings import Settings
app = create_app(Settings(database_url="{url}", secret_key="{secret}", api_per_minute=2))
with time_machine.travel("{now}", tick=False):
    headers = {{"Authorization": "Bearer {token}"}}
    answer = app.test_client().get("/api/v1/visits", headers=headers)
    print(answer.status_code, answer.headers["RateLimit-Remaining"])
"""


def test_without_a_token_a_request_is_401_and_says_what_is_needed(app, client):
    answer = client.get("/api/v1/visits")

    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="crm"'
    assert answer.json["code"] == "unauthorized"


def test_a_cookie_opens_nothing(app, lina):
    browser = sign_in(app, "lina")

    assert browser.get("/visits").status_code == 200
    assert browser.get("/api/v1/visits").status_code == 401
    assert browser.post("/api/v1/visits", json=VISIT).status_code == 401


def test_a_token_needs_no_form_token(app, lina):
    app.config["WTF_CSRF_ENABLED"] = True

    assert lina.post("/visits", VISIT).status_code == 201


def test_a_token_does_no_more_than_its_scopes(app, lina):
    reader = program_of(app, "lina", Scope.READ)
    logger = program_of(app, "lina", Scope.VISITS)

    assert reader.get("/visits").status_code == 200
    refused = reader.post("/visits", VISIT)
    assert (refused.status_code, refused.json["code"]) == (403, "scope")
    assert refused.json["scope"] == "visits"
    assert logger.post("/visits", VISIT).status_code == 201
    assert logger.get("/visits").status_code == 403


def test_what_another_person_may_not_see_is_404(app, lina):
    with arranged(app) as db:
        visit = make_visit(db, make_person(db, "gu"))

    answer = lina.get(f"/visits/{visit.id}")

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert lina.get("/visits").json == {"items": [], "next": None}


def test_a_reader_has_no_records(app):
    with arranged(app) as db:
        make_person(db, "du", role=Role.READER, duty=None)

    answer = program_of(app, "du").get("/visits")

    assert (answer.status_code, answer.json["code"]) == (403, "role")


@pytest.mark.parametrize("end", ["revoked", "expired", "disabled", "enabled again"])
def test_a_token_stops_working(app, lina, end):
    with arranged(app) as db:
        person = db.scalars(select(Person).where(Person.username == "lina")).one()
        if end == "revoked":
            [token] = db.scalars(select(ApiToken)).all()
            end_token(db, person=person, token_id=token.id, by=person, now=NOW)
        if end in ("disabled", "enabled again"):
            accounts.disable_person(db, person=person, at=NOW, by=None, now=NOW)
        if end == "enabled again":
            accounts.enable_person(db, person=person, by=None, now=NOW)

    with time_machine.travel(NOW + timedelta(days=30 if end == "expired" else 0), tick=False):
        answer = lina.get("/visits")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="crm", error="invalid_token"'


def temporary_password(person, _profile):
    person.is_password_temporary = True


def old_password(person, profile):
    person.password_changed_at = NOW - timedelta(days=90)
    profile.expires_days = 90


def second_step_asked(person, profile):
    profile.second_factor_roles = frozenset({person.role})


def role_without_records(person, _profile):
    person.role = Role.READER


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (temporary_password, "password_temporary"),
        (old_password, "password_expired"),
        (second_step_asked, "second_factor_missing"),
        (role_without_records, "role"),
    ],
)
def test_a_token_waits_for_what_pages_ask_of_its_person_first(app, lina, change, code):
    with arranged(app) as db:
        plant_profiles(db, now=NOW)
    before = lina.get("/visits").status_code
    with arranged(app) as db:
        person = db.scalars(select(Person).where(Person.username == "lina")).one()
        change(person, db.scalars(select(SignInProfile).where(SignInProfile.is_chosen)).one())

    for answer in (lina.get("/visits"), lina.post("/visits", VISIT)):
        assert (answer.status_code, answer.json["code"]) == (403, code)
    assert before == 200


def test_the_last_use_moves_at_most_every_five_minutes(app, lina):
    def used_after(minutes):
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            lina.get("/visits")
        with arranged(app) as db:
            return db.scalar(select(ApiToken.used_at)) - NOW

    assert [used_after(minutes) for minutes in (0, 4, 6)] == [
        timedelta(minutes=minutes) for minutes in (0, 0, 6)
    ]


def test_each_token_has_its_own_limit_and_answers_say_what_is_left(app, lina, monkeypatch):
    settings = app.config["SETTINGS"].model_copy(update={"api_per_minute": 2})
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    other = program_of(app, "lina")

    answers = [lina.get("/visits") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    left = [answer.headers["RateLimit-Remaining"] for answer in answers]
    assert left == ["1", "0", "0"]
    assert answers[-1].headers["Retry-After"] == answers[-1].headers["RateLimit-Reset"] == "60"
    assert other.get("/visits").status_code == 200
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        assert lina.get("/visits").status_code == 200


def test_strangers_of_an_address_use_up_nobodys_limit(app, lina, monkeypatch):
    monkeypatch.setattr(gate, "FAILURES", 2)
    stranger = Program(app.test_client(), "crm_guessed")

    failures = [stranger.get("/visits").status_code for _ in range(3)]

    assert failures == [401, 401, 429]
    assert lina.get("/visits").status_code == 200


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_a_limit_holds_for_all_processes_together(app, database_url, monkeypatch):
    settings = app.config["SETTINGS"].model_copy(update={"api_per_minute": 2})
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    with arranged(app) as db:
        make_person(db, "lina")
    here = program_of(app, "lina")

    code = OTHER_PROCESS.format(url=database_url, secret=SECRET, token=here.token, now=NOW)
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert there.stdout.split()[-2:] == ["200", "1"]  # after lines of the log
    assert [here.get("/visits").status_code for _ in range(2)] == [200, 429]
