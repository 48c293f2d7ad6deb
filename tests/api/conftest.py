"""A person with records, their programs, and what they send."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from crm.people.api_tokens import make_token
from crm.people.models import Person
from crm.people.rules import Scope
from tests.conftest import NOW
from tests.factories import arranged, make_person

_keys = count(1)
ALL = (Scope.READ, Scope.WRITE)
VISIT = {
    "kind": "outreach",
    "starts_at": "2026-07-14T09:00:00+08:00",
    "ends_at": "2026-07-14T11:00:00+08:00",
    "city": "上海",
}


@dataclass
class Program:
    """A program with a token of a person."""

    client: FlaskClient
    token: str

    def get(self, path: str, **given: object) -> TestResponse:
        return self.send("GET", path, **given)

    def post(self, path: str, json: object, **given: object) -> TestResponse:
        given.setdefault("key", f"key-{next(_keys)}")
        return self.send("POST", path, json=json, **given)

    def send(
        self, method: str, path: str, *, key: str | None = None, match: str | None = None, **given
    ) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **given.pop("headers", {})}
        headers |= {"Idempotency-Key": key} if key else {}
        headers |= {"If-Match": match} if match else {}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **given)


def program_of(app: Flask, username: str, *scopes: Scope, made_at: datetime = NOW) -> Program:
    """A program of that person, with all scopes where none are named."""
    with arranged(app) as db:
        person = db.scalars(select(Person).where(Person.username == username)).one()
        token = make_token(
            db, person=person, name="测试", scopes=scopes or ALL, days=30, now=made_at
        )
    return Program(app.test_client(), token)


@pytest.fixture
def lina(app: Flask) -> Program:
    """A program of a recruiter."""
    with arranged(app) as db:
        make_person(db, "lina")
    return program_of(app, "lina")
