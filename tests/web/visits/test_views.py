"""Pages of visits: who sees them, what the form takes, and what the buttons do."""

from datetime import UTC, date, datetime, time

import pytest
import time_machine
from sqlalchemy import func, select

from crm.base import clock
from crm.leads.rules import Secrecy
from crm.people.models import Posting
from crm.people.rules import Duty, Role
from crm.visits.models import Visit
from crm.visits.rules import Channel, Kind, Status, Verdict, stay_hours
from crm.web.visits.forms import likely_hours
from tests.conftest import NOW
from tests.factories import (
    PRINCIPAL,
    RECRUITER,
    arranged,
    make_lead,
    make_person,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)

FORM = {
    "ref": "V-form",
    "kind": "outreach",
    "channel": "in_person",
    "status": "done",
    "first_on": "2026-07-14",
    "starts": "09:00",
    "ends": "11:00",
    "last_on": "",
    "city": "苏州",
}


@pytest.fixture
def lina(app):
    """A recruiter with the shipped quota."""
    with arranged(app) as db:
        make_rule(db, RECRUITER)
        return make_person(db, "lina", name="李娜")


def send(client, lina, **values):
    return client.post("/visits/new", data={**FORM, "leader_id": lina.id, **values})


def visits(app):
    with arranged(app) as db:
        return list(db.scalars(select(Visit).order_by(Visit.id)))


def count(app):
    with arranged(app) as db:
        return db.scalar(select(func.count(Visit.id)))


def given(app, leader, on=date(2026, 7, 14), **values):
    with arranged(app) as db:
        return make_visit(db, leader, on, **values)


# the form


def test_a_logged_visit_reports_its_effect_on_the_quota(app, at_linas, lina):
    answer = send(at_linas, lina)

    page = at_linas.get(answer.location).text
    assert "本月驻城天数 0/20 → 1/20，差 19 天。" in page


def test_a_visit_that_does_not_count_says_why(app, at_linas, lina):
    answer = send(at_linas, lina, kind="remote", channel="video")

    page = at_linas.get(answer.location).text
    assert "未计入本月驻城天数：“线上对接”不在计入的类型内。" in page


def test_a_kind_that_is_in_person_asks_for_no_channel(app, at_linas, lina):
    send(at_linas, lina, channel="email")  # chosen for another kind, and hidden since

    assert visits(app)[0].channel is Channel.IN_PERSON


@pytest.mark.parametrize(("kind", "channel"), [("remote", "in_person"), ("event", "phone")])
def test_a_channel_that_the_kind_does_not_have_is_asked_for(app, at_linas, lina, kind, channel):
    answer = send(at_linas, lina, kind=kind, channel=channel)

    assert answer.status_code == 422
    assert "请选择方式。" in answer.text
    assert count(app) == 0


def test_a_visit_logged_late_says_that_it_waits(app, at_linas, lina):
    answer = send(at_linas, lina, first_on="2026-07-08")

    page = at_linas.get(answer.location).text
    assert "结束超过 3 天才办结，督查人员确认后计入" in page


def test_a_planned_visit_says_what_is_planned(app, at_linas, lina):
    answer = send(at_linas, lina, status="planned", first_on="2026-07-20")

    assert "本月驻城天数：计划 0 → 1，办结后计入。" in at_linas.get(answer.location).text


def test_a_leader_reads_that_the_week_is_met(app):
    with arranged(app) as db:
        make_rule(db, PRINCIPAL)
        person = make_person(db, "qian", role=Role.LEADER, duty=Duty.PRINCIPAL)
    client = sign_in(app, "qian")

    answer = send(client, person)

    assert "本周带队拜访 0/1 → 1/1，已达标。" in client.get(answer.location).text


def test_a_form_sent_twice_is_one_visit(app, at_linas, lina):
    first = send(at_linas, lina)
    second = send(at_linas, lina)

    assert first.location == second.location
    assert count(app) == 1
    assert "未重复保存" in at_linas.get(second.location).text


