"""A form asks before it saves an unlikely visit: 合并 or 仍保存."""

import html
import re
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from crm.base.outbox import Message
from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role
from crm.visits.models import Visit
from crm.visits.rules import Kind, Status, Verdict
from tests.factories import (
    arranged,
    make_company,
    make_lead,
    make_person,
    make_unit,
    make_visit,
    sign_in,
)
from tests.web.visits.test_views import FORM

STAY = {"kind": "residency", "first_on": "2026-07-08", "last_on": "2026-07-12", "city": "上海"}


@pytest.fixture
def me(app):
    with arranged(app) as db:
        return make_person(db, "me", name="李娜")


@pytest.fixture
def at_mine(app, me):
    return sign_in(app, "me")


def send(client, leader, path="/visits/new", **values):
    return client.post(path, data={**FORM, "leader_id": leader.id, **values})


def button(page, label):
    """What the button of that label sends."""
    found = re.search(rf'name="do" value="([^"]+)">{label}', page)
    return html.unescape(found[1]) if found else None


def visits(app):
    with arranged(app) as db:
        query = select(Visit).options(selectinload(Visit.participants)).order_by(Visit.id)
        return list(db.scalars(query))


def test_two_cities_at_once_are_asked_about_and_kept_all_the_same(app, me, at_mine):
    with arranged(app) as db:
        make_visit(db, me, date(2026, 7, 14), city="上海")

    asked = send(at_mine, me, minutes="谈了用地")
    kept = send(at_mine, me, do=button(asked.text, "仍保存"))

    assert asked.status_code == 422
    assert "李娜已有7月14日 周二 09:00–17:00的上海 外出拜访，同一时间在两个城市。" in asked.text
    assert "谈了用地" in asked.text
    assert button(asked.text, "合并") is None
    assert kept.status_code == 302
    assert len(visits(app)) == 2


def test_an_answer_does_not_answer_another_question(app, me, at_mine):
    with arranged(app) as db:
        make_visit(db, me, date(2026, 7, 14), city="上海")
    answer = button(send(at_mine, me).text, "仍保存")
    with arranged(app) as db:
        make_visit(db, me, date(2026, 7, 14), city="常州")

    assert send(at_mine, me, do=answer).status_code == 422


