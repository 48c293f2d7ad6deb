"""A database that cannot be written now: one sentence each, and nothing of what was in the row."""

import json
from pathlib import Path

import pytest

from crm.jobs import ledger
from crm.people.rules import Duty, Role
from crm.people.service import hash_password
from crm.transactions import transaction
from tests.databases import SECRET, Kept, administer
from tests.factories import LONG_AGO, make_person, make_regime, make_unit
from tests.faults.arranged import NoRoom, Typed
from tests.jobs.work import at

PEOPLE = (
    "username,name,email,phone,unit,duty,role,from,to\n"
    "ouyang,欧阳某,ouyang@crm.test,13912345678,招商局,recruiter,recruiter,2026-01-01,\n"
)
PASSWORD = "correct horse battery"
PERSONAL = ("欧阳", "ouyang", "13912345678", "Traceback")
WRITING = [
    ("import", "people", "{people}"),
    ("user", "passwd", "chief", "--password-stdin"),
    ("clock", "run", "--until", "2026-07-31"),
    ("clock", "pause", "nudge", "--why", "x"),
    ("clock", "trust"),
    ("outbox", "retry"),
    ("deliver", "--once"),
    ("init",),
]


@pytest.fixture
def postgres(tmp_path):
    database = Kept("postgresql", tmp_path)
    with transaction(database.sessions) as db:
        make_regime(db)
        make_unit(db, "招商局")
        chief = make_person(db, "chief", role=Role.ADMIN, duty=Duty.STAFF)
        chief.password_hash = hash_password("chief", PASSWORD)
        ledger.install(db, clock_from=at("2026-06-30T12:00"), now=LONG_AGO)
    name = database.url.rpartition("/")[2]
    administer(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    yield database
    administer(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    database.close()


@pytest.fixture
def people(tmp_path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    return file


@pytest.fixture
def run(fork):
    """Run `crm …` to its end, with the password typed."""

    def run(*words, arranged=(), **settings):
        typed = Typed(f"{PASSWORD}\n")
        return fork(*words, arranged=(typed, *arranged), CRM_SECRET_KEY=SECRET, **settings).end()

    return run


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_on_a_read_only_server_a_command_says_so_in_a_sentence(postgres, run, people, words):
    done = run(*(word.format(people=people) for word in words), CRM_DATABASE_URL=postgres.url)

    assert (done.status, "只读" in done.stderr) == (1, True), done.stderr
    assert not [word for word in PERSONAL if word in done.stderr + done.stdout]


def test_the_doctor_says_that_a_server_is_read_only(postgres, run):
    done = run("doctor", "--format", "json", CRM_DATABASE_URL=postgres.url)

    database = next(each for each in json.loads(done.stdout) if each["check"] == "database")
    assert (done.status, database["state"]) == (1, "fail")
    assert "只读" in database["told"]


def test_a_full_disk_is_told_in_a_sentence(tmp_path, run, people):
    own = {"CRM_DATA": str(tmp_path)}
    assert run("init", **own).status == 0
    size = max(file.stat().st_size for file in tmp_path.glob("crm.sqlite3*"))

    done = run("import", "people", str(people), arranged=(NoRoom(size // 64),), **own)

    assert (done.status, "磁盘" in done.stderr) == (1, True), done.stderr
    assert not [word for word in PERSONAL if word in done.stderr + done.stdout]


@pytest.fixture
def client(postgres):
    return postgres.fresh_app().test_client()


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_the_sign_in_page_says_that_nothing_can_be_saved(client, password):
    answer = client.post("/login", data={"username": "chief", "password": password})

    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "10")
    assert "暂时无法保存" in answer.text
    assert "密码" not in answer.text


def test_readiness_says_that_the_database_is_read_only(client):
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json == {"state": "fail", "database": "fail", "read_only": True}
