"""Supervision orders on pages: the register, the draft, the steps, the paper."""

import re
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from sqlalchemy import event, select

from crm.base.clock import at_civil
from crm.base.outbox import Message
from crm.base.periods import Period
from crm.base.workbooks import read_workbook
from crm.extensions import db as database_of_app
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people import absences
from crm.people.absences import AbsenceData
from crm.people.models import Person, Unit
from crm.people.rules import AbsenceKind
from crm.quotas.service import freeze_period
from crm.supervision.models import Order, OrderUnit
from crm.supervision.reminders import remind_of_missed
from crm.supervision.rules import OrderState
from tests.conftest import NOW
from tests.factories import (
    RECRUITER,
    arranged,
    make_lead,
    make_order,
    make_role,
    make_rule,
    make_unit,
    sign_in,
)
from tests.supervision.conftest import arrange
from tests.supervision.steps import answer_order, issue_order, receive_order

LIST = "/supervision"
DRAFT = {
    "ref": "D-1",
    "origin": "meeting",
    "about": "unit",
    "matter": "加快标准厂房交付",
    "demand": "请明确交付时间并反馈。",
    "kind": "urgent",
}


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        own = arrange(db)
        return SimpleNamespace(**{name: one.id for name, one in vars(own).items()})


@pytest.fixture
def draft(app, zone):
    return drafted(app, zone)


def drafted(app, zone, **given):
    with arranged(app) as db:
        unit = db.get(Unit, zone.team)
        return make_order(
            db, unit, officer=db.get(Person, zone.chief), person_id=zone.li, **given
        ).id


@pytest.fixture
def issued(app, zone, draft):
    change(
        app,
        draft,
        lambda db, order: issue_order(db, order=order, by=person_named(db, "chief"), now=NOW),
    )
    return draft


@pytest.fixture
def received(app, issued):
    change(
        app,
        issued,
        lambda db, order: receive_order(db, order=order, by=person_named(db, "li"), now=NOW),
    )
    return issued


@pytest.fixture
def answered(app, received):
    def answer(db, order):
        answer_order(db, order=order, text="厂房已交付", by=person_named(db, "li"), now=NOW)

    change(app, received, answer)
    return received


def person_named(db, username):
    return db.scalars(select(Person).where(Person.username == username)).one()


def change(app, order_id, happen):
    with arranged(app) as db:
        happen(db, db.get(Order, order_id))


def load(app, order_id):
    with arranged(app) as db:
        return db.get(Order, order_id)


def take(app, username, order_id, step, **fields):
    return sign_in(app, username).post(
        f"{LIST}/{order_id}/{step}", data={f"{step}-{name}": text for name, text in fields.items()}
    )


def mail_recipients(app):
    with arranged(app) as db:
        return set(db.scalars(select(Person.username).join(Message)))


# the doors


@pytest.mark.parametrize("page", ["", "/new", "/export.csv", "/1", "/1/print", "/1/edit"])
def test_no_page_opens_without_signing_in(client, page):
    assert client.get(LIST + page).location.startswith("/login")


@pytest.mark.parametrize("page", ["", "/print", "/edit"])
def test_an_order_of_others_does_not_exist(app, draft, page):
    at_builders = sign_in(app, "builder")

    assert at_builders.get(f"{LIST}/{draft}{page}").status_code == 404
    assert take(app, "builder", draft, "issue").status_code == 404
    assert "厂房" not in at_builders.get(f"{LIST}?view=all").text


def test_a_reader_has_no_orders(app, draft):
    assert sign_in(app, "reader").get(LIST).status_code == 404


def test_the_person_whom_it_is_about_sees_it_once_it_is_issued(app, draft):
    at_lis = sign_in(app, "li")
    assert at_lis.get(f"{LIST}/{draft}").status_code == 404

    take(app, "chief", draft, "issue")

    assert "加快标准厂房交付" in at_lis.get(f"{LIST}/{draft}").text