def test_the_form_begins_with_what_was_chosen_last(app, lina, at_linas):
    with arranged(app) as db:
        lead = make_lead(db, "晶圆基地")
        friend = make_person(db, "friend")
        make_visit(
            db,
            lina,
            date(2026, 7, 13),
            kind=Kind.RECEPTION,
            city="无锡",
            leads=[lead],
            participants=[friend],
        )

    page = at_linas.get("/visits/new").text

    assert 'value="reception" id="kind-1" checked' in page
    assert 'value="无锡"' in page
    assert f'<option data-note="{lead.company_id}' not in page
    assert f'selected value="{friend.id}"' not in page
    assert f'name="companions_again" value="{friend.id}"' in page
    assert f'name="leads_again" value="{lead.id}"' in page


def test_the_form_takes_the_lead_of_its_address(app, lina, at_linas):
    with arranged(app) as db:
        lead = make_lead(db, "晶圆基地")

    page = at_linas.get(f"/visits/new?lead={lead.id}").text

    assert f'selected value="{lead.id}"' in page


def test_the_form_hides_a_lead_that_one_may_not_see(app, lina, at_linas):
    with arranged(app) as db:
        lead = make_lead(db, "某芯片总部", secrecy=Secrecy.RESTRICTED)

    page = at_linas.get(f"/visits/new?lead={lead.id}").text

    assert "某芯片总部" not in page


def test_the_mistakes_of_a_form_are_named_above_it(at_linas, lina):
    answer = send(at_linas, lina, starts="", ref="V" * 101)

    alert = answer.text.split('class="alert-text">')[1].split("</div>")[0]
    assert '请修改<a href="#starts">开始时间</a>，已填内容已保留。' in alert
    assert "最多 100 个字。" in alert  # the reference is not shown


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"ends": "08:00"}, "结束时间必须晚于开始时间。"),
        ({"first_on": "2026-07-16"}, "尚未结束，不能办结"),
        ({"leader_id": "999999"}, "未找到该人员，请重新选择。"),
        ({"participant_ids": ["999999"]}, "未找到该人员，请重新选择。"),
        ({"lead_ids": ["999999"]}, "未找到该线索，请重新选择。"),
        ({"first_on": "2026-03-01", "last_on": "2026-07-01"}, "一次拜访最长 92 天"),
        ({"city": " "}, "请填写此项。"),
        ({"first_on": ""}, "请选择日期。"),
        ({"starts": ""}, "请填写时间。"),
        ({"first_on": "0001-01-01"}, "请检查年份。"),
        ({"leader_id": ""}, "请选择带队人。"),
    ],
)
def test_bad_input_gets_a_sentence_and_keeps_what_was_typed(app, at_linas, lina, values, sentence):
    answer = send(at_linas, lina, **{"minutes": "谈了用地", "city": "常州"} | values)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "谈了用地" in answer.text
    assert count(app) == 0


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "picnic"},
        {"channel": ""},
        {"status": "cancelled"},
        {"leader_id": str(10**30)},
        {"participant_ids": ["x"]},
        {"lead_ids": ["-1"]},
        {"first_on": "yesterday"},
        {"starts": "25:00"},
        {"last_on": "9999-12-31"},
        {"city": "长" * 101},
    ],
)
def test_forged_input_is_refused_and_nothing_is_kept(app, at_linas, lina, values):
    answer = send(at_linas, lina, **values)

    assert answer.status_code == 422
    assert count(app) == 0


def test_nul_characters_are_removed_from_input(app, at_linas, lina):
    send(at_linas, lina, city="苏\0州", minutes="\0")

    assert visits(app)[0].city == "苏州"
    assert visits(app)[0].minutes is None


def test_a_reference_of_somebody_else_is_replaced_so_that_the_form_can_be_saved(
    app, at_linas, lina
):
    with arranged(app) as db:
        make_visit(db, make_person(db, "other"), ref="V-form")

    answer = send(at_linas, lina)

    assert answer.status_code == 422
    assert 'value="V-form"' not in answer.text


def test_nobody_logs_the_visit_of_others(app, at_linas, lina):
    with arranged(app) as db:
        other = make_person(db, "other")

    answer = send(at_linas, lina, leader_id=other.id)

    assert answer.status_code == 422
    assert "只能办理本人或管辖范围内的事项" in answer.text


def test_a_stay_asks_for_its_days_only(app, at_linas, lina):
    values = {"kind": "residency", "starts": "", "ends": ""}

    answer = send(at_linas, lina, first_on="2026-07-12", last_on="2026-07-14", **values)

    assert "本月驻城天数 0/20 → 3/20" in at_linas.get(answer.location).text
    assert (visits(app)[0].first_on, visits(app)[0].last_on) == (
        date(2026, 7, 12),
        date(2026, 7, 14),
    )


