"""What is sent twice under one Idempotency-Key is done once, and answered alike."""

import json

import pytest
from sqlalchemy import select

from crm.api.openapi import all_operations
from crm.api.repeats import reader_of
from crm.base.answered_requests import AnsweredRequest
from crm.leads.models import Lead, LeadRole
from crm.leads.rules import Secrecy
from crm.visits.models import Visit
from tests.api.conftest import VISIT
from tests.api.test_visits import count
from tests.conflicts import after_statement
from tests.factories import arranged, make_person
from tests.files.samples import pdf


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


@pytest.mark.slow_on_postgresql
def test_a_repeat_tells_nothing_of_what_its_caller_lost_sight_of(app, lina):
    """Rights end and leads are restricted within the thirty days for which keys are kept."""
    with arranged(app) as db:
        gu = make_person(db, "gu")
    sent = {
        "/leads": {"company": "云海新材料有限公司", "title": "绝密画布项目"},
        "/visits": VISIT | {"minutes": "洽谈画布项目"},
    }
    kept = {place: lina.post(place, body, key=place).json["id"] for place, body in sent.items()}
    files = f"/leads/{kept['/leads']}/files?name=a.pdf"
    upload = {"data": pdf(), "content_type": "application/octet-stream", "key": "f"}
    lina.send("POST", files, **upload)

    with arranged(app) as db:
        lead, visit = db.get_one(Lead, kept["/leads"]), db.get_one(Visit, kept["/visits"])
        lead.secrecy, lead.code_name, lead.entered_by_id = Secrecy.RESTRICTED, "青松", gu.id
        for role in db.scalars(select(LeadRole).where(LeadRole.person_id.is_not(None))):
            role.person_id = gu.id
        visit.leader_id = visit.entered_by_id = gu.id
    again = [lina.post(place, body, key=place) for place, body in sent.items()]
    again.append(lina.send("POST", files, **upload))

    for answer in again:
        assert (answer.status_code, answer.get_data()) == (204, b"")
        assert answer.headers["Idempotency-Replayed"] == "true"
        assert "Location" not in answer.headers
    assert count(app) == 1


@pytest.mark.slow_on_postgresql
def test_a_repeat_shows_the_record_as_it_is_now(app, lina):
    first = lina.post("/visits", VISIT, key="a")
    changed = lina.send(
        "PATCH",
        f"/visits/{first.json['id']}",
        json={"city": "苏州"},
        match=first.headers["ETag"],
    )

    again = lina.post("/visits", VISIT, key="a")

    assert (again.status_code, again.json) == (201, changed.json)
    assert again.headers["ETag"] == changed.headers["ETag"]


def test_what_is_kept_under_a_key_has_no_words_of_the_record(app, lina):
    lina.post("/visits", VISIT | {"minutes": "洽谈画布项目"}, key="a")

    with arranged(app) as db:
        kept = db.scalars(select(AnsweredRequest.answer)).one()
    assert set(json.loads(kept)) == {"id"}


def test_a_question_that_saves_nothing_is_read_anew(app, lina):
    body = {"text": "昨天下午去苏州拜访金鸡湖电子"}

    first, again = (lina.post("/quick-entries", body, key="a") for _ in range(2))

    assert (again.status_code, again.json) == (200, first.json)
    assert lina.post("/quick-entries", {"text": "无"}, key="a").json["code"] == "key_reused"


def test_of_each_record_that_is_entered_one_operation_reads_it():
    entered = [one for _, one in all_operations() if one.method == "POST" and one.may_hide]

    assert {len(reader_of(one).in_path) for one in entered} == {1}
    assert {reader_of(one).returns for one in entered} == {one.returns for one in entered}