def test_an_order_on_a_restricted_lead_is_shown_nowhere(app, zone, issued):
    def hide(db, order):
        unit = db.get(Unit, zone.team)
        lead = make_lead(db, "密件项目", unit=unit, secrecy=Secrecy.RESTRICTED)
        make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=person_named(db, "leader"))
        order.lead_id = lead.id

    change(app, issued, hide)
    at_tops = sign_in(app, "top")

    pages = [f"{LIST}?view=all", f"{LIST}?view=waiting", f"{LIST}/export.csv", "/"]
    assert ["厂房" in at_tops.get(page).text for page in pages] == [False] * 4
    assert at_tops.get(f"{LIST}/{issued}").status_code == 404
    assert "密件项目" in sign_in(app, "leader").get(f"{LIST}/{issued}").text


# the register


def test_the_register_begins_with_what_waits(app, issued):
    page = sign_in(app, "li").get(LIST).text

    assert "待我处理 1" in page
    assert "待签收" in page


def test_the_register_is_narrowed_by_its_number(app, zone, issued):
    drafted(app, zone, matter="另一事项")
    at_tops = sign_in(app, "top")

    assert "另一事项" in at_tops.get(f"{LIST}?view=all").text
    page = at_tops.get(f"{LIST}?view=all&q=开督〔2026〕1号").text
    assert "加快标准厂房交付" in page
    assert "另一事项" not in page
    assert "未找到符合条件的督办单" in at_tops.get(f"{LIST}?view=all&overdue=1").text


def test_the_file_holds_what_is_filtered_and_no_formula(app, zone, issued):
    drafted(app, zone, matter="=1+1")
    at_tops = sign_in(app, "top")

    whole = at_tops.get(f"{LIST}/export.csv")
    narrow = at_tops.get(f"{LIST}/export.csv?state=issued").text

    assert whole.headers["Content-Disposition"] == "attachment; filename=supervision-20260715.csv"
    assert "'=1+1" in whole.text
    assert "开督〔2026〕1号,加快标准厂房交付" in narrow
    assert "1+1" not in narrow


def test_the_register_is_a_spreadsheet_too(app, issued):
    file = sign_in(app, "top").get(f"{LIST}/export.xlsx")

    assert file.headers["Content-Disposition"].endswith("supervision-20260715.xlsx")
    (_, head), (_, first), *_ = read_workbook(file.data).rows
    assert dict(zip(head, first, strict=False))["督办事项"] == "加快标准厂房交付"


# drafts


def test_who_oversees_drafts_by_hand(app, zone):
    at_chiefs = sign_in(app, "chief")
    assert "今天下达的，急办7月20日、一般7月30日" in at_chiefs.get(f"{LIST}/new").text

    fields = DRAFT | {"unit_id": zone.team, "officer_id": zone.chief, "person_id": zone.li}
    place = at_chiefs.post(f"{LIST}/new", data=fields | {"unit_ids": [zone.other]}).location
    again = at_chiefs.post(f"{LIST}/new", data=fields).location

    page = at_chiefs.get(place).text
    assert again == place
    assert "草稿" in page
    assert "建设局" in page
    assert "今天下达，办理期限到 <b>7月20日（周一）</b>" in page


def test_the_officer_gets_a_mail_about_a_draft_by_somebody_else(app, zone):
    fields = DRAFT | {"unit_id": zone.team, "officer_id": zone.chief}

    sign_in(app, "head").post(f"{LIST}/new", data=fields)

    assert mail_recipients(app) == {"chief"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"matter": " "}, "请写明督办事项。"),
        ({"unit_id": ""}, "请选择牵头单位。"),
        ({"origin": "milestone"}, "不是有效的选择。"),
        ({"unit_ids": "TEAM"}, "牵头单位不能同时是配合单位。"),
        ({"person_id": "CHIEF"}, "经办领导或督查人员不能同时是责任人"),
        ({"unit_id": "OTHER"}, "超出您的权限"),
    ],
)
def test_a_draft_that_is_not_allowed_is_refused_with_a_sentence(app, zone, fields, sentence):
    names = {"TEAM": zone.team, "CHIEF": zone.chief, "OTHER": zone.other}
    fields = {name: names.get(value, value) for name, value in fields.items()}
    data = DRAFT | {"unit_id": zone.team, "officer_id": zone.chief} | fields

    answer = sign_in(app, "chief").post(f"{LIST}/new", data=data)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "请明确交付时间并反馈。" in answer.text


