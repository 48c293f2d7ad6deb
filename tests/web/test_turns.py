"""Few requests of a process change something side by side, whatever becomes of them."""

from collections.abc import Callable
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
MEETING = 1.0  # seconds within which all that are let in have come
FORM = {
    "kind": "outreach",
    "channel": "in_person",
    "status": "done",
    "first_on": "2026-07-14",
    "starts": "09:00",
    "ends": "10:00",
    "city": "上海",
}


@pytest.fixture(autouse=True)
def liwei(app):
    with arranged(app) as db:
        make_person(db, "liwei")


@pytest.fixture
def patient(monkeypatch):
    """A turn is waited for longer than anything here takes."""
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
            barrier.wait(MEETING)
        except BrokenBarrierError:
            return False
    return True


def can_meet(app: Flask, count: int) -> bool:
    barrier = Barrier(count)
    with ThreadPoolExecutor(count) as threads:
        return all(threads.map(lambda _: meet(app, barrier), range(count)))


def seconds_of(step: Callable[[], object]) -> float:
    begun = monotonic()
    step()
    return monotonic() - begun


def test_as_many_requests_change_side_by_side_as_there_are_turns(app, at_once, patient):
    assert can_meet(app, at_once)
    assert not can_meet(app, at_once + 1)


def saved(app):
    with arranged(app) as db:
        form = FORM | {"leader_id": make_person(db, "saver").id}
    assert sign_in(app, "saver").post("/visits/new", data=form).status_code == 302


def refused(app):
    assert sign_in(app, "liwei").post("/visits/new", data={}).status_code == 422


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
    [saved, refused, broken, sent_by_program, refused_to_program],
)
def test_a_turn_ends_with_its_request_whatever_it_came_to(app, at_once, patient, request_once):
    request_once(app)

    def others():
        assert can_meet(app, at_once)

    assert seconds_of(others) < PATIENCE


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
def test_a_change_waits_for_a_turn_but_not_without_end(app, all_taken, request_once):
    assert seconds_of(lambda: request_once(app)) >= turns.MOST_SECONDS


def test_a_request_that_takes_long_delays_one_change_and_not_all(app, all_taken, patient):
    assert seconds_of(lambda: refused(app)) >= PATIENCE
    assert seconds_of(lambda: refused(app)) < PATIENCE


def test_who_only_reads_waits_for_no_turn(app, all_taken, patient):
    client = sign_in(app, "liwei")

    assert seconds_of(lambda: client.get("/visits")) < PATIENCE
