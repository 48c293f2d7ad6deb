"""Pages of follow-ups: who sees them, and how they are added, finished and changed."""

from datetime import date
from html import unescape

import pytest
from sqlalchemy import select

from crm.base.outbox import Message
from crm.base.paging import PAGE
from crm.base.periods import DAY
from crm.followups.models import Followup
from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role
from crm.visits.rules import Channel
from tests.conftest import NOW
from tests.factories import arranged, make_followup, make_lead, make_person, sign_in

TODAY = date(2026, 7, 15)


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        return make_person(db, "lina", name="李娜")


@pytest.fixture
def at_linas(app, lina):
    return sign_in(app, "lina")


@pytest.fixture
def lead(app):
    with arranged(app) as db:
        return make_lead(db, "晶圆基地")


@pytest.fixture
def step(app, lina, lead):
    with arranged(app) as db:
        return make_followup(db, lead, lina, TODAY, what="回访用地")


def steps(app):
    with arranged(app) as db:
        return list(db.scalars(select(Followup).order_by(Followup.id)))


def add(client, lead, lina, **values):
    form = {
        "ref": "F-form",
        "lead_id": lead.id,
        "person_id": lina.id,
        "what": "寄送政策",
        "due_on": "2026-07-20",
    }
    return client.post("/followups/new", data=form | values)


def test_without_login_each_page_redirects_to_login(client):
    assert client.get("/followups").location == "/login?next=/followups"
    assert client.post("/followups/1/finish").location == "/login"


def test_a_reader_has_no_records(app):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=Duty.STAFF)

    assert sign_in(app, "reader").get("/followups").status_code == 404


def test_a_followup_is_added(app, at_linas, lead, lina):
    answer = add(at_linas, lead, lina)

    assert answer.location == "/followups?view=open"
    assert "寄送政策" in at_linas.get(answer.location).text


def test_a_followup_added_from_a_lead_leads_back_to_it(at_linas, lead, lina):
    path = f"/followups/new?lead={lead.id}"
    assert f'selected value="{lead.id}"' in at_linas.get(path).text

    answer = at_linas.post(
        path,
        data={
            "lead_id": lead.id,
            "person_id": lina.id,
            "what": "寄送政策",
            "due_on": "2026-07-20",
        },
    )

    assert answer.location == f"/leads/{lead.id}"


def test_a_form_sent_twice_is_one_followup(app, at_linas, lead, lina):
    add(at_linas, lead, lina)
    add(at_linas, lead, lina)

    assert len(steps(app)) == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"what": " "}, "请填写跟进事项。"),
        ({"due_on": ""}, "请选择期限。"),
        ({"due_on": "0001-01-01"}, "请检查年份。"),
        ({"lead_id": ""}, "请选择线索。"),
        ({"lead_id": "999999"}, "未找到该线索，请重新选择。"),
        ({"person_id": "999999"}, "未找到该人员，请重新选择。"),
        ({"person_id": ""}, "请选择责任人。"),
    ],
)
def test_bad_input_gets_a_sentence(at_linas, lead, lina, values, sentence):
    answer = add(at_linas, lead, lina, **values)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "寄送政策" not in at_linas.get("/followups?view=open").text


def test_a_hidden_lead_cannot_be_chosen(app, at_linas, lina):
    with arranged(app) as db:
        secret = make_lead(db, "某芯片总部", secrecy=Secrecy.RESTRICTED)

    answer = add(at_linas, secret, lina)

    assert answer.status_code == 422
    assert "某芯片总部" not in answer.text


def test_a_followup_is_finished_and_the_next_is_added(app, at_linas, step):
    answer = at_linas.post(
        f"/followups/{step.id}/finish",
        data={
            "result": "对方确认了用地",
            "channel": "phone",
            "next_what": "约见电力",
            "next_due_on": "2026-07-22",
        },
    )

    done, following = steps(app)
    assert answer.location == "/"
    assert (done.result, done.channel) == ("对方确认了用地", Channel.PHONE)
    assert done.next_id == following.id
    assert "对方确认了用地" in at_linas.get(f"/followups/{step.id}").text