def test_a_stay_that_ends_today_is_logged_at_the_end_of_work(app, at_linas, lina):
    with time_machine.travel(clock.at_civil(date(2026, 7, 15), time(17, 30)), tick=False):
        answer = send(at_linas, lina, kind="residency", first_on="2026-07-14", last_on="2026-07-15")

        assert answer.status_code == 302
        assert "0/20 → 2/20" in at_linas.get(answer.location).text


def test_the_folded_part_opens_on_an_error(at_linas, lina):
    assert '<details class="more">' in at_linas.get("/visits/new").text

    answer = send(at_linas, lina, **{"companies-0-met": "很" * 101})

    assert '<details class="more" open>' in answer.text
    assert 'id="companies-0-met-error"' in answer.text


def test_a_stay_that_ends_before_it_begins_says_so_at_a_visible_field(at_linas, lina):
    answer = send(at_linas, lina, kind="residency", first_on="2026-07-14", last_on="2026-07-10")

    assert answer.status_code == 422
    assert 'id="last_on-error"' in answer.text


def test_a_visit_until_midnight_does_not_cover_the_next_day(app, at_linas, lina):
    send(at_linas, lina, first_on="2026-07-13", starts="20:00", ends="00:00")

    assert visits(app)[0].last_on == date(2026, 7, 13)
    assert visits(app)[0].ends_at == clock.at_civil(date(2026, 7, 14))


def span(day, begin, end):
    on = date(2026, 7, day)
    return clock.at_civil(on, time(begin)), clock.at_civil(on, time(end))


@pytest.mark.parametrize(
    ("hour", "begun"),
    [
        (0, span(14, 14, 16)),
        (9, span(14, 14, 16)),
        (10, span(15, 9, 10)),
        (11, span(15, 9, 11)),
        (15, span(15, 9, 11)),
        (17, span(15, 14, 16)),
    ],
)
def test_the_form_begins_with_hours_that_have_ended(hour, begun):
    assert likely_hours(clock.at_civil(date(2026, 7, 15), time(hour))) == begun


def test_a_planned_stay_ends_with_the_last_days_work():
    first, last = date(2026, 7, 15), date(2026, 7, 17)

    starts_at, ends_at = stay_hours(first, last, is_done=False, now=NOW)

    assert starts_at == clock.at_civil(first, time(9))
    assert ends_at == clock.at_civil(last, time(18))


# one visit


def test_without_login_each_page_redirects_to_login(client):
    assert client.get("/visits").location == "/login?next=/visits"
    assert client.get("/visits/1").status_code == 302
    assert client.post("/visits/1/done").location == "/login"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/visits/{id}"),
        ("get", "/visits/{id}/edit"),
        ("post", "/visits/{id}/edit"),
        ("post", "/visits/{id}/done"),
        ("post", "/visits/{id}/cancel"),
        ("post", "/visits/{id}/confirm"),
    ],
)
def test_the_visit_of_someone_else_is_not_found(app, lina, method, path):
    visit = given(app, lina)
    with arranged(app) as db:
        make_person(db, "stranger")

    answer = getattr(sign_in(app, "stranger"), method)(path.format(id=visit.id))

    assert answer.status_code == 404


def test_a_reader_has_no_records(app):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=Duty.STAFF)

    assert sign_in(app, "reader").get("/visits").status_code == 404
    assert sign_in(app, "reader").get("/visits/new").status_code == 404


def test_an_id_too_large_for_the_database_is_not_found(at_linas):
    assert at_linas.get(f"/visits/{10**20}").status_code == 404


def test_a_hidden_lead_is_called_by_its_code_name(app, lina, at_linas):
    with arranged(app) as db:
        lead = make_lead(db, "某芯片总部", secrecy=Secrecy.RESTRICTED, code_name="长江一号")
        visit = make_visit(db, lina, leads=[lead])

    page = at_linas.get(f"/visits/{visit.id}").text

    assert "长江一号" in page
    assert "某芯片总部" not in page