def test_the_visit_that_another_entered_is_joined_instead(app):
    with arranged(app) as db:
        unit = make_unit(db)
        me = make_person(db, "me", name="李娜", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        other = make_person(db, "other", name="王强", unit=unit)
        lead = make_lead(db)
        known = make_visit(db, other, leads=[lead], minutes="看了厂房")
    at_mine = sign_in(app, "me")
    values = {"lead_ids": [lead.id], "minutes": "对方要20亩"}

    asked = send(at_mine, me, **values)
    merged = send(at_mine, me, **values, do=button(asked.text, "合并到"))

    assert "王强带队）可能是同一次拜访" in asked.text
    with arranged(app) as db:
        assert "李娜加入" in db.scalars(select(Message.subject)).one()
    assert merged.location == f"/visits/{known.id}"
    (visit,) = visits(app)
    assert [each.id for each in visit.participants] == [me.id]
    assert (visit.leader_id, visit.minutes) == (other.id, "看了厂房\n对方要20亩")


def test_whoever_merely_sees_a_visit_of_others_cannot_merge_into_it(app, me, at_mine):
    with arranged(app) as db:
        other = make_person(db, "other", name="王强")
        lead = make_lead(db)
        known = make_visit(db, other, leads=[lead])

    asked = send(at_mine, me, lead_ids=[lead.id])
    refused = send(at_mine, me, lead_ids=[lead.id], do=f"merge {known.id}")
    kept = send(at_mine, me, lead_ids=[lead.id], do=button(asked.text, "仍保存"))

    assert "王强带队）可能是同一次拜访" in asked.text
    assert button(asked.text, "合并到") is None
    assert (refused.status_code, "超出您的权限" in refused.text) == (422, True)
    assert kept.status_code == 302
    assert [[*each.participants] for each in visits(app)] == [[], []]


def test_a_merge_of_words_leaves_the_trip_and_the_confirmation(app, me, at_mine):
    with arranged(app) as db:
        other = make_person(db, "other")
        kept = {"trip": "T-1", "minutes": "看了厂房", "verdict": Verdict.CONFIRMED}
        known = make_visit(db, other, participants=[me], **kept)

    send(at_mine, me, trip="T-2", minutes="对方要20亩", do=f"merge {known.id}")

    (visit,) = visits(app)
    assert (visit.trip, visit.verdict) == ("T-1", Verdict.CONFIRMED)
    assert visit.minutes == "看了厂房\n对方要20亩"


def test_no_question_tells_which_company_a_hidden_lead_is_of(app, me, at_mine):
    with arranged(app) as db:
        company = make_company(db)
        hidden = make_lead(db, company=company, secrecy=Secrecy.RESTRICTED)
        make_visit(db, make_person(db, "other"), leads=[make_lead(db, company=company)])
        own = make_visit(db, me, date(2026, 7, 1))
    nowhere = 999_999

    for path in ("/visits/new", f"/visits/{own.id}/edit"):
        pages = [send(at_mine, me, path, lead_ids=[each]).text for each in (hidden.id, nowhere)]
        assert ["未找到该线索" in page for page in pages] == [True, True]
        assert not any("可能是同一次拜访" in page for page in pages)


def test_a_stay_over_a_stay_extends_it(app, me, at_mine):
    with arranged(app) as db:
        make_visit(db, me, date(2026, 7, 6), kind=Kind.RESIDENCY, days=5, city="上海")

    asked = send(at_mine, me, **STAY)
    send(at_mine, me, **STAY, do=button(asked.text, "合并到"))

    (visit,) = visits(app)
    assert "驻城日期重叠" in asked.text
    assert (visit.first_on, visit.last_on) == (date(2026, 7, 6), date(2026, 7, 12))


def test_a_merge_that_was_not_offered_is_refused(app, me, at_mine):
    with arranged(app) as db:
        known = make_visit(db, me, date(2026, 7, 1), city="上海")

    answer = send(at_mine, me, do=f"merge {known.id}")

    assert answer.status_code == 422
    assert "这两次拜访不能合并" in answer.text
    assert len(visits(app)) == 1


def test_a_hidden_visit_of_a_colleague_says_no_more_than_that_they_are_busy(app, me, at_mine):
    with arranged(app) as db:
        other = make_person(db, "other", name="王强", unit=make_unit(db))
        make_visit(db, other, date(2026, 7, 14), city="深圳")

    typed = ({}, {"city": "深圳"}, {"starts": "20:00", "ends": "21:00"}, {"city": "南京"})
    asked = [send(at_mine, me, participant_ids=[other.id], **each).text for each in typed]

    assert ["王强当天已另有拜访登记。" in page for page in asked] == [True] * 4
    assert len({button(page, "仍保存") for page in asked}) == 1
    assert "深圳" not in asked[0]
    assert button(asked[0], "合并") is None


def test_a_change_asks_only_about_what_it_brings(app, me, at_mine):
    with arranged(app) as db:
        make_visit(db, me, date(2026, 7, 14), city="上海")
        visit = make_visit(db, me, date(2026, 7, 14), city="苏州")
    path = f"/visits/{visit.id}/edit"

    words = send(at_mine, me, path, starts="09:00", ends="17:00", minutes="补充")
    moved = send(at_mine, me, path, city="常州", first_on="2026-07-14", ends="17:00")

    assert words.status_code == 302
    assert moved.status_code == 302  # the same doubt as before

    with arranged(app) as db:
        make_visit(db, me, date(2026, 7, 10), city="上海")
    asked = send(at_mine, me, path, first_on="2026-07-10")
    assert (asked.status_code, "同一时间在两个城市" in asked.text) == (422, True)


def test_a_move_asks_the_same_questions(app, me, at_mine):
    with arranged(app) as db:
        make_visit(db, me, date(2026, 7, 14), city="上海")
        plan = make_visit(db, me, date(2026, 7, 20), city="苏州", status=Status.PLANNED)
    path, on = f"/visits/{plan.id}/move", {"on": "2026-07-14"}

    asked = at_mine.post(path, data=on)
    answer = re.search(r'name="do" value="([^"]+)"', asked.text)[1]
    at_mine.post(path, data=on | {"do": answer})

    assert (asked.status_code, "同一时间在两个城市" in asked.text) == (422, True)
    assert [each.first_on for each in visits(app)] == [date(2026, 7, 14), date(2026, 7, 14)]


def test_naming_somebody_who_took_no_part_again_is_asked_about(app, me, at_mine):
    with arranged(app) as db:
        other = make_person(db, "other", name="王强")
        visit = make_visit(db, me, participants=[other])
    sign_in(app, "other").post(f"/visits/{visit.id}/leave")
    again = {"participant_ids": [other.id], "path": f"/visits/{visit.id}/edit"}

    asked = send(at_mine, me, **again)
    send(at_mine, me, **again, do=button(asked.text, "仍保存"))

    assert "王强已说明未参加这次拜访，请确认是否仍列入。" in asked.text
    assert [each.id for each in visits(app)[0].participants] == [other.id]
