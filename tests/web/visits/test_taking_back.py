"""Taking back: a cancelled visit is restored, a last step that nothing followed is undone."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import select

from crm.base.periods import Period
from crm.people.rules import Duty, Role
from crm.quotas.service import freeze_period
from crm.visits.models import Visit, VisitParticipant
from crm.visits.rules import Kind, Status, Verdict
from tests.conftest import NOW
from tests.factories import (
    RECRUITER,
    arranged,
    make_lead,
    make_person,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)
from tests.web.visits.test_views import FORM


@pytest.fixture
def unit(app):
    with arranged(app) as db:
        return make_unit(db)


@pytest.fixture
def lina(app, unit):
    with arranged(app) as db:
        make_rule(db, RECRUITER)
        return make_person(db, "lina", name="李娜", unit=unit)


@pytest.fixture
def planned(app, lina):
    with arranged(app) as db:
        return make_visit(db, lina, status=Status.PLANNED)


def stored(app, visit):
    """All columns of the visit, and its participants with their lateness."""
    with arranged(app) as db:
        row = db.get(Visit, visit.id)
        columns = {name: getattr(row, name) for name in [*Visit.__table__.columns.keys()]}
        joined = select(VisitParticipant.person_id, VisitParticipant.late_by_days)
        return columns, set(db.execute(joined.where(VisitParticipant.visit_id == visit.id)))


def press_undo(client, page):
    """Send the button 撤销 of the page, as a browser does."""
    form = re.search(
        r'<form method="post" action="([^"]+/undo|[^"]+/restore)".*?</form>', page, re.DOTALL
    )
    values = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))
    return client.post(form[1], data=values, follow_redirects=True)


@pytest.mark.parametrize(
    ("step", "data"),
    [
        ("done", {}),
        ("move", {"on": "2026-07-20"}),
        (
            "edit",
            {
                "kind": "residency", "status": "planned", "first_on": "2026-07-10",
                "last_on": "2026-07-20", "city": "常州", "minutes": "谈了用地",
            },
        ),
    ],
)  # fmt: skip
def test_a_step_that_is_undone_leaves_the_visit_as_it_was(app, lina, at_linas, step, data):
    with arranged(app) as db:
        other = make_person(db, "other")
        visit = make_visit(
            db, lina, date(2026, 7, 13), days=2, status=Status.PLANNED,
            participants=[other], leads=[make_lead(db)], minutes="旧纪要",
        )  # fmt: skip
    before = stored(app, visit)

    data = {"leader_id": lina.id, **data} if step == "edit" else data
    page = at_linas.post(f"/visits/{visit.id}/{step}", data=data, follow_redirects=True).text
    assert stored(app, visit) != before
    answer = press_undo(at_linas, page)

    assert "已撤销。" in answer.text
    assert stored(app, visit) == before


def test_who_has_left_the_visit_since_is_told_that_the_step_cannot_be_undone(app, lina, unit):
    with arranged(app) as db:
        companion = make_person(db, "companion", unit=unit)
        visit = make_visit(db, lina, status=Status.PLANNED, participants=[companion])
    at_theirs = sign_in(app, "companion")
    move = f"/visits/{visit.id}/move"
    page = at_theirs.post(move, data={"on": "2026-07-20"}, follow_redirects=True).text
    at_theirs.post(f"/visits/{visit.id}/leave")

    answer = press_undo(at_theirs, page)

    assert answer.status_code == 200
    assert "不能撤销" in answer.text
    assert at_theirs.post(f"/visits/{visit.id}/undo", data={"step": "x"}).status_code == 404


def test_a_confirmation_that_fell_with_a_step_comes_back_with_its_undoing(app, lina, at_linas):
    with arranged(app) as db:
        judge = make_person(db, "judge", role=Role.SUPERVISOR, duty=Duty.STAFF)
        verdict = {"verdict": Verdict.CONFIRMED, "verdict_at": NOW, "verdict_by_id": judge.id}
        visit = make_visit(db, lina, status=Status.PLANNED, **verdict)
    before = stored(app, visit)

    data = {"on": "2026-07-20"}
    page = at_linas.post(f"/visits/{visit.id}/move", data=data, follow_redirects=True).text
    assert stored(app, visit)[0]["verdict"] is None
    press_undo(at_linas, page)

    assert stored(app, visit) == before


@pytest.mark.parametrize("verdict", ["confirm", "reject"])
def test_a_verdict_is_undone_by_who_gave_it(app, unit, lina, at_linas, verdict):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        earlier = {"verdict": Verdict.REJECTED, "verdict_reason": "日期有误", "verdict_at": NOW}
        visit = make_visit(db, lina, **(earlier if verdict == "confirm" else {}))
    before, at_theirs = stored(app, visit), sign_in(app, "boss")

    url = f"/visits/{visit.id}/{verdict}"
    page = at_theirs.post(url, data={"reason": "请补充"}, follow_redirects=True).text
    assert stored(app, visit) != before
    answer = press_undo(at_theirs, page)

    assert "已撤销。" in answer.text
    assert stored(app, visit) == before


def test_a_visit_whose_logging_is_undone_is_cancelled(app, lina, at_linas):
    page = at_linas.post("/visits/new", data={**FORM, "leader_id": lina.id}, follow_redirects=True)

    answer = press_undo(at_linas, page.text)

    assert "已撤销。" in answer.text
    with arranged(app) as db:
        [visit] = db.scalars(select(Visit))
    assert (visit.status, visit.logged_at) == (Status.CANCELLED, None)


def test_a_step_is_not_undone_once_something_followed(app, lina, at_linas, planned):
    page = at_linas.post(f"/visits/{planned.id}/done", follow_redirects=True).text
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
    sign_in(app, "root").post(f"/visits/{planned.id}/confirm")

    answer = press_undo(at_linas, page)

    assert "不能撤销" in answer.text
    assert stored(app, planned)[0]["status"] is Status.DONE


def test_nobody_undoes_the_step_of_another_nor_long_after(app, lina, at_linas, planned):
    page = at_linas.post(f"/visits/{planned.id}/done", follow_redirects=True).text
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)

    forged = {"step": "forged"}
    answers = [
        press_undo(sign_in(app, "root"), page),
        at_linas.post(f"/visits/{planned.id}/undo", data=forged, follow_redirects=True),
    ]
    with time_machine.travel(NOW + timedelta(minutes=31), tick=False):
        answers.append(press_undo(at_linas, page))

    assert ["不能撤销" in answer.text for answer in answers] == [True, True, True]


def test_nothing_is_offered_where_a_freeze_has_used_the_visit(app, lina, at_linas):
    with arranged(app) as db:
        visit = make_visit(db, lina, date(2026, 6, 30), status=Status.PLANNED)
        freeze_period(db, period=Period.parse("2026-06"), at=NOW, now=NOW)

    data = {"why_corrected": "补录"}
    page = at_linas.post(f"/visits/{visit.id}/done", data=data, follow_redirects=True).text

    assert stored(app, visit)[0]["status"] is Status.DONE
    assert "撤销" not in page


def test_a_step_is_not_undone_once_a_freeze_has_used_it(app, lina, at_linas, planned):
    page = at_linas.post(f"/visits/{planned.id}/done", follow_redirects=True).text
    with arranged(app) as db:
        freeze_period(db, period=Period.parse("2026-07"), at=NOW, now=NOW)

    assert "不能撤销" in press_undo(at_linas, page).text


def test_a_cancelled_visit_is_restored_and_counts_again(app, lina, at_linas, planned):
    page = at_linas.post(f"/visits/{planned.id}/cancel", follow_redirects=True).text
    assert "撤销</button>" in page

    answer = at_linas.post(f"/visits/{planned.id}/restore", follow_redirects=True)

    assert "已恢复为计划拜访。" in answer.text
    assert "计划 0 → 1" in answer.text
    assert stored(app, planned)[0]["status"] is Status.PLANNED
    assert stored(app, planned)[0]["entered_at"] == NOW


def test_a_visit_is_restored_by_whoever_may_cancel_it_and_only_then(app, lina, at_linas, planned):
    with arranged(app) as db:
        make_person(db, "stranger")

    assert sign_in(app, "stranger").post(f"/visits/{planned.id}/restore").status_code == 404
    answer = at_linas.post(f"/visits/{planned.id}/restore", follow_redirects=True)
    assert "只有已取消的拜访可以恢复" in answer.text


def test_a_change_is_told_in_one_message(app, lina, at_linas, planned):
    page = at_linas.post(f"/visits/{planned.id}/done", follow_redirects=True).text

    assert page.count('class="alert alert-') == 1
    assert "0/20 → 1/20" in page


def test_a_confirmation_falls_when_a_cancellation_is_taken_back(app, lina, at_linas):
    with arranged(app) as db:
        judge = make_person(db, "judge", role=Role.SUPERVISOR, duty=Duty.STAFF)
        verdict = {"verdict": Verdict.CONFIRMED, "verdict_at": NOW, "verdict_by_id": judge.id}
        visit = make_visit(db, lina, days=5, kind=Kind.RESIDENCY, status=Status.PLANNED, **verdict)

    at_linas.post(f"/visits/{visit.id}/cancel")
    at_linas.post(f"/visits/{visit.id}/restore")

    columns = stored(app, visit)[0]
    assert columns["status"] is Status.PLANNED
    assert columns["verdict"] is columns["verdict_by_id"] is None


def test_a_step_is_not_undone_into_a_period_frozen_meanwhile(app, lina, at_linas):
    with arranged(app) as db:
        visit = make_visit(db, lina, date(2026, 6, 30), status=Status.PLANNED)
    data = {"on": "2026-07-14"}
    page = at_linas.post(f"/visits/{visit.id}/move", data=data, follow_redirects=True).text
    with arranged(app) as db:
        freeze_period(db, period=Period.parse("2026-06"), at=NOW, now=NOW)

    assert "不能撤销" in press_undo(at_linas, page).text
