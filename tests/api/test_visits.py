"""Visits over the API, as their form keeps them."""

from sqlalchemy import func, select

from crm.visits.models import Visit
from tests.api.conftest import VISIT
from tests.factories import arranged


def count(app):
    with arranged(app) as db:
        return db.scalar(select(func.count()).select_from(Visit))


def test_a_visit_is_logged_and_read_back(app, lina):
    answer = lina.post("/visits", VISIT)

    assert answer.status_code == 201, answer.text
    again = lina.get(answer.location.removeprefix("https://crm.test/api/v1"))
    assert again.json == answer.json
    assert again.headers["ETag"] == answer.headers["ETag"]
    assert again.json["leader"] == {"username": "lina", "name": "lina同志"}
    assert count(app) == 1
