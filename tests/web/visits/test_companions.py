"""Whoever is named as a companion gets a message, and can take themself out."""

from datetime import date

import pytest
import time_machine
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.outbox import Message, MessageKind, State
from crm.base.periods import Period
from crm.quotas.models import Correction
from crm.quotas.service import freeze_period
from crm.visits.models import Visit, VisitFormer, VisitParticipant
from crm.visits.rules import Verdict
from tests.factories import (
    RECRUITER,
    arranged,
    make_person,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)
from tests.web.corrections.test_views import FREEZE, LATER
from tests.web.visits.test_views import FORM


@pytest.fixture
def people(app):
    """A leader and a companion of one unit."""
    with arranged(app) as db:
        unit = make_unit(db)
        return [make_person(db, name, name=name, unit=unit) for name in ("led", "joined")]


@pytest.fixture
def named(app, people):
    """The visit as whose companion the leader named the other, on its page."""
    led, joined = people
    data = {**FORM, "leader_id": led.id, "participant_ids": [joined.id]}
    sign_in(app, "led").post("/visits/new", data=data)
    with arranged(app) as db:
        return db.scalars(select(Visit)).one()


def messages(app, kind=MessageKind.COMPANION):
    with arranged(app) as db:
        rows = select(Message).where(Message.kind == kind).order_by(Message.id)
        return [(each.person_id, each.state) for each in db.scalars(rows)]


def companions(app):
    with arranged(app) as db:
        return list(db.scalars(select(VisitParticipant.person_id)))


def test_a_companion_is_told_in_the_mailbox_and_on_my_day(app, people, named):
    at_joined = sign_in(app, "joined")

    assert messages(app) == [(people[1].id, State.SENT)]
    assert "被列为同行" in at_joined.get("/").text
    assert "您被列为同行人" in at_joined.get("/mailbox").text


def test_nobody_is_told_of_what_they_entered_themselves(app, people):
    led, joined = people
    data = {**FORM, "leader_id": led.id, "participant_ids": [joined.id]}
    sign_in(app, "joined").post("/visits/new", data=data)

    assert messages(app) == []
    assert "被列为同行" not in sign_in(app, "joined").get("/").text


def test_a_companion_takes_themself_out_and_the_leader_is_told(app, people, named):
    led, joined = people

    answer = sign_in(app, "joined").post(f"/visits/{named.id}/leave")

    assert answer.location == "/"
    assert companions(app) == []
    assert messages(app)[-1] == (led.id, State.SENT)
    assert "被列为同行" not in sign_in(app, "joined").get("/").text
    with arranged(app) as db:
        former = db.scalars(select(VisitFormer)).one()
        entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "visit.left")).one()
    assert former.left_at is not None
    assert entry.by_id == joined.id


def test_only_a_companion_leaves(app, people, named):
    at_led = sign_in(app, "led")

    answer = at_led.post(f"/visits/{named.id}/leave")

    assert "您不是这次拜访的同行人" in at_led.get(answer.location).text
    assert companions(app) == [people[1].id]


def test_nobody_leaves_a_visit_of_others(app, people, named):
    with arranged(app) as db:
        make_person(db, "stranger")

    assert sign_in(app, "stranger").post(f"/visits/{named.id}/leave").status_code == 404


def test_leaving_a_visit_requires_login(app, named):
    assert "/login" in app.test_client().post(f"/visits/{named.id}/leave").location


def test_taking_oneself_out_voids_no_confirmation(app, people):
    led, joined = people
    with arranged(app) as db:
        visit = make_visit(db, led, participants=[joined], verdict=Verdict.CONFIRMED)

    sign_in(app, "joined").post(f"/visits/{visit.id}/leave")

    with arranged(app) as db:
        assert db.get_one(Visit, visit.id).verdict is Verdict.CONFIRMED
    assert companions(app) == []


def test_taking_oneself_out_of_a_frozen_month_makes_a_correction(app, people):
    led, joined = people
    with arranged(app) as db:
        make_rule(db, RECRUITER)
        visit = make_visit(db, led, date(2026, 7, 14), participants=[joined])
        freeze_period(db, period=Period.parse("2026-07"), at=FREEZE, now=FREEZE)

    with time_machine.travel(LATER, tick=False):
        why = {"why_corrected": "当天另有安排"}
        sign_in(app, "joined").post(f"/visits/{visit.id}/leave", data=why)

    with arranged(app) as db:
        made = db.scalars(select(Correction)).one()
    assert (made.from_achieved, made.to_achieved) == (1, 0)
    assert "同行人说明未参加" in made.why


def test_a_form_credits_no_companion_and_no_lead_unchosen(app, people, named):
    page = sign_in(app, "led").get("/visits/new").text

    assert "点选添加上次的同行人" in page
    assert f'value="{people[1].id}" selected' not in page
    assert "checked" not in page.split("点选添加上次的同行人")[1].split("</fieldset>")[0]


def test_the_last_companion_is_offered_beside_the_field(app, people, named):
    led, joined = people
    data = {**FORM, "ref": "V-2", "leader_id": led.id, "companions_again": [joined.id]}
    data |= {"starts": "14:00", "ends": "15:00"}

    sign_in(app, "led").post("/visits/new", data=data)

    assert companions(app) == [joined.id, joined.id]