def test_words_are_added_later(app, lina, at_linas):
    visit = given(app, lina)
    page = at_linas.get(f"/visits/{visit.id}/edit").text
    assert 'value="苏州"' in page

    answer = at_linas.post(
        f"/visits/{visit.id}/edit",
        data={**FORM, "leader_id": lina.id, "minutes": "谈了用地", "met": "韩总"},
    )

    assert answer.location == f"/visits/{visit.id}"
    assert "谈了用地" in at_linas.get(answer.location).text
    assert visits(app)[0].logged_at == visit.logged_at


def test_an_edit_that_is_wrong_keeps_what_was_typed(app, lina, at_linas):
    visit = given(app, lina)

    answer = at_linas.post(
        f"/visits/{visit.id}/edit",
        data={**FORM, "leader_id": lina.id, "ends": "08:00", "minutes": "谈了用地"},
    )

    assert answer.status_code == 422
    assert "谈了用地" in answer.text


def test_an_edit_keeps_the_hidden_leads_of_a_visit(app, lina, at_linas):
    with arranged(app) as db:
        lead = make_lead(db, "某芯片总部", secrecy=Secrecy.RESTRICTED, code_name="长江一号")
        visit = make_visit(db, lina, leads=[lead])

    at_linas.post(f"/visits/{visit.id}/edit", data={**FORM, "leader_id": lina.id})

    assert "长江一号" in at_linas.get(f"/visits/{visit.id}").text


# what a touch does


def test_a_planned_visit_that_has_ended_is_set_done(app, lina, at_linas):
    visit = given(app, lina, status=Status.PLANNED)

    answer = at_linas.post(f"/visits/{visit.id}/done", data={"back": "/"})

    assert answer.location == "/"
    assert visits(app)[0].status is Status.DONE
    assert "0/20 → 1/20" in at_linas.get("/").text


def test_a_visit_that_ended_early_ends_now(app, lina, at_linas):
    visit = given(app, lina, date(2026, 7, 15), status=Status.PLANNED)

    at_linas.post(f"/visits/{visit.id}/done")

    assert visits(app)[0].status is Status.DONE
    assert visits(app)[0].ends_at == NOW


def test_a_visit_in_the_future_cannot_be_set_done(app, lina, at_linas):
    visit = given(app, lina, date(2026, 7, 16), status=Status.PLANNED)

    answer = at_linas.post(f"/visits/{visit.id}/done", data={"back": "/"}, follow_redirects=True)

    assert "尚未结束" in answer.text
    assert visits(app)[0].status is Status.PLANNED


def test_a_planned_visit_moves_with_its_hours(app, lina, at_linas):
    visit = given(app, lina, status=Status.PLANNED)

    at_linas.post(f"/visits/{visit.id}/move", data={"on": "2026-07-20"})

    moved = visits(app)[0]
    assert (moved.first_on, moved.last_on) == (date(2026, 7, 20), date(2026, 7, 20))
    assert moved.starts_at == clock.at_civil(date(2026, 7, 20), time(9))


@pytest.mark.parametrize("on", ["", "soon", "0001-01-01", "9999-12-31"])
def test_a_move_to_no_date_says_so(app, lina, at_linas, on):
    visit = given(app, lina, status=Status.PLANNED)

    answer = at_linas.post(f"/visits/{visit.id}/move", data={"on": on}, follow_redirects=True)

    assert "请选择改期日期。" in answer.text


def test_a_planned_visit_is_cancelled(app, lina, at_linas):
    visit = given(app, lina, status=Status.PLANNED)

    at_linas.post(f"/visits/{visit.id}/cancel")

    assert visits(app)[0].status is Status.CANCELLED
    assert at_linas.get(f"/visits/{visit.id}/edit").status_code == 404


def test_a_button_never_redirects_to_another_site(app, lina, at_linas):
    visit = given(app, lina, status=Status.PLANNED)

    answer = at_linas.post(f"/visits/{visit.id}/cancel", data={"back": "//elsewhere.test"})

    assert answer.location == f"/visits/{visit.id}"


@pytest.fixture
def at_supervisors(app, lina):
    """A supervisor above lina's own unit, and her late visit."""
    with arranged(app) as db:
        zone = make_unit(db, "开发区")
        lina_too = make_person(db, "late", name="丽娜", unit=make_unit(db, "一局", parent=zone))
        make_visit(db, lina_too, date(2026, 7, 3), logged_at=datetime(2026, 7, 12, tzinfo=UTC))
        make_person(db, "sun", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone)
    return sign_in(app, "sun")


