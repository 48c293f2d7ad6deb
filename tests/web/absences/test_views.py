"""Absences on pages: asked for on the phone, decided by one touch, told on my day."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message
from crm.base.periods import Period
from crm.people.models import Absence
from crm.people.rules import AbsenceStatus, Duty, Role
from crm.quotas.models import Correction
from crm.quotas.service import freeze_period
from tests.factories import arranged, make_person, make_rule, make_unit, sign_in

LIST = "/absences"
ASKED = {"kind": "leave", "from_on": "2026-07-20", "to_on": "2026-07-22", "reason": ""}


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        unit = make_unit(db, "招商局")
        given = {"role": Role.SUPERVISOR, "duty": Duty.STAFF}
        make_person(db, "lina", name="李娜", unit=unit, duty=Duty.DEPUTY)
        make_person(db, "chief", name="赵督", unit=unit, **given)
        make_person(db, "other", unit=make_unit(db), **given)
        make_person(db, "reader", role=Role.READER, duty=Duty.STAFF, unit=unit)


@pytest.fixture
def at_linas(app, zone):
    return sign_in(app, "lina")


@pytest.fixture
def at_chiefs(app, zone):
    return sign_in(app, "chief")


@pytest.fixture
def asked(app, at_linas):
    at_linas.post(f"{LIST}/new", data=ASKED)
    return the_one(app).id


def the_one(app):
    with arranged(app) as db:
        return db.scalars(select(Absence)).one()


def test_one_asks_and_sees_that_it_waits(app, at_linas):
    assert "其他公务" in at_linas.get(f"{LIST}/new").text

    assert at_linas.post(f"{LIST}/new", data=ASKED).location == LIST

    page = at_linas.get(LIST).text
    assert "7月20日至22日" in page
    assert "待审批" in page


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"to_on": "2026-07-01"}, "结束日期早于开始日期。"),
        ({"from_on": ""}, "请选择开始日期。"),
        ({}, "已提交过相同的请假申请（待审批）。"),
    ],
)
def test_what_cannot_be_asked_for_is_told(at_linas, asked, told, sentence):
    answer = at_linas.post(f"{LIST}/new", data=ASKED | {"reason": "家中有事"} | told)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="家中有事"' in answer.text


def test_other_duty_needs_a_reason(at_linas):
    answer = at_linas.post(f"{LIST}/new", data=ASKED | {"kind": "other_duty"})

    assert answer.status_code == 422
    assert 'id="reason-error"' in answer.text


def test_my_day_leads_to_those_that_wait_one_touch_approves_and_the_person_is_told(
    app, at_linas, at_chiefs, asked
):
    assert f'href="{LIST}?view=waiting"' in at_chiefs.get("/").text
    assert "李娜 休假" in at_chiefs.get(f"{LIST}?view=waiting").text

    answer = at_chiefs.post(f"{LIST}/{asked}/approve", data={"back": f"{LIST}?view=waiting"})

    assert answer.location == f"{LIST}?view=waiting"
    assert "请假待审批" not in at_chiefs.get("/").text
    assert "近七天的答复" in at_linas.get("/").text
    assert "已批准" in at_linas.get("/").text
    assert the_one(app).status is AbsenceStatus.APPROVED


def test_it_is_returned_with_a_reason(app, at_linas, at_chiefs, asked):
    assert at_chiefs.post(f"{LIST}/{asked}/return", data={"why": ""}).status_code == 422

    at_chiefs.post(f"{LIST}/{asked}/return", data={"why": "当周有接待"})

    day = at_linas.get("/").text
    assert "已退回" in day
    assert "答复：当周有接待" in day
    assert "当周有接待" in at_linas.get(f"{LIST}/{asked}").text


def test_one_withdraws_it(app, at_linas, asked):
    at_linas.post(f"{LIST}/{asked}/withdraw")

    assert the_one(app).status is AbsenceStatus.WITHDRAWN


def test_a_supervisor_shortens_it_and_cancels_it(app, at_chiefs, asked):
    at_chiefs.post(f"{LIST}/{asked}/approve")
    short = {"to_on": "2026-07-21", "why": "提前返岗"}
    late = at_chiefs.post(f"{LIST}/{asked}/shorten", data=short | {"to_on": "2026-07-22"})
    assert (late.status_code, "且须早于原结束日期 7月22日" in late.text) == (422, True)

    at_chiefs.post(f"{LIST}/{asked}/shorten", data=short)
    assert the_one(app).to_on == date(2026, 7, 21)

    at_chiefs.post(f"{LIST}/{asked}/cancel", data={"why": "行程取消"})
    assert the_one(app).status is AbsenceStatus.CANCELLED


def test_an_absence_shortened_since_it_was_shown_is_not_cancelled_unseen(app, at_chiefs, asked):
    at_chiefs.post(f"{LIST}/{asked}/approve")
    page = at_chiefs.get(f"{LIST}/{asked}").text
    shown = re.search(r'name="shown" type="hidden" value="(\d+)"', page)[1]
    at_chiefs.post(f"{LIST}/{asked}/shorten", data={"to_on": "2026-07-21", "why": "提前返岗"})

    answer = at_chiefs.post(f"{LIST}/{asked}/cancel", data={"why": "行程取消", "shown": shown})

    assert answer.status_code == 409
    assert re.search("此后有变动：赵督于.*缩短请假。", answer.text)
    assert 'value="行程取消"' in answer.text
    assert the_one(app).status is AbsenceStatus.APPROVED


def test_what_somebody_else_decided_meanwhile_is_told(app, at_linas, at_chiefs, asked):
    at_linas.post(f"{LIST}/{asked}/withdraw")

    page = at_chiefs.post(f"{LIST}/{asked}/approve", follow_redirects=True).text

    assert "这条请假的状态为“已撤回”" in page


def test_a_supervisor_of_another_unit_does_not_know_of_it(app, asked):
    client = sign_in(app, "other")

    assert client.get(f"{LIST}/{asked}").status_code == 404
    assert client.post(f"{LIST}/{asked}/approve").status_code == 404
    assert "李娜" not in client.get(f"{LIST}?view=team").text


def test_a_colleague_does_not_know_of_it(app, asked):
    with arranged(app) as db:
        make_person(db, "wang")
    client = sign_in(app, "wang")

    assert client.get(f"{LIST}/{asked}").status_code == 404
    assert client.post(f"{LIST}/{asked}/withdraw").status_code == 404


def test_one_does_not_approve_ones_own(app, at_chiefs):
    at_chiefs.post(f"{LIST}/new", data=ASKED)

    page = at_chiefs.post(f"{LIST}/{the_one(app).id}/approve", follow_redirects=True).text

    assert "超出您的权限" in page
    assert the_one(app).status is AbsenceStatus.ASKED


def test_a_reader_has_no_such_page(app, zone):
    client = sign_in(app, "reader")

    assert client.get(LIST).status_code == 404
    assert f'href="{LIST}"' not in client.get("/").text


def test_the_door_comes_first(client):
    assert client.get(LIST).location == "/login?next=/absences"
    assert client.post(f"{LIST}/1/approve").location == "/login"


def test_a_supervisor_sees_those_of_the_units(at_chiefs, asked):
    assert "李娜 休假" in at_chiefs.get(f"{LIST}?view=team").text
    assert "待我审批 1" in at_chiefs.get(LIST).text


# what it does to figures


@pytest.fixture
def closed(app, zone, asked):
    """July is frozen; the absence of July is decided on in August."""
    with arranged(app) as db:
        make_rule(db)
    with arranged(app) as db:
        freeze = at_civil(date(2026, 8, 6))
        freeze_period(db, period=Period.parse("2026-07"), at=freeze, now=freeze)
    with time_machine.travel(at_civil(date(2026, 8, 10)) + timedelta(hours=10), tick=False):
        yield sign_in(app, "chief")


def corrections(app):
    with arranged(app) as db:
        rows = db.scalars(select(Correction).order_by(Correction.id))
        return [(each.from_required, each.to_required, each.why) for each in rows]


def test_a_late_approval_a_cut_and_a_cancelling_each_correct_frozen_july(app, closed, asked):
    with arranged(app) as db:
        one = db.scalars(select(Absence)).one()
        one.from_on, one.to_on = date(2026, 7, 16), date(2026, 7, 31)

    result = {"why_corrected": "批件迟到"}
    page = closed.post(f"{LIST}/{asked}/approve", data=result, follow_redirects=True).text
    assert "已记更正 1 条" in page
    closed.post(
        f"{LIST}/{asked}/shorten", data={"to_on": "2026-07-17", "why": "十个字的缘由在这里写"}
    )
    closed.post(f"{LIST}/{asked}/cancel", data={"why": "未成行"})

    assert corrections(app) == [
        (6, 3, "批准请假（批件迟到）"),
        (3, 6, "缩短请假（十个字的缘由在这里写）"),
    ]  # 21 of 23 days round up to 6: the cancelling changes nothing
    assert the_one(app).status is AbsenceStatus.CANCELLED


def test_what_is_asked_for_or_returned_corrects_nothing(app, closed, asked):
    closed.post(f"{LIST}/{asked}/return", data={"why": "不同意"})

    assert corrections(app) == []


def mails(app):
    with arranged(app) as db:
        return db.scalars(select(Message).order_by(Message.id)).all()


def test_the_person_is_told_by_mail_what_was_decided(app, at_chiefs, asked):
    at_chiefs.post(f"{LIST}/{asked}/approve")
    at_chiefs.post(f"{LIST}/{asked}/shorten", data={"to_on": "2026-07-21", "why": "提前返岗"})
    at_chiefs.post(f"{LIST}/{asked}/cancel", data={"why": "行程取消"})

    result = mails(app)
    assert [each.subject for each in result] == [
        "请假已批准：休假 7月20日至22日",
        "请假已缩短：休假 7月20日至21日",
        "请假已取消：休假 7月20日至21日",
    ]
    assert {each.recipient for each in result} == {"lina@crm.test"}
    assert "办理人：赵督" in result[0].body_text
    assert "结束日期改为7月21日" in result[1].body_text
    assert "答复：提前返岗" in result[1].body_text


def test_a_no_is_told_with_its_reason(app, at_chiefs, asked):
    at_chiefs.post(f"{LIST}/{asked}/return", data={"why": "当周<有>重要接待"})

    (result,) = mails(app)
    assert result.subject == "请假未批准：休假 7月20日至22日"
    assert "答复：当周<有>重要接待" in result.body_text
    assert "当周&lt;有&gt;重要接待" in result.body_html


def test_who_takes_it_back_or_is_refused_is_told_by_no_mail(app, at_linas, at_chiefs, asked):
    at_linas.post(f"{LIST}/{asked}/withdraw")
    at_chiefs.post(f"{LIST}/{asked}/approve")

    assert mails(app) == []