def test_a_recruiter_drafts_nothing(app, zone):
    at_lis = sign_in(app, "li")

    assert at_lis.get(f"{LIST}/new").status_code == 404
    assert at_lis.post(f"{LIST}/new", data=DRAFT).status_code == 404
    assert "起草督办单" not in at_lis.get(LIST).text


def test_a_draft_is_changed_by_who_may_issue_it(app, zone, draft):
    fields = DRAFT | {"unit_id": zone.team, "officer_id": zone.chief, "matter": "改过的事项"}
    assert sign_in(app, "head").get(f"{LIST}/{draft}/edit").status_code == 404
    at_chiefs = sign_in(app, "chief")
    assert "加快标准厂房交付" in at_chiefs.get(f"{LIST}/{draft}/edit").text

    at_chiefs.post(f"{LIST}/{draft}/edit", data=fields)

    assert load(app, draft).matter == "改过的事项"


def test_a_draft_begins_with_a_lead(app, zone):
    with arranged(app) as db:
        team, li = db.get(Unit, zone.team), person_named(db, "li")
        lead_id = make_lead(db, "芯片封测", unit=team, tracker=li).id
    at_chiefs = sign_in(app, "chief")

    assert f"/supervision/new?lead={lead_id}" in at_chiefs.get(f"/leads/{lead_id}").text
    page = at_chiefs.get(f"{LIST}/new?lead={lead_id}").text

    assert 'value="芯片封测："' in page
    assert re.search(rf'<option[^>]* selected value="{zone.li}"', page)
    assert "起草督办单" not in sign_in(app, "li").get(f"/leads/{lead_id}").text
    assert at_chiefs.get(f"{LIST}/new?lead=999").status_code == 404


# the steps


def test_an_order_is_issued_received_answered_and_accepted(app, draft):
    assert take(app, "chief", draft, "issue").location == f"{LIST}/{draft}"
    assert take(app, "li", draft, "receive").status_code == 302
    assert take(app, "li", draft, "progress", text="已现场核实").status_code == 302
    assert take(app, "li", draft, "answer", text="厂房已交付").status_code == 302
    assert take(app, "chief", draft, "accept", basis="现场核实").status_code == 302

    page = sign_in(app, "top").get(f"{LIST}/{draft}").text
    assert "开督〔2026〕1号" in page
    assert "已销号" in page
    assert "已现场核实" in page
    assert mail_recipients(app) == {"li", "head", "chief"}


@pytest.mark.parametrize(
    ("username", "primary"),
    [("chief", "下达"), ("top", None), ("head", None)],
)
def test_what_waits_for_one_is_the_one_primary_button(app, draft, username, primary):
    page = sign_in(app, username).get(f"{LIST}/{draft}").text

    assert page.count("btn-primary") == (primary is not None)
    assert ('btn-primary">下达<' in page) == (primary == "下达")


def test_who_may_act_for_others_finds_the_steps_folded(app, draft):
    page = sign_in(app, "top").get(f"{LIST}/{draft}").text

    assert "可代为办理" in page
    assert "不予下达" in page


def test_what_the_officer_decides_stands_before_what_they_do_for_the_unit(app, received):
    take(app, "li", received, "extend", new_due_on="2026-08-09", reason="等批复")

    page = sign_in(app, "chief").get(f"{LIST}/{received}").text

    places = [page.index(f'/{step}"') for step in ("grant", "refuse", "answer", "progress")]
    assert places == sorted(places)


def test_who_asked_for_an_extension_is_not_shown_it_as_theirs_to_grant(app, zone, draft):
    """The supervisor who issues, receives and asks for their own unit."""

    def hand_over(_db, order):
        order.officer_id = zone.head

    change(app, draft, hand_over)
    assert take(app, "head", draft, "issue").status_code == 302
    assert take(app, "head", draft, "receive").status_code == 302
    take(app, "head", draft, "extend", new_due_on="2026-08-09", reason="等批复")

    pages = {name: sign_in(app, name).get(LIST).text for name in ("head", "chief")}

    assert {name: "待批延期" in page for name, page in pages.items()} == {
        "head": False,
        "chief": True,
    }