def test_a_visit_that_waits_for_a_verdict_says_so_on_its_page_and_in_lists(app, at_supervisors):
    visit = visits(app)[0]
    at_lates = sign_in(app, "late")

    before = [at_lates.get(f"/visits/{visit.id}").text, at_lates.get("/visits").text]
    listed = before.pop().partition("<tbody>")[2]
    at_supervisors.post(f"/visits/{visit.id}/confirm")
    after = at_lates.get(f"/visits/{visit.id}").text

    assert (before[0].count("待确认"), listed.count("待确认")) == (1, 1)
    assert "已确认" in after
    assert "待确认" not in after


def test_a_visit_of_a_kind_that_no_rule_counts_waits_for_nobody(app, lina, at_linas):
    visit = given(
        app, lina, date(2026, 7, 3), kind=Kind.EVENT, logged_at=datetime(2026, 7, 12, tzinfo=UTC)
    )

    assert "待确认" not in at_linas.get(f"/visits/{visit.id}").text


def test_a_supervisor_confirms_what_was_logged_late(app, at_supervisors):
    visit = visits(app)[0]
    assert f"/visits/{visit.id}/confirm" in at_supervisors.get(f"/visits/{visit.id}").text

    answer = at_supervisors.post(f"/visits/{visit.id}/confirm", follow_redirects=True)

    assert "丽娜本月驻城天数 0/20 → 1/20" in answer.text
    assert visits(app)[0].verdict is Verdict.CONFIRMED


def test_who_may_judge_a_visit_sees_its_page_though_its_leader_has_moved_on(app, at_supervisors):
    with arranged(app) as db:
        posting = db.scalars(select(Posting).join(Posting.person).filter_by(username="late")).one()
        posting.to_on = date(2026, 7, 10)

    visit = visits(app)[0]
    page = at_supervisors.get(f"/visits/{visit.id}").text
    at_supervisors.post(f"/visits/{visit.id}/confirm")

    assert f"/visits/{visit.id}/confirm" in page
    assert visits(app)[0].verdict is Verdict.CONFIRMED


def test_a_supervisor_rejects_with_a_reason(app, at_supervisors):
    visit = visits(app)[0]

    at_supervisors.post(f"/visits/{visit.id}/reject", data={"reason": "没有佐证"})

    assert visits(app)[0].verdict is Verdict.REJECTED
    assert "没有佐证" in at_supervisors.get(f"/visits/{visit.id}").text


def test_a_rejection_without_a_reason_says_so(app, at_supervisors):
    visit = visits(app)[0]

    answer = at_supervisors.post(f"/visits/{visit.id}/reject", follow_redirects=True)

    assert "请填写退回原因。" in answer.text
    assert visits(app)[0].verdict is None


def test_nobody_confirms_a_visit_of_their_own(app, lina, at_linas):
    visit = given(app, lina)

    at_linas.post(f"/visits/{visit.id}/confirm")

    assert visits(app)[0].verdict is None
    assert f"/visits/{visit.id}/confirm" not in at_linas.get(f"/visits/{visit.id}").text


def test_the_form_asks_for_no_photo_and_no_place(at_linas):
    page = at_linas.get("/visits/new").text

    assert 'type="file"' not in page
    assert not [word for word in ("照片", "拍照", "定位", "签到", "打卡") if word in page]


def test_what_is_entered_once_is_used_everywhere(app, at_linas, lina):
    with arranged(app) as db:
        lead = make_lead(db, "封测基地", tracker=lina)
    send(at_linas, lina, city="江阴", lead_ids=[lead.id], met="某总", minutes="谈了条件")

    figure = "/compliance/figure?rule=recruiter-monthly&person=lina&period=2026-07"
    pages = {path: at_linas.get(path).text for path in ("/visits", f"/leads/{lead.id}", figure)}

    assert [path for path, page in pages.items() if "江阴" not in page] == []


def test_hidden_leads_of_a_visit_are_shown_by_code_name_and_their_page_is_not_found(
    app, at_linas, lina
):
    with arranged(app) as db:
        lead = make_lead(db, "海棠", secrecy=Secrecy.RESTRICTED, code_name="远航")
    visit = given(app, lina, leads=[lead])

    page = at_linas.get(f"/visits/{visit.id}").text

    assert "远航" in page
    assert "海棠" not in page
    assert at_linas.get(f"/leads/{lead.id}").status_code == 404
