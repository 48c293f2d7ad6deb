"""Pages by which rights are handed on for a time, and what the delegate finds then (代理)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message, MessageKind
from crm.people.models import Delegation, Person
from crm.people.rules import Duty, Role
from tests.factories import arranged, make_person, make_regime, make_unit, make_visit, sign_in
from tests.web.test_at_once import at_once

PAGE = "/me/delegations"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        make_regime(db)
        bureau, other = make_unit(db, "招商局"), make_unit(db, "建设局")
        make_person(db, "wu", name="伍思齐", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=bureau)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        shen = make_person(db, "shen", name="沈若川", unit=bureau)
        make_visit(db, shen, date(2026, 7, 1), logged_at=at_civil(date(2026, 7, 10)), met="王总")
        agent = make_person(db, "agent", name="季文员", unit=other)
    return {"agent_id": agent.id, "from_on": "2026-07-15", "to_on": "2026-07-20", "reason": "休假"}


def told(app):
    with arranged(app) as db:
        query = select(Person.username).join(Message, Message.person_id == Person.id)
        is_told = query.where(Message.kind == MessageKind.DELEGATION).order_by(Message.id)
        return db.scalars(is_told).all()


def test_it_is_given_for_some_dates_and_the_delegate_is_told(app, zone):
    answer = sign_in(app, "wu").post(PAGE, data=zone, follow_redirects=True)

    assert "季文员代理伍思齐" in answer.text
    assert told(app) == ["agent"]
    assert "您正在代理伍思齐" in sign_in(app, "agent").get("/").text
    assert "季文员代理伍思齐" in sign_in(app, "root").get("/admin/people/agent").text


def test_what_waits_for_whoever_is_away_waits_for_the_delegate(app, zone):
    agent = sign_in(app, "agent")
    assert agent.get("/compliance?tab=waiting").status_code == 404

    sign_in(app, "wu").post(PAGE, data=zone)

    assert "超期补录的拜访待确认" in agent.get("/").text
    waiting = agent.get("/compliance?tab=waiting")
    assert "沈若川" in waiting.text
    assert agent.post("/visits/1/confirm").status_code == 302


def test_what_is_refused_stands_at_its_field_and_nothing_is_lost(app, zone):
    answer = sign_in(app, "wu").post(PAGE, data=zone | {"to_on": "2026-07-01", "reason": "去北京"})

    assert answer.status_code == 422
    assert "去北京" in answer.text


def test_either_or_an_admin_ends_it_and_the_other_is_told(app, zone):
    sign_in(app, "wu").post(PAGE, data=zone)
    with arranged(app) as db:
        given = db.scalars(select(Delegation.id)).one()

    assert sign_in(app, "shen").post(f"{PAGE}/{given}/end").status_code == 404
    sign_in(app, "agent").post(f"{PAGE}/{given}/end")

    assert told(app) == ["agent", "wu"]
    assert "暂无代理" in sign_in(app, "wu").get(PAGE).text

    sign_in(app, "wu").post(PAGE, data=zone)
    ended = sign_in(app, "root").post(f"/admin/people/wu/delegations/{given + 1}/end")
    assert ended.location == "/admin/people/wu"
    assert told(app)[2:] == ["agent", "wu", "agent"]


def test_none_is_left_that_was_given_while_the_account_closed(app, zone):
    wu, root = sign_in(app, "wu"), sign_in(app, "root")

    at_once(
        lambda: wu.post(PAGE, data=zone),
        lambda: root.post("/admin/people/agent/disable"),
    )

    with arranged(app) as db:
        assert not db.scalars(select(Delegation.id).where(Delegation.ended_at.is_(None))).all()


def test_whoever_oversees_nobody_hands_nothing_on(app, zone):
    recruiter = sign_in(app, "agent")

    assert "授权他人代理我" not in recruiter.get(PAGE).text
    assert recruiter.post(PAGE, data=zone).status_code == 404
