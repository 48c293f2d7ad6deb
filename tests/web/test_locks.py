"""What a client can slow down, and what is slow itself, happens under no lock."""

from contextlib import contextmanager
from io import BytesIO

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event

from crm.base import unsubscribe_tokens
from crm.base.audit import coming_from
from crm.base.mail_kinds import MessageKind
from crm.extensions import db as database_of_app
from crm.people import service
from crm.people.models import Person
from crm.people.rules import Role
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import arranged, make_person, make_visit, sign_in

PASSWORD = "a long enough password"
OTHER = "another long password"
VISIT = {
    "kind": "outreach",
    "channel": "in_person",
    "status": "planned",
    "first_on": "2026-07-16",
    "starts": "09:00",
    "ends": "10:00",
    "city": "上海",
}


@pytest.fixture
def liwei(app):
    with arranged(app) as db:
        person = make_person(db, "liwei")
        hashed = service.hash_password("liwei", PASSWORD)
        service.set_password(db, person=person, password_hash=hashed, by=None, now=NOW)
    return person


@pytest.fixture
def meanwhile(monkeypatch):
    """What is to happen while a password is hashed or verified."""
    happens = []

    class Slow(PasswordHasher):
        def hash(self, *args, **given):
            [step() for step in happens]
            return super().hash(*args, **given)

        def verify(self, *args, **given):
            [step() for step in happens]
            return super().verify(*args, **given)

    monkeypatch.setattr(service, "_hasher", Slow())
    return happens


@pytest.fixture
def steps(app, meanwhile):
    """Takings of the write lock (or writes, on PostgreSQL), ends of transactions, and hashes."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        if statement.startswith(("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE")):
            seen.append("lock")

    with app.app_context():
        engine = database_of_app.engine
    listeners = [
        (engine, "before_cursor_execute", note),
        (engine, "commit", lambda _: seen.append("end")),
        (engine, "rollback", lambda _: seen.append("end")),
    ]
    for listener in listeners:
        event.listen(*listener)
    meanwhile.append(lambda: seen.append("hash"))
    yield seen
    for listener in listeners:
        event.remove(*listener)


def hashed_under_a_lock(steps):
    """Whether something was hashed between a lock and its end."""
    transactions = " ".join(steps).split("end")
    return any("lock" in whole.partition("hash")[0] for whole in transactions if "hash" in whole)


def test_signing_in_hashes_under_no_lock(client, liwei, steps):
    answer = client.post("/login", data={"username": "liwei", "password": PASSWORD})

    assert answer.status_code == 302
    assert "hash" in steps
    assert not hashed_under_a_lock(steps)


def test_changing_a_password_hashes_under_no_lock(app, liwei, steps):
    form = {"old": PASSWORD, "password": OTHER, "again": OTHER}

    answer = sign_in(app, "liwei").post("/me/password", data=form)

    assert answer.status_code == 302
    assert steps.count("hash") == 2
    assert not hashed_under_a_lock(steps)


@pytest.mark.parametrize("path", ["liwei/password", "first-passwords"])
def test_a_temporary_password_is_hashed_under_no_lock(app, liwei, steps, path):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
        make_person(db, "new")

    answer = sign_in(app, "root").post(f"/admin/people/{path}")

    assert answer.status_code == 200
    assert "hash" in steps
    assert not hashed_under_a_lock(steps)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/no-such-page", 404),
        ("/", 405),
        ("/logout", 302),
        ("/visits/new", 302),
        ("/unsubscribe/x", 404),
        ("/login", 422),
    ],
)
def test_a_stranger_takes_no_lock(client, liwei, steps, path, status):
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})

    assert answer.status_code == status
    assert "lock" not in steps


def test_a_form_without_its_token_takes_no_lock(app, liwei, steps):
    browser = sign_in(app, "liwei")
    steps.clear()
    app.config["WTF_CSRF_ENABLED"] = True

    answer = browser.post("/logout")

    assert answer.status_code == 400
    assert "lock" not in steps


def test_a_form_that_is_refused_takes_no_lock(app, liwei, steps):
    browser = sign_in(app, "liwei")
    steps.clear()

    answer = browser.post("/visits/new", data=VISIT | {"leader_id": liwei.id, "city": ""})

    assert answer.status_code == 422
    assert "lock" not in steps


class SlowBody(BytesIO):
    """The body of a form; something happens before each piece of it is read."""

    def __init__(self, happens):
        super().__init__(b"List-Unsubscribe=One-Click")
        self.happens = happens

    def read(self, _size=-1):
        self.happens()
        return super().read(9)

    def readinto(self, into):
        piece = self.read()
        into[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["/unsubscribe/{token}", "/visits/new", "/logout"])
def test_others_write_while_a_body_is_read(app, liwei, path):
    token = unsubscribe_tokens.make(SECRET, liwei.id, MessageKind.MORNING_BRIEF)
    browser = sign_in(app, "liwei")
    written = []

    def write():
        with coming_from(None), transaction(database_of_app.sessionmaker) as db:  # another's
            written.append(make_visit(db, db.get_one(Person, liwei.id)).id)

    answer = browser.post(
        path.format(token=token),
        input_stream=SlowBody(write),
        content_length=26,
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code < 500
    assert len(written) > 1


def test_a_password_that_changes_while_it_is_looked_at_is_wrong(app, client, liwei, meanwhile):
    def change():
        with app.app_context(), transaction(database_of_app.sessionmaker) as db:
            known = db.get_one(Person, liwei.id)
            service.set_password(db, person=known, password_hash="x", by=None, now=NOW)

    meanwhile.append(change)

    answer = client.post("/login", data={"username": "liwei", "password": PASSWORD})

    assert answer.status_code == 422
    assert "账号或密码不正确" in answer.text


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_a_busy_database_hands_back_what_was_typed(app, liwei):
    browser = sign_in(app, "liwei")
    form = VISIT | {"leader_id": liwei.id, "minutes": "谈了用地。", "password": "secret"}
    with app.app_context():
        database_of_app.engine.dispose()

    with arranged(app), short_patience(app):
        answer = browser.post("/visits/new", data=form)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert 'name="minutes" value="谈了用地。"' in answer.text
    assert "再次提交" in answer.text
    assert "secret" not in answer.text


@contextmanager
def short_patience(app):
    """Connections of the application that wait for SQLite's lock no longer than a blink."""
    with app.app_context():
        engine = database_of_app.engine

    def hurry(connection, *_):
        connection.execute("PRAGMA busy_timeout = 10")

    event.listen(engine, "checkout", hurry)
    yield
    event.remove(engine, "checkout", hurry)
    engine.dispose()
