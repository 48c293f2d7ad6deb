"""Two people, or one with a nervous finger, send a form at the same moment."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from crm.base.audit_trail import first_break
from crm.leads.models import Company, Lead
from crm.people.rules import Duty, Role
from crm.visits.models import Visit
from crm.visits.rules import Verdict
from tests.conflicts import after_statement, before_first_write
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_person,
    make_regime,
    make_unit,
    make_visit,
    sign_in,
)

VISIT = {
    "kind": "outreach",
    "channel": "in_person",
    "status": "done",
    "starts": "09:00",
    "ends": "10:00",
    "city": "上海",
}


def at_once(*steps: Callable[[], object]) -> list:
    """What each of the steps answers, all begun at the same moment."""
    barrier = Barrier(len(steps))

    def step(one):
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(steps)) as threads:
        return list(threads.map(step, steps))


def in_thread(step, *given, **named):
    """What the step answers, in a thread of its own, as another process would."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(step, *given, **named).result()


@pytest.fixture
def late(app):
    """A visit of liwei's that waits for a verdict, with two supervisors who may give it."""
    with arranged(app) as db:
        make_regime(db)
        unit = make_unit(db)
        liwei = make_person(db, "liwei", unit=unit)
        for name in ("first", "second"):
            make_person(db, name, role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        return make_visit(db, liwei, date(2026, 7, 1), logged_at=NOW - timedelta(days=1))


def found(app, visit):
    with arranged(app) as db:
        return db.get_one(Visit, visit.id)


def test_a_visit_sent_twice_at_once_is_one_visit(app, late):
    form = VISIT | {"ref": "V-TWICE", "first_on": "2026-07-14", "leader_id": late.leader_id}
    clients = [sign_in(app, "liwei") for _ in range(3)]

    answers = at_once(*(lambda c=one: c.post("/visits/new", data=form) for one in clients))

    assert len({answer.location for answer in answers}) == 1
    with arranged(app) as db:
        assert db.scalar(select(func.count(Visit.id)).where(Visit.ref == "V-TWICE")) == 1


def test_a_visit_that_is_saved_while_it_is_checked_is_not_asked_about(app, late):
    form = VISIT | {"ref": "V-TWICE", "first_on": "2026-07-14", "leader_id": late.leader_id}
    clients = [sign_in(app, "liwei") for _ in range(2)]
    saved = []

    def save():
        saved.append(clients[1].post("/visits/new", data=form))

    with after_statement(app, "WHERE visit.ref = ", save):
        answer = clients[0].post("/visits/new", data=form)

    assert answer.location == saved[0].location is not None


def test_a_lead_that_is_saved_while_it_is_checked_is_no_duplicate_of_itself(app, late):
    form = {"company": "新材料公司", "title": "项目", "secrecy": "open", "stage": "lead"}
    form |= {"entered_on": "2026-07-14", "ref": "L-TWICE"}
    clients = [sign_in(app, "liwei") for _ in range(2)]
    saved = []

    def save():
        saved.append(clients[1].post("/leads/new", data=form))

    with after_statement(app, "WHERE lead.ref = ", save):
        answer = clients[0].post("/leads/new", data=form)

    assert answer.location == saved[0].location is not None


def test_visits_that_many_log_at_once_are_all_kept_while_others_read(app, sessions, late):
    names = [f"person{number}" for number in range(6)]
    with arranged(app) as db:
        ids = {name: make_person(db, name).id for name in names}
    clients = {name: sign_in(app, name) for name in (*names, "first", "second")}

    def log(name):
        form = VISIT | {"leader_id": ids[name]}
        days = ("2026-07-12", "2026-07-13", "2026-07-14")
        logged = [
            clients[name].post("/visits/new", data=form | {"ref": f"{name}-{on}", "first_on": on})
            for on in days
        ]
        return [answer.status_code for answer in logged]

    def read(name):
        return [clients[name].get(path).status_code for path in ("/", "/visits", "/compliance")]

    answers = at_once(
        *(lambda n=name: log(n) for name in names),
        *(lambda n=name: read(n) for name in ("first", "second")),
    )

    assert answers == [[302] * 3] * 6 + [[200] * 3] * 2
    with arranged(app) as db:
        assert db.scalar(select(func.count(Visit.id)).where(Visit.id != late.id)) == 18
    with sessions() as db:
        assert first_break(db) is None


def test_two_leads_of_a_new_company_entered_at_once_share_it(app, late):
    form = {"company": "新材料公司", "title": "项目", "secrecy": "open", "stage": "lead"}
    form |= {"entered_on": "2026-07-14", "warned_of": "1,2,3,4,5"}
    names = ("liwei", "first", "second")
    clients = {name: sign_in(app, name) for name in names}

    answers = at_once(
        *(
            lambda n=name: clients[n].post("/leads/new", data=form | {"ref": f"L-{n}"})
            for name in names
        )
    )

    assert [answer.status_code for answer in answers] == [302] * 3
    with arranged(app) as db:
        assert db.scalar(select(func.count(Lead.id))) == 3
        assert db.scalar(select(func.count(Company.id))) == 1


def shown_at(browser, path):
    """How far the trail reached when the browser read the page, as its forms send it back."""
    return re.search(r'name="shown" value="(\d+)"', browser.get(path).text)[1]


def test_of_two_verdicts_given_at_once_the_second_sees_the_first_and_keeps_its_words(app, late):
    first, second = sign_in(app, "first"), sign_in(app, "second")
    path = f"/visits/{late.id}"
    shown = shown_at(second, path)
    first.post(f"{path}/confirm", data={"shown": shown_at(first, path)})

    answer = second.post(f"{path}/reject", data={"shown": shown, "reason": "重复登记"})

    assert answer.status_code == 409
    assert re.search(r"此后有变动：[^。]*确认拜访。本次未办理", answer.text)
    assert 'value="重复登记"' in answer.text
    assert found(app, late).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("page", ["/visits/{id}", "/compliance?tab=waiting"])
def test_a_visit_edited_after_it_was_shown_is_not_confirmed_unseen(app, late, page):
    supervisor, leader = sign_in(app, "first"), sign_in(app, "liwei")
    shown = shown_at(supervisor, page.format(id=late.id))
    edit = VISIT | {"first_on": "2026-07-02", "leader_id": late.leader_id}
    leader.post(f"/visits/{late.id}/edit", data=edit)
    confirm = f"/visits/{late.id}/confirm"

    refused = supervisor.post(confirm, data={"shown": shown, "back": "/compliance?tab=waiting"})

    assert refused.status_code == 409
    assert "修改拜访（" in refused.text
    assert found(app, late).verdict is None
    again = re.search(r'name="shown" value="(\d+)"', refused.text)[1]
    assert 'name="back" value="/compliance?tab=waiting"' in refused.text
    supervisor.post(confirm, data={"shown": again})
    assert found(app, late).verdict is Verdict.CONFIRMED


def test_a_verdict_waits_for_an_edit_that_is_being_saved_and_then_sees_it(app, late):
    supervisor, leader = sign_in(app, "first"), sign_in(app, "liwei")
    path = f"/visits/{late.id}"
    shown = shown_at(supervisor, path)
    edit = VISIT | {"first_on": "2026-07-02", "leader_id": late.leader_id}

    with before_first_write(app, lambda: in_thread(leader.post, f"{path}/edit", data=edit)):
        answer = supervisor.post(f"{path}/confirm", data={"shown": shown})

    assert answer.status_code == 409
    assert found(app, late).verdict is None


def test_a_verdict_may_be_changed_by_who_has_seen_it(app, late):
    first, second = sign_in(app, "first"), sign_in(app, "second")
    path = f"/visits/{late.id}"
    first.post(f"{path}/confirm", data={"shown": shown_at(first, path)})

    second.post(f"{path}/reject", data={"shown": shown_at(second, path), "reason": "重复登记"})

    assert found(app, late).verdict is Verdict.REJECTED


def test_the_same_verdict_given_again_is_as_old_as_the_first(app, late):
    first, second = sign_in(app, "first"), sign_in(app, "second")
    path = f"/visits/{late.id}/confirm"
    shown = shown_at(second, f"/visits/{late.id}")
    first.post(path, data={"shown": shown})
    given = found(app, late)

    answer = second.post(path, data={"shown": shown})

    again = found(app, late)
    assert answer.status_code == 302
    assert (again.verdict_by_id, again.verdict_at) == (given.verdict_by_id, given.verdict_at)