@pytest.mark.parametrize(
    ("username", "step", "fields"),
    [
        ("head", "issue", {}),
        ("head", "drop", {"reason": "不必"}),
    ],
)
def test_who_is_not_to_decide_a_draft_is_refused(app, draft, username, step, fields):
    answer = take(app, username, draft, step, **fields)

    assert answer.status_code == 422
    assert "超出您的权限" in answer.text
    assert load(app, draft).state is OrderState.DRAFT


def test_the_officer_does_not_receive_for_the_unit_above_which_they_are(app, zone, issued):
    def move(db, order):
        order.unit_id = zone.other

    change(app, issued, move)

    assert "超出您的权限" in take(app, "chief", issued, "receive").text
    assert "超出您的权限" in take(app, "chief", issued, "progress", text="进展").text


@pytest.mark.parametrize(
    ("step", "fields"),
    [("accept", {"basis": "已核实"}), ("return", {"reason": "不实"})],
)
def test_the_person_who_acts_does_not_close(app, answered, step, fields):
    answer = take(app, "li", answered, step, **fields)

    assert answer.status_code == 422
    assert "超出您的权限" in answer.text
    assert next(iter(fields.values())) in answer.text
    assert load(app, answered).state is OrderState.ANSWERED


@pytest.mark.parametrize(
    ("step", "fields", "sentence"),
    [
        ("answer", {"text": ""}, "请写明办理结果。"),
        ("progress", {"text": ""}, "请写明进展情况。"),
        ("extend", {"new_due_on": "2026-07-30", "reason": "等批复"}, "新的期限应晚于"),
        ("extend", {"new_due_on": "2026-08-20", "reason": ""}, "请填写理由。"),
    ],
)
def test_a_refusal_stands_at_its_field(app, received, step, fields, sentence):
    answer = take(app, "li", received, step, **fields)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert ("等批复" in answer.text) == ("等批复" in fields.values())


def test_text_typed_too_late_is_shown_again(app, answered):
    answer = take(app, "li", answered, "answer", text="再次反馈的内容")

    assert answer.status_code == 422
    assert "状态为“已反馈”" in answer.text
    assert "再次反馈的内容" in answer.text


@pytest.mark.parametrize(
    ("step", "due"), [("grant", date(2026, 8, 9)), ("refuse", date(2026, 7, 30))]
)
def test_an_extension_is_decided(app, received, step, due):
    take(app, "li", received, "extend", new_due_on="2026-08-09", reason="等批复")
    page = sign_in(app, "chief").get(f"{LIST}/{received}").text
    assert "申请延期至8月9日" in page

    take(app, "chief", received, step, reason="已研究")

    order = load(app, received)
    assert (order.due_on, order.asked_due_on) == (due, None)


def test_an_answer_given_anew_since_it_was_shown_is_not_accepted_unseen(app, answered):
    chief = sign_in(app, "chief")
    page = chief.get(f"{LIST}/{answered}").text
    shown = re.search(r'name="accept-shown" type="hidden" value="(\d+)"', page)[1]
    take(app, "chief", answered, "return", reason="缺少材料")
    take(app, "li", answered, "answer", text="材料已补齐")

    form = {"accept-basis": "现场核实", "accept-shown": shown}
    answer = chief.post(f"{LIST}/{answered}/accept", data=form)

    assert answer.status_code == 409
    assert "反馈督办单。本次未办理" in answer.text
    assert "材料已补齐" in answer.text
    assert "现场核实</textarea>" in answer.text
    assert load(app, answered).state is OrderState.ANSWERED


def test_an_answer_is_returned_with_a_later_date(app, answered):
    take(app, "chief", answered, "return", reason="缺少材料", new_due_on="2026-08-05")

    order = load(app, answered)
    assert (order.state, order.due_on) == (OrderState.RETURNED, date(2026, 8, 5))
    assert "缺少材料" in sign_in(app, "li").get(f"{LIST}/{answered}").text


