"""Few requests of a process change something side by side, whatever becomes of them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, Event

import pytest
from flask import Flask

from crm.base.clock import monotonic
from crm.extensions import db as database_of_app
from crm.requests import turns
from tests.api.conftest import VISIT, program_of
from tests.conflicts import before_first_write
from tests.factories import arranged, make_person, sign_in

PATIENCE = 2.0  # seconds after which a test has waited for a turn that never ended
SOON = 0.05
FORM = {
    "kind": "outreach",
    "channel": "in_person",
    "status": "done",
    "first_on": "2026-07-14",
    "starts": "09:00",
    "ends": "10:00",
    "city": "上海",
}


@pytest.fixture
def patient(monkeypatch):
    """Nobody goes on without a turn."""
    monkeypatch.setattr(turns, "MOST_SECONDS", PATIENCE)


@pytest.fixture
def at_once(app):
    """How many turns there are on this database."""
    with app.app_context():
        return turns.AT_ONCE[database_of_app.engine.dialect.name]


def meet(app: Flask, barrier: Barrier) -> bool:
    """Whether as many changing requests as the barrier wants come this far together."""
    with app.test_request_context(method="POST"):
        turns.take_turn()
        try:
            barrier.wait(SOON)
        except BrokenBarrierError:
            return False
    return True


def can_meet(app: Flask, count: int) -> bool:
    barrier = Barrier(count)
    with ThreadPoolExecutor(count) as threads:
        return all(threads.map(lambda _: meet(app, barrier), range(count)))


def all_are_free(app: Flask, at_once: int) -> bool:
    return can_meet(app, at_once) and not can_meet(app, at_once + 1)


def test_as_many_requests_change_side_by_side_as_there_are_turns(app, at_once, patient):
    assert all_are_free(app, at_once)


def saved(app):
    with arranged(app) as db:
        form = FORM | {"leader_id": make_person(db, "saver").id}
    assert sign_in(app, "saver").post("/visits/new", data=form).status_code == 302


def refused(app):
    assert sign_in(app, "liwei").post("/visits/new", data={}).status_code == 422


def out_of_sight(app):
    assert sign_in(app, "liwei").post("/people/new", data={}).status_code == 404


def broken(app):
    def fail():
        raise RuntimeError

    with before_first_write(app, fail), pytest.raises(RuntimeError):
        saved(app)


def sent_by_program(app):
    assert program_of(app, "liwei").post("/visits", VISIT).status_code == 201


def refused_to_program(app):
    sent = VISIT | {"ends_at": VISIT["starts_at"]}
    assert program_of(app, "liwei").post("/visits", sent).status_code == 422


@pytest.mark.parametrize(
    "request_once",
    [saved, refused, out_of_sight, broken, sent_by_program, refused_to_program],
)
def test_a_turn_ends_with_its_request_whatever_it_came_to(app, at_once, patient, request_once):
    with arranged(app) as db:
        make_person(db, "liwei")

    request_once(app)

    assert all_are_free(app, at_once)


@pytest.fixture
def all_taken(app, at_once):
    """Requests that take long have all turns."""
    begun, ended = Barrier(at_once + 1), Event()

    def take_long(_: int) -> None:
        with app.test_request_context(method="POST"):
            turns.take_turn()
            begun.wait()
            ended.wait()

    with ThreadPoolExecutor(at_once) as threads:
        threads.map(take_long, range(at_once))
        begun.wait()
        yield
        ended.set()


@pytest.mark.parametrize("request_once", [saved, sent_by_program])
def test_a_change_waits_for_a_turn_but_not_long(app, all_taken, request_once):
    with arranged(app) as db:
        make_person(db, "liwei")

    begun = monotonic()
    request_once(app)

    assert monotonic() - begun >= turns.MOST_SECONDS


def test_who_only_reads_waits_for_no_turn(app, all_taken, patient):
    with arranged(app) as db:
        make_person(db, "liwei")
    client = sign_in(app, "liwei")

    begun = monotonic()
    assert client.get("/visits").status_code == 200

    assert monotonic() - begun < PATIENCE