def test_a_followup_is_finished_without_a_next_one(app, at_linas, step):
    at_linas.post(f"/followups/{step.id}/finish", data={"result": "已办"})

    assert [each.done_at is not None for each in steps(app)] == [True]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"result": ""}, "请填写结果。"),
        ({"next_what": "约见电力"}, "请填写此项。"),
        ({"next_due_on": "2026-07-22"}, "请填写此项。"),
    ],
)
def test_a_wrong_result_keeps_what_was_typed(app, at_linas, step, values, sentence):
    answer = at_linas.post(
        f"/followups/{step.id}/finish", data={"result": "已办", "met": "韩总"} | values
    )

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "韩总" in answer.text
    assert steps(app)[0].done_at is None


def test_a_followup_finished_from_its_lead_leads_back_to_it(at_linas, lead, step):
    page = at_linas.get(f"/followups/{step.id}?origin=lead").text
    path = f"/followups/{step.id}/finish?origin=lead"

    assert f'action="{path}"' in page
    assert at_linas.post(path, data={"result": "已办"}).location == f"/leads/{lead.id}"


def test_a_finished_followup_is_taken_back_from_the_message(app, at_linas, step):
    answer = at_linas.post(f"/followups/{step.id}/finish", data={"result": "已办"})
    undo = f"/followups/{step.id}/reopen"
    assert f'action="{undo}"' in at_linas.get(answer.location).text

    at_linas.post(undo)

    again = steps(app)[0]
    assert (again.done_at, again.result) == (None, None)


def test_a_followup_with_a_next_step_is_not_taken_back(app, at_linas, step):
    data = {"result": "已办", "next_what": "约见电力", "next_due_on": "2026-07-22"}
    answer = at_linas.post(f"/followups/{step.id}/finish", data=data)
    assert "撤销" not in at_linas.get(answer.location).text

    refused = at_linas.post(f"/followups/{step.id}/reopen", follow_redirects=True)

    assert "办结时已安排下一步，不能撤销" in refused.text
    assert steps(app)[0].result == "已办"


def test_a_followup_is_taken_back_only_on_the_day_it_was_finished(app, at_linas, lina, lead):
    with arranged(app) as db:
        done = make_followup(db, lead, lina, TODAY, result="已办", done_at=NOW - DAY)

    refused = at_linas.post(f"/followups/{done.id}/reopen", follow_redirects=True)

    assert "只能在办结当天撤销。" in refused.text


def test_a_finished_followup_is_not_finished_twice(app, at_linas, step):
    at_linas.post(f"/followups/{step.id}/finish", data={"result": "已办"})

    answer = at_linas.post(f"/followups/{step.id}/finish", data={"result": "又办"})

    assert answer.status_code == 422
    assert steps(app)[0].result == "已办"


def test_the_due_date_of_a_followup_can_be_moved(app, at_linas, lina, step):
    values = {"what": "回访用地和能评", "due_on": "2026-07-22", "person_id": lina.id}

    at_linas.post(f"/followups/{step.id}/change", data=values)

    assert steps(app)[0].due_on == date(2026, 7, 22)


def test_a_wrong_change_keeps_what_was_typed(app, at_linas, lina, step):
    values = {"what": "回访用地和能评", "due_on": "", "person_id": lina.id}

    answer = at_linas.post(f"/followups/{step.id}/change", data=values)

    assert answer.status_code == 422
    assert "回访用地和能评" in answer.text


@pytest.mark.parametrize("way", ["show", "finish", "reopen", "change"])
def test_a_followup_on_a_hidden_lead_is_not_found(app, lina, way):
    with arranged(app) as db:
        secret = make_lead(db, "某芯片总部", secrecy=Secrecy.RESTRICTED)
        step = make_followup(db, secret, lina, TODAY)
        make_person(db, "stranger")
    client = sign_in(app, "stranger")

    path = f"/followups/{step.id}"
    answer = client.get(path) if way == "show" else client.post(f"{path}/{way}")

    assert answer.status_code == 404


def test_the_list_shows_my_followups_by_due_date(app, at_linas, lina, lead, step):
    with arranged(app) as db:
        make_followup(db, lead, lina, date(2026, 8, 1), what="以后再说")
        make_followup(db, lead, make_person(db, "other"), TODAY, what="别人的事")

    due, still_open = at_linas.get("/followups").text, at_linas.get("/followups?view=open").text

    assert "回访用地" in due
    assert "以后再说" not in due
    assert "别人的事" not in due
    assert "以后再说" in still_open
    assert "别人的事" in at_linas.get("/followups?who=all").text
    assert "暂无已办结的跟进" in at_linas.get("/followups?view=done").text