def test_a_draft_is_dropped_with_its_reason(app, draft):
    assert "请填写理由。" in take(app, "chief", draft, "drop", reason=" ").text

    take(app, "chief", draft, "drop", reason="已另行布置")

    page = sign_in(app, "top").get(f"{LIST}/{draft}").text
    assert "未编号" in page
    assert "已另行布置" in page


def test_the_author_of_a_draft_gets_a_mail_when_it_is_dropped(app, zone):
    order_id = drafted(app, zone, drafted_by_id=zone.head)

    take(app, "chief", order_id, "drop", reason="已另行布置")

    assert mail_recipients(app) == {"head"}


def test_the_level_that_an_overdue_order_has_reached_is_asked_to_urge(app, zone, issued):
    def overdue(_db, order):
        order.due_on, order.level, order.reached_unit_id = date(2026, 7, 10), 1, zone.bureau

    change(app, issued, overdue)

    pages = {name: sign_in(app, name).get(f"{LIST}/{issued}").text for name in ("chief", "top")}
    shown = {name: "请督促承办单位尽快办理" in page for name, page in pages.items()}
    assert shown == {"chief": True, "top": False}
    assert "已逾期 5 天" in pages["chief"]


def test_an_unknown_step_is_not_found(app, issued):
    assert take(app, "chief", issued, "burn").status_code == 404
    assert sign_in(app, "chief").get(f"{LIST}/{issued}/issue").status_code == 405


def test_the_printed_form_shows_what_is_known(app, answered):
    take(app, "chief", answered, "accept", basis="现场核实")

    page = sign_in(app, "li").get(f"{LIST}/{answered}/print").text

    for text in ("开督〔2026〕1号", "2026年7月30日", "反馈：厂房已交付", "现场核实", "chief同志"):
        assert text in page
    assert "主导航" not in page


def test_the_printed_form_of_a_draft_says_so(app, draft):
    assert "草稿，未编号" in sign_in(app, "chief").get(f"{LIST}/{draft}/print").text


# my day


def test_my_day_shows_what_waits_for_me_and_for_nobody_else(app, issued):
    pages = {name: sign_in(app, name).get("/").text for name in ("li", "head", "chief", "wang")}

    shown = {name: "督办单待签收" in page for name, page in pages.items()}
    assert shown == {"li": True, "head": True, "chief": False, "wang": False}
    assert f'href="{LIST}/{issued}"' in pages["li"]


@pytest.fixture
def reminded(app, zone, site):
    with arranged(app) as db:
        make_rule(db, RECRUITER)
        period, at = Period.parse("2026-06"), at_civil(date(2026, 7, 4))
        freeze_period(db, period=period, at=at, now=at)
        remind_of_missed(db, period=period, at=at, late=False, site=site)


def test_a_reminder_stays_on_my_day_until_it_is_read(app, reminded):
    at_lis = sign_in(app, "li")
    page = at_lis.get("/").text
    assert "提醒：2026年6月已定稿，有考核未完成" in page

    at_lis.get(re.search(r"/mailbox/\d+", page)[0])

    assert "提醒：" not in at_lis.get("/").text
    assert "提醒：" in sign_in(app, "head").get("/").text


def test_a_reminder_leaves_my_day_once_the_next_period_has_ended(app, reminded):
    with time_machine.travel(at_civil(date(2026, 8, 1)) + timedelta(hours=9), tick=False):
        assert "提醒：" not in sign_in(app, "li").get("/").text


def test_a_missed_figure_leads_to_a_draft(app, zone, reminded):
    figure = "rule=recruiter-monthly&person=li&period=2026-06"
    at_chiefs = sign_in(app, "chief")
    assert "起草督办单" in at_chiefs.get(f"/compliance/figure?{figure}").text

    page = at_chiefs.get(f"{LIST}/new?{figure}").text

    assert "li同志“专职招商人员每月驻城招商”2026年6月未完成（完成0，应完成20）" in page
    assert "起草督办单" not in sign_in(app, "li").get(f"/compliance/figure?{figure}").text
    assert sign_in(app, "builder").get(f"{LIST}/new?{figure}").status_code == 404


