"""What is sent twice under one Idempotency-Key is done once, and answered alike."""

import pytest
from sqlalchemy import select

from crm.base.answered_requests import AnsweredRequest
from tests.api.conftest import VISIT
from tests.api.test_visits import count
from tests.conflicts import after_statement
from tests.factories import arranged


def test_a_repeat_is_answered_as_the_first_and_does_nothing(app, lina):
    first = lina.post("/visits", VISIT, key="a")
    again = lina.post("/visits", VISIT, key="a")

    assert again.headers["Idempotency-Replayed"] == "true"
    for name in ("Location", "ETag"):
        assert again.headers[name] == first.headers[name]
    assert (again.status_code, again.get_data()) == (first.status_code, first.get_data())
    assert count(app) == 1


@pytest.mark.slow_on_postgresql
def test_another_body_under_the_same_key_is_refused(app, lina):
    lina.post("/visits", VISIT, key="a")

    answer = lina.post("/visits", VISIT | {"city": "苏州"}, key="a")

    assert (answer.status_code, answer.json["code"]) == (422, "key_reused")
    assert count(app) == 1


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("key", ["", "a b", "键", "x" * 201])
def test_a_post_without_a_sound_key_is_refused(app, lina, key):
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}

    answer = lina.post("/visits", VISIT, key=None, headers=headers)

    assert (answer.status_code, answer.json["code"]) == (400, "key_missing")


@pytest.mark.slow_on_postgresql
def test_what_was_refused_may_be_sent_again_under_its_key(app, lina):
    refused = lina.post("/visits", VISIT | {"city": ""}, key="a")
    mended = lina.post("/visits", VISIT, key="a")

    assert (refused.status_code, mended.status_code) == (422, 201)


def test_of_two_at_once_one_is_done_and_both_are_answered_alike(app, lina):
    answers = []

    def send():
        answers.append(lina.post("/visits", VISIT, key="a"))

    with after_statement(app, "FROM answered_request", send):
        send()

    first, second = answers
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert count(app) == 1


def test_the_answer_is_kept_with_the_change_or_neither_is(app, lina, monkeypatch):
    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr("crm.requests.transaction.apply_pending", fail)
    with pytest.raises(RuntimeError):
        lina.post("/visits", VISIT, key="a")

    with arranged(app) as db:
        assert db.scalars(select(AnsweredRequest)).all() == []
    assert count(app) == 0