def test_open_followups_come_by_due_date_and_done_ones_latest_first(app, at_linas, lina, lead):
    with arranged(app) as db:
        make_followup(db, lead, lina, date(2026, 7, 20), what="后办")
        make_followup(db, lead, lina, date(2026, 7, 10), what="先办")
        make_followup(db, lead, lina, date(2026, 7, 2), what="早办结", done_at=NOW)
        make_followup(db, lead, lina, date(2026, 7, 3), what="晚办结", done_at=NOW)

    to_do = at_linas.get("/followups?view=open").text
    done = at_linas.get("/followups?view=done").text

    assert to_do.index("先办") < to_do.index("后办")
    assert done.index("晚办结") < done.index("早办结")


def test_a_followup_of_another_year_shows_the_year(app, at_linas, lina, lead):
    with arranged(app) as db:
        make_followup(db, lead, lina, date(2025, 12, 31))

    assert "2025年12月31日（周三）前" in at_linas.get("/followups").text


def test_open_followups_are_paged_both_ways(app, at_linas, lina, lead):
    with arranged(app) as db:
        for number in range(PAGE + 1):
            on = date(2026, 8, 1) + number * DAY
            make_followup(db, lead, lina, on, what=f"第{number}步。")

    first = at_linas.get("/followups?view=open").text
    second = at_linas.get(page_beside(first, "next")).text

    assert "第0步。" in first
    assert f"第{PAGE}步。" not in first
    assert f"第{PAGE}步。" in second
    assert "第0步。" in at_linas.get(page_beside(second, "prev")).text


def page_beside(page, way):
    return unescape(page.split(f'rel="{way}" href="')[1].split('"')[0])


def test_a_repeating_follow_up_says_when_it_is_due_again(app, at_linas, lina, lead):
    add(at_linas, lead, lina, due_on="2026-07-15", repeat="weekly")
    [step] = steps(app)

    page = at_linas.post(
        f"/followups/{step.id}/finish", data={"result": "已回访"}, follow_redirects=True
    ).text

    assert "每周三" in at_linas.get("/followups?view=open").text
    assert "跟进已办结，下一次期限为7月22日" in page
    assert [row.due_on for row in steps(app)] == [TODAY, TODAY + 7 * DAY]


def test_a_number_out_of_range_stands_at_its_field(app, at_linas, lina, lead):
    answer = add(at_linas, lead, lina, repeat="days", repeat_number="0")

    assert answer.status_code == 422
    assert "请填写 1 至 366 之间的数。" in answer.text
    assert steps(app) == []


def test_a_follow_up_is_put_off_with_its_reason_on_the_page(at_linas, step):
    page = at_linas.post(f"/followups/{step.id}/snooze", data={"snooze_on": "2026-07-20"})
    assert page.status_code == 422
    assert "请填写原因" in page.text

    form = {"snooze_on": "2026-07-20", "snooze_reason": "客户出差"}
    page = at_linas.post(f"/followups/{step.id}/snooze", data=form, follow_redirects=True).text

    assert "由7月15日推迟到7月20日：客户出差" in page


def test_ticked_ones_are_handed_over_and_the_receiver_gets_one_mail(app, at_linas, lina, lead):
    with arranged(app) as db:
        wang = make_person(db, "wang", name="王工")
        ids = [make_followup(db, lead, lina, TODAY, what=f"事项{n}").id for n in range(2)]
    form = {"followup": ids, "person_id": wang.id, "key": "F-key"}

    page = at_linas.post("/followups", data=form, follow_redirects=True).text
    at_linas.post("/followups", data=form)

    assert "已移交 2 项跟进" in page
    assert {row.person_id for row in steps(app)} == {wang.id}
    with arranged(app) as db:
        [mail] = db.scalars(select(Message)).all()
    assert (mail.recipient, "事项0" in mail.body_text) == (wang.email, True)


def test_nothing_ticked_is_said(at_linas):
    answer = at_linas.post("/followups", data={"key": "F-key"})

    assert answer.status_code == 422
    assert "请先勾选要移交的跟进" in answer.text


@pytest.mark.parametrize("forged", ["0", "9" * 30, "9" * 5000])
def test_a_forged_tick_is_none(at_linas, forged):
    answer = at_linas.post("/followups", data={"key": "F-key", "followup": forged})

    assert answer.status_code == 422
    assert "请先勾选要移交的跟进" in answer.text