@pytest.fixture
def twice_missed(app, zone, site):
    """The draft that the clock made of li, who has done nothing in May and June."""
    with arranged(app) as db:
        make_rule(db, RECRUITER)
        for name, at in (("2026-05", date(2026, 6, 4)), ("2026-06", date(2026, 7, 4))):
            period, frozen_at = Period.parse(name), at_civil(at)
            freeze_period(db, period=period, at=frozen_at, now=frozen_at)
            remind_of_missed(db, period=period, at=frozen_at, late=False, site=site)
        return db.scalars(select(Order.id).where(Order.person_id == zone.li)).one()


def test_an_order_of_the_clock_shows_which_figures_were_missed(app, twice_missed):
    page = sign_in(app, "head").get(f"{LIST}/{twice_missed}").text

    cause = page[page.index("督办缘由") :]
    for month in ("5", "6"):
        assert f"2026年{month}月 专职招商人员每月驻城招商" in cause
        assert f'href="/figures/2026-0{month}/recruiter-monthly/li"' in cause
    assert "完成0，应完成20；定稿；6月4日 00:00已提醒" in cause
    assert cause.count("未达标") == 2
    assert "定稿后有更正" not in page


def test_an_assisting_unit_does_not_see_an_order_about_a_figure_kept_from_it(
    app, zone, twice_missed
):
    with arranged(app) as db:
        order = db.get(Order, twice_missed)
        issue_order(db, order=order, by=person_named(db, "chief"), now=NOW)
        db.add(OrderUnit(order_id=order.id, unit_id=zone.other))

    answer = sign_in(app, "builder").get(f"{LIST}/{twice_missed}")

    assert answer.status_code == 404


def test_an_order_says_that_a_correction_has_taken_its_cause_away(app, zone, twice_missed):
    with arranged(app) as db:
        li, head = person_named(db, "li"), person_named(db, "head")
        away = AbsenceData(kind=AbsenceKind.SICK, from_on=date(2026, 5, 1), to_on=date(2026, 5, 31))
        absence = absences.ask(db, data=away, by=li, now=NOW)
        absences.approve(db, absence=absence, by=head, now=NOW)

    page = sign_in(app, "chief").get(f"{LIST}/{twice_missed}").text

    assert "2026年5月定稿后有更正，已不再是未达标，请核实后决定是否继续督办。" in page
    assert "定稿；更正为 0/0 免考核（待签认）" in page


@pytest.mark.parametrize("page", ["?view=all", "?view=waiting", "/1"])
def test_pages_cost_a_handful_of_queries_whatever_lies_in_the_register(app, zone, issued, page):
    for number in range(12):
        drafted(app, zone, matter=f"事项{number}")
    at_chiefs, statements = sign_in(app, "chief"), []
    with app.app_context():
        engine = database_of_app.engine
    event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event[2]))

    at_chiefs.get(LIST + page)

    assert len(statements) <= 16, "\n\n".join(statements)


def test_wrong_parameters_do_not_break_the_register(app, zone):
    asked = {"view": "all", "endpoint": "a", "_scheme": "javascript", "_external": "1"}

    answer = sign_in(app, "chief").get(LIST, query_string=asked)

    assert answer.status_code == 200
    assert "javascript:" not in answer.text


def test_a_draft_names_who_will_receive_it_before_it_is_issued(app, draft):
    page = sign_in(app, "chief").get(f"{LIST}/{draft}").text

    assert "下达后将通知：一科（head" in page


def test_a_draft_that_would_reach_nobody_says_so_and_is_not_issued(app, zone):
    with arranged(app) as db:
        unit = make_unit(db, "空科", parent=db.get(Unit, zone.bureau))
        officer = person_named(db, "chief")
        draft = make_order(db, unit, officer=officer).id

    page = sign_in(app, "chief").get(f"{LIST}/{draft}").text
    answer = take(app, "chief", draft, "issue")

    assert "空科没有账号可用的督查人员或领导" in page
    assert f'action="{LIST}/{draft}/issue"' not in page
    assert "空科没有账号可用的督查人员或领导" in answer.text
