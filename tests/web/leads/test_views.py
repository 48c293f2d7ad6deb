"""Pages of leads: who finds which, what the form takes, and how a lead advances."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from crm.base.money import Currency
from crm.leads.models import Company, Contact, Lead, LeadRole, Milestone
from crm.leads.rules import FRAMEWORK, LeadRoleKind, Secrecy, Stage
from crm.people.rules import Role
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_company,
    make_followup,
    make_lead,
    make_milestone,
    make_person,
    make_role,
    make_unit,
    make_visit,
    sign_in,
)

FORM = {
    "ref": "L-form",
    "company": "澄屿半导体有限公司",
    "title": "封装测试项目",
    "stage": "lead",
    "entered_on": "2026-07-10",
    "amount": "12.5亿",
    "secrecy": "open",
}


class Zone:
    """A bureau with its tracker, somebody of another bureau, and a lead of each secrecy."""

    def __init__(self, db):
        self.bureau = make_unit(db, "招商局", code="invest")
        self.tracker = make_person(db, "tracker", unit=self.bureau)
        self.stranger = make_person(db, "stranger")
        self.reader = make_person(db, "reader", role=Role.READER, duty=None)
        self.leads = {
            secrecy: make_lead(
                db,
                f"{secrecy.label}项目",
                secrecy=secrecy,
                unit=self.bureau,
                tracker=self.tracker,
                company=make_company(db, f"{secrecy.label}公司"),
            )
            for secrecy in Secrecy
        }

    def path(self, secrecy=Secrecy.OPEN, ending=""):
        return f"/leads/{self.leads[secrecy].id}{ending}"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


@pytest.fixture
def tracker(app, zone):
    return sign_in(app, "tracker")


@pytest.fixture
def stranger(app, zone):
    return sign_in(app, "stranger")


def send(client, **values):
    return client.post("/leads/new", data={**FORM, **values})


def the_lead(app, ref="L-form"):
    with arranged(app) as db:
        return db.scalars(select(Lead).where(Lead.ref == ref)).one()


def count(app):
    with arranged(app) as db:
        return db.scalar(select(func.count(Lead.id)))


def milestones(app, lead):
    with arranged(app) as db:
        return list(db.scalars(select(Milestone).where(Milestone.lead_id == lead.id)))


def holders(app, lead, role):
    with arranged(app) as db:
        query = select(LeadRole).where(LeadRole.lead_id == lead.id, LeadRole.role == role)
        return list(db.scalars(query.order_by(LeadRole.from_on, LeadRole.id)))


# the list


def test_the_list_shows_each_lead_with_its_people_and_last_contact(app, zone, tracker):
    lead = zone.leads[Secrecy.OPEN]
    with arranged(app) as db:
        make_visit(db, zone.tracker, date(2026, 7, 3), leads=[lead])

    page = tracker.get("/leads").text

    assert "公开项目" in page
    assert "tracker同志" in page
    assert "7月3日" in page


def test_the_list_shows_what_is_due_first_on_a_lead_and_by_how_many_days_it_is_overdue(
    app, zone, tracker
):
    lead = zone.leads[Secrecy.OPEN]
    with arranged(app) as db:
        make_followup(db, lead, zone.tracker, date(2026, 7, 20), what="约见电力")
        make_followup(db, lead, zone.tracker, date(2026, 7, 12), what="寄送资料")
        make_followup(db, lead, zone.tracker, date(2026, 7, 1), what="已办的", done_at=NOW)

    page = tracker.get("/leads").text

    assert "寄送资料" in page
    assert "已逾期 3 天" in page
    assert "约见电力" not in page
    assert "已办的" not in page


def test_whoever_may_not_see_a_lead_does_not_find_it(zone, stranger):
    page = stranger.get("/leads").text

    assert "公开项目" in page
    assert "内部项目" not in page
    assert "限知项目" not in page


@pytest.mark.parametrize("text", ["限知项目", "限知公司"])
def test_search_does_not_tell_of_a_hidden_lead(zone, stranger, text):
    assert "未找到符合条件的线索" in stranger.get("/leads", query_string={"q": text}).text


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ({"q": "公开公司"}, True),
        ({"q": "xm"}, True),
        ({"stage": "following"}, True),
        ({"stage": "signed"}, False),
        ({"industry": "it"}, False),
        ({"secrecy": "open"}, True),
        ({"secrecy": "internal"}, False),
        ({"park": "999999"}, False),
        ({"park": "99999999999", "stage": "?", "secrecy": "?", "at": "?"}, True),
        ({"who": "mine"}, True),
    ],
)
def test_the_list_is_narrowed_by_what_is_asked(zone, tracker, asked, is_found):
    page = tracker.get("/leads", query_string=asked).text

    assert ("公开项目" in page) is is_found


def test_my_leads_are_those_on_which_i_am_named(zone, stranger):
    assert "暂无您负责的线索" in stranger.get("/leads?who=mine").text


def test_the_head_of_a_column_sorts_turns_round_and_restores_the_list(tracker):
    def head(path):
        page = tracker.get(path).text
        return page.split("总投资</a>")[0].rsplit("<th", 1)[1]

    assert 'href="/leads?who=mine&amp;sort=-amount"' in head("/leads?who=mine")
    sorted_head = head("/leads?sort=-amount")
    assert 'aria-sort="descending"' in sorted_head
    assert 'href="/leads?sort=amount"' in sorted_head
    turned = head("/leads?sort=amount")
    assert 'aria-sort="ascending"' in turned
    assert 'href="/leads"' in turned
    assert "aria-sort" not in head("/leads?sort=nonsense")


def test_a_long_list_has_pages(app, tracker, zone):
    with arranged(app) as db:
        for number in range(32):
            make_lead(db, f"第{number}号", entered_on=date(2026, 5, 1))

    first = tracker.get("/leads").text
    older = first.split('rel="next" href="')[1].split('"')[0]

    assert "第31号" in first
    assert "第0号" not in first
    assert "第0号" in tracker.get(older.replace("&amp;", "&")).text


def test_paper_says_what_is_filtered_and_how_many_rows_it_shows(app, tracker, zone):
    with arranged(app) as db:
        for number in range(32):
            make_lead(db, f"第{number}号", entered_on=date(2026, 5, 1))

    part = tracker.get("/leads?who=all&secrecy=open").text
    whole = tracker.get("/leads?who=all&q=第31号").text

    assert '<p class="print-facts">范围：全部线索</p>' in part
    assert '<span class="print-only">知悉范围：公开</span>' in part
    assert "本页 30 条，按当前筛选，其余见其他页" in part
    assert "共 1 条，按当前筛选" in whole


def test_a_major_project_without_a_leader_is_flagged(app, tracker, zone):
    with arranged(app) as db:
        lead = make_lead(db, "大项目", yi="10", unit=zone.bureau, tracker=zone.tracker)

    assert "缺挂钩领导" in tracker.get("/leads").text
    assert "10亿元以上项目应明确挂钩领导" in tracker.get(f"/leads/{lead.id}").text


# a new lead


def test_a_lead_is_entered_as_people_write_it(app, tracker):
    answer = send(tracker, amount="8000万美元", contact="苏先生", phone="13800000000")

    lead = the_lead(app)
    page = tracker.get(answer.location).text
    assert (lead.amount, lead.currency) == (Decimal(80_000_000), Currency.USD)
    assert "8,000万美元" in page
    assert "苏先生 13800000000" in page


def test_a_lead_may_come_in_a_later_stage(app, tracker):
    send(tracker, stage="negotiating")

    lead = the_lead(app)
    steps = {step.kind: step.reached_on for step in milestones(app, lead)}
    assert lead.stage is Stage.NEGOTIATING
    assert steps[Stage.NEGOTIATING] == date(2026, 7, 10)


def test_roles_are_given_with_the_lead(app, zone, tracker):
    send(tracker, unit_id=zone.bureau.id, tracker_id=zone.stranger.id, leader_id=zone.tracker.id)

    lead = the_lead(app)
    assert [each.unit_id for each in holders(app, lead, LeadRoleKind.RESPONSIBLE_UNIT)] == [
        zone.bureau.id
    ]
    assert [each.person_id for each in holders(app, lead, LeadRoleKind.TRACKER)] == [
        zone.stranger.id
    ]


def test_a_form_sent_twice_is_one_lead(app, tracker):
    before = count(app)
    send(tracker)

    answer = tracker.get(send(tracker).location)

    assert count(app) == before + 1
    assert "未重复保存" in answer.text


def test_a_reference_of_somebody_else_is_replaced(app, zone, tracker, stranger):
    send(tracker)

    answer = send(stranger, warned_of=str(the_lead(app).id))

    assert answer.status_code == 422
    assert "编号“L-form”已被使用" in answer.text
    assert 'value="L-form"' not in answer.text


def test_a_likely_duplicate_is_shown_first_and_saved_when_sent_again(app, zone, tracker):
    before = count(app)

    first = send(tracker, company="公开公司")
    second = send(tracker, company="公开公司", warned_of=str(zone.leads[Secrecy.OPEN].id))

    assert first.status_code == 422
    assert zone.path() in first.text
    assert "该企业由招商局tracker同志同志跟进（正式跟进" in first.text
    assert 'value="公开公司"' in first.text
    # their own unit follows it up: there is nothing to offer
    assert "申请协办" not in first.text
    assert second.status_code == 302
    assert count(app) == before + 1


def test_duplicates_are_shown_as_one_types(zone, stranger):
    asked = "/leads/duplicates?company="

    assert "名称相同" in stranger.get(asked + "公开公司").text
    assert "href" not in stranger.get(asked + "限知公司").text


def test_a_hidden_duplicate_is_not_revealed(zone, stranger):
    assert send(stranger, company="限知公司").status_code == 302


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"company": ""}, "请填写投资方。"),
        ({"title": " "}, "请填写项目名称。"),
        ({"amount": "12.5"}, "请写明数额和单位"),
        ({"amount": "9999999亿"}, "请填写正确的金额"),
        ({"secrecy": "restricted"}, "限知线索须有代号"),
        ({"entered_on": "2026-07-16"}, "日期不能晚于今天。"),
        ({"entered_on": ""}, "请选择日期。"),
        ({"entered_on": "0026-07-16"}, "请检查年份。"),
        ({"industry": "nonsense"}, "未找到该产业"),
        ({"park_id": "999999"}, "未找到该单位"),
        ({"unit_id": "999999"}, "未找到该单位"),
        ({"tracker_id": "999999"}, "未找到该人员"),
        ({"earlier_lead_id": "999999"}, "未找到该线索"),
        ({"title": "长" * 101}, "最多 100 个字。"),
    ],
)
def test_invalid_input_is_reported_at_its_field_and_kept(app, tracker, values, sentence):
    before = count(app)

    answer = send(tracker, source="商会推荐", **values)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "商会推荐" in answer.text
    assert count(app) == before


@pytest.mark.parametrize("field", ["stage", "secrecy", "park_id", "tracker_id"])
def test_a_forged_choice_is_refused(app, tracker, field):
    before = count(app)

    assert send(tracker, **{field: "forged"}).status_code == 422
    assert count(app) == before


def test_after_a_lead_becomes_hidden_the_list_is_shown(zone, stranger):
    answer = send(stranger, secrecy="internal", unit_id=zone.bureau.id, tracker_id=zone.tracker.id)

    assert answer.location == "/leads"


# one lead


def test_a_lead_shows_its_facts_people_and_timeline(app, zone, tracker):
    lead = zone.leads[Secrecy.OPEN]
    with arranged(app) as db:
        make_milestone(db, lead, FRAMEWORK, date(2026, 6, 20))
        make_visit(db, zone.tracker, date(2026, 7, 3), leads=[lead], minutes="谈了用地。")
        make_followup(db, lead, zone.tracker, date(2026, 7, 10), what="寄送资料")

    page = tracker.get(zone.path()).text

    assert page.index("寄送资料") < page.index("谈了用地。") < page.rindex("框架协议")
    assert "已逾期" in page
    assert "招商局" in page


def test_a_restricted_lead_shows_itself_to_those_named_on_it(zone, tracker):
    assert "限知项目" in tracker.get(zone.path(Secrecy.RESTRICTED)).text


@pytest.mark.parametrize("secrecy", [Secrecy.INTERNAL, Secrecy.RESTRICTED])
@pytest.mark.parametrize("ending", ["", "/edit"])
def test_a_hidden_lead_does_not_exist_for_others(zone, stranger, secrecy, ending):
    assert stranger.get(zone.path(secrecy, ending)).status_code == 404


def test_a_contact_is_seen_with_the_lead_that_brought_it(app, zone, stranger, tracker):
    shown = str(zone.leads[Secrecy.RESTRICTED].id)
    send(tracker, company="限知公司", contact="苏先生", warned_of=shown)

    assert "苏先生" in stranger.get(f"/leads/{the_lead(app).id}").text


@pytest.mark.parametrize("path", ["/leads", "/leads/new", "/leads/1", "/leads/99999999999"])
def test_a_reader_has_no_leads(app, zone, path):
    assert sign_in(app, "reader").get(path).status_code == 404


@pytest.mark.parametrize("path", ["/leads", "/leads/new", "/leads/1", "/leads/1/edit"])
def test_without_login_each_page_redirects_to_login(client, path):
    assert "/login" in client.get(path).location


# changing it


def test_the_form_of_a_lead_begins_with_what_is_known(app, tracker):
    send(tracker, amount="1234567890.12元", contact="苏先生", source="商会推荐")

    page = tracker.get(f"/leads/{the_lead(app).id}/edit").text

    for text in ("澄屿半导体有限公司", "1234567890.12元", "苏先生", "商会推荐"):
        assert f'value="{text}"' in page


def test_a_change_is_kept(app, zone, tracker):
    lead = zone.leads[Secrecy.OPEN]
    values = {"company": "公开公司", "title": "新名", "amount": "3亿", "secrecy": "internal"}

    tracker.post(zone.path(ending="/edit"), data=values)

    changed = the_lead(app, lead.ref)
    assert (changed.title, changed.amount) == ("新名", Decimal(300_000_000))
    assert changed.secrecy is Secrecy.INTERNAL


def test_a_company_keeps_what_the_form_does_not_show(app, zone, tracker):
    send(tracker)
    lead = the_lead(app)
    with arranged(app) as db:
        db.get(Company, lead.company_id).country = "德国"

    tracker.post(f"/leads/{lead.id}/edit", data={**FORM, "title": "新名"})

    with arranged(app) as db:
        assert db.get(Company, lead.company_id).country == "德国"


def test_an_invalid_change_is_reported_at_its_field(zone, tracker):
    values = {"company": "公开公司", "title": "新名", "secrecy": "restricted"}

    answer = tracker.post(zone.path(ending="/edit"), data=values)

    assert answer.status_code == 422
    assert "限知线索须有代号" in answer.text
    assert 'value="新名"' in answer.text


def test_who_only_sees_a_lead_does_not_change_it(app, zone, stranger):
    for ending in ("/edit", "/reach", "/roles", "/milestones/1/correct", "/roles/1/end"):
        assert stranger.post(zone.path(ending=ending)).status_code == 404

    page = stranger.get(zone.path(ending="?open=reach-signed")).text
    assert "/reach" not in page
    assert "open=" not in page


# how it moves on


def reach(client, zone, **values):
    given = {"on": "2026-07-15", "agreement": "formal", "look_again_on": "2026-09-01"}
    return client.post(zone.path(ending="/reach"), data=given | values)


def test_a_milestone_that_was_just_entered_is_taken_back_with_one_touch(app, zone, tracker):
    reach(tracker, zone, kind="negotiating")
    page = tracker.get(zone.path()).text

    url = re.search(r'action="(/leads/\d+/milestones/\d+/withdraw)"', page)[1]
    tracker.post(url, data={"on": "2026-07-15", "reason": "登记有误"})

    with arranged(app) as db:
        kinds = db.scalars(
            select(Milestone.kind).where(Milestone.lead_id == zone.leads[Secrecy.OPEN].id)
        )
        assert "negotiating" not in set(kinds)


def test_the_next_stage_is_one_button_and_all_others_stand_in_the_menu(zone, tracker):
    page = tracker.get(zone.path()).text
    menu = page[page.index('<details class="menu lead-menu">') : page.index('<ol class="stages"')]

    assert "进入“在谈”" in page
    assert "open=reach-negotiating" not in menu
    assert menu.index("open=reach-signed") < menu.index("open=reach-land")
    # what stops the lead comes last
    assert menu.index("open=reach-in_statistics") < menu.index("open=reach-parked")


def test_a_step_is_opened_and_logged_on_the_page(zone, tracker):
    page = tracker.get(zone.path(ending="?open=reach-lost")).text

    assert 'value="lost"' in page
    assert "确认流失" in page


def test_a_stopped_lead_shows_where_it_stopped_and_goes_on_from_there(app, zone, tracker):
    reach(tracker, zone, kind="negotiating", on="2026-07-10")
    reach(tracker, zone, kind="parked", on="2026-07-14", reason="等环评")

    page = tracker.get(zone.path()).text
    stages = page[page.index('<ol class="stages"') : page.index("</ol>")]

    assert 'class="stage-passed">\n<span class="stage-name">在谈' in stages
    assert 'class="stage-stopped" aria-current="step">' in stages
    assert "搁置原因：等环评，9月1日再看" in page
    assert "恢复至“在谈”" in page
    # the list says when to look again, as the next step
    listed = tracker.get("/leads").text
    assert "到期再看" in listed
    assert '<span class="due due-neutral">9月1日</span>' in listed


def test_side_milestones_stand_below_the_stages_with_their_dates(zone, tracker):
    assert 'class="sides"' not in tracker.get(zone.path()).text

    reach(tracker, zone, kind="land", on="2026-07-10")

    page = tracker.get(zone.path()).text
    assert '<li class="side-reached">供地 <span class="figure">7月10日</span></li>' in page


def test_a_followup_is_added_on_the_page_of_the_lead(app, zone, stranger):
    path = zone.path(ending="/followups")

    bare = stranger.post(path, data={"what": "", "due_on": "2026-07-20"})
    answer = stranger.post(path, data={"what": "寄送政策", "due_on": "2026-07-20"})

    assert bare.status_code == 422
    assert "field-error" in bare.text
    assert answer.location == zone.path()
    assert "寄送政策" in stranger.get(answer.location).text


def test_a_followup_is_not_added_to_a_hidden_lead(zone, stranger):
    path = zone.path(Secrecy.RESTRICTED, "/followups")

    answer = stranger.post(path, data={"what": "寄送政策", "due_on": "2026-07-20"})

    assert answer.status_code == 404


def test_what_is_due_first_stands_on_top_and_the_rest_is_folded(app, zone, tracker):
    lead = zone.leads[Secrecy.OPEN]
    with arranged(app) as db:
        make_followup(db, lead, zone.tracker, date(2026, 7, 20), what="约见电力")
        make_followup(db, lead, zone.tracker, date(2026, 7, 12), what="寄送资料")

    page = tracker.get(zone.path()).text

    assert page.index("寄送资料") < page.index("已逾期 3 天") < page.index("另有 1 项安排")
    assert page.index("另有 1 项安排") < page.index("约见电力")


def test_what_happened_on_one_date_comes_in_the_order_of_its_hours(app, zone, tracker):
    lead = zone.leads[Secrecy.OPEN]
    with arranged(app) as db:
        make_followup(db, lead, zone.tracker, NOW.date(), what="办结在后", done_at=NOW)
        early = NOW - timedelta(hours=2)
        make_followup(db, lead, zone.tracker, NOW.date(), what="办结在先", done_at=early)

    page = tracker.get(zone.path()).text

    assert page.index("办结在后") < page.index("办结在先")


def test_what_is_not_filled_in_is_one_line(app, zone, tracker, stranger):
    line = "未填：联系人、总投资、产业、落户园区、线索来源"

    assert f"{line} <a" in tracker.get(zone.path()).text
    # who may not change the lead is asked for nothing
    assert f"{line}</p>" in stranger.get(zone.path()).text


@pytest.mark.parametrize(
    ("kind", "stage"),
    [("negotiating", Stage.NEGOTIATING), ("signed", Stage.SIGNED), ("land", Stage.FOLLOWING)],
)
def test_a_reached_milestone_is_logged_and_the_stage_follows(app, zone, tracker, kind, stage):
    answer = reach(tracker, zone, kind=kind)

    assert "进展已登记。" in tracker.get(answer.location).text
    assert the_lead(app, zone.leads[Secrecy.OPEN].ref).stage is stage


def test_a_signing_by_another_agreement_says_that_the_stage_stays(app, zone, tracker):
    answer = reach(tracker, zone, kind="signed", agreement="intent")

    page = tracker.get(answer.location).text
    assert "已登记为“框架协议”，阶段仍为“正式跟进”；签订正式投资协议后再登记签约。" in page
    assert "进展已登记。" not in page


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kind": "lost"}, "请填写原因。"),
        ({"kind": "signed", "on": "2026-07-16"}, "日期不能晚于今天。"),
        ({"kind": "signed", "on": "2026-05-01"}, "日期不能早于线索的登记日期"),
        ({"kind": "signed", "on": "?"}, "无法识别日期"),
        ({"kind": "signed", "agreement": ""}, "请选择协议类型。"),
        ({"kind": "parked", "reason": "等环评", "look_again_on": ""}, "请填写再看日期。"),
        ({"kind": "following"}, "“正式跟进”已于"),
        ({}, "请选择进展。"),
    ],
)
def test_an_impossible_milestone_is_reported_at_its_field(app, zone, tracker, values, sentence):
    answer = reach(tracker, zone, **values)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert the_lead(app, zone.leads[Secrecy.OPEN].ref).stage is Stage.FOLLOWING


def test_a_date_is_corrected_with_a_reason(app, zone, tracker):
    reach(tracker, zone, kind="signed")
    lead = zone.leads[Secrecy.OPEN]
    step = next(each for each in milestones(app, lead) if each.kind == Stage.SIGNED)
    path = zone.path(ending=f"/milestones/{step.id}/correct")

    bare = tracker.post(path, data={"on": "2026-07-13"})
    answer = tracker.post(path, data={"on": "2026-07-13", "reason": "笔误"})

    assert "请填写更正原因。" in bare.text
    assert "7月13日" in tracker.get(answer.location).text


def test_a_milestone_logged_by_mistake_is_withdrawn(app, zone, tracker):
    reach(tracker, zone, kind="signed")
    lead = zone.leads[Secrecy.OPEN]
    step = next(each for each in milestones(app, lead) if each.kind == Stage.SIGNED)

    tracker.post(
        zone.path(ending=f"/milestones/{step.id}/withdraw"),
        data={"on": "2026-07-15", "reason": "登记有误"},
    )

    assert the_lead(app, lead.ref).stage is Stage.FOLLOWING


def test_a_milestone_of_another_lead_is_not_found(app, zone, tracker):
    other = milestones(app, zone.leads[Secrecy.INTERNAL])[0]

    assert tracker.post(zone.path(ending=f"/milestones/{other.id}/correct")).status_code == 404


# who stands for what


def give(client, zone, **values):
    values = {"from_on": "2026-07-15", **values}
    return client.post(zone.path(ending="/roles"), data=values)


def test_a_role_passes_to_another(app, zone, tracker):
    answer = give(tracker, zone, role="tracker", holder=f"p{zone.stranger.id}")

    tracker.get(answer.location)
    before, after = holders(app, zone.leads[Secrecy.OPEN], LeadRoleKind.TRACKER)
    assert before.to_on == date(2026, 7, 14)
    assert after.person_id == zone.stranger.id


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"role": "tracker"}, "请选择人员或单位。"),
        ({"role": "tracker", "holder": "p999999"}, "field-error"),
        ({"role": "tracker", "holder": "forged"}, "field-error"),
        ({"role": "forged"}, "field-error"),
        ({"role": "tracker", "from_on": ""}, "请选择日期。"),
    ],
)
def test_an_impossible_role_is_reported_at_its_field(zone, tracker, values, sentence):
    answer = give(tracker, zone, **values)

    assert answer.status_code == 422
    assert sentence in answer.text


def test_a_unit_is_no_tracker(zone, tracker):
    answer = give(tracker, zone, role="tracker", holder=f"u{zone.bureau.id}")

    assert "“跟踪责任人”的人选有误" in answer.text


def test_a_role_ends(app, zone, tracker):
    lead = zone.leads[Secrecy.OPEN]
    held = holders(app, lead, LeadRoleKind.TRACKER)[0]

    tracker.post(zone.path(ending=f"/roles/{held.id}/end"))

    assert holders(app, lead, LeadRoleKind.TRACKER)[0].to_on == date(2026, 7, 14)


def test_the_last_one_named_on_a_restricted_lead_stays(app, zone, tracker):
    lead = zone.leads[Secrecy.RESTRICTED]
    held = holders(app, lead, LeadRoleKind.TRACKER)[0]

    answer = tracker.post(zone.path(Secrecy.RESTRICTED, f"/roles/{held.id}/end"))

    assert "至少一位知悉人员" in tracker.get(answer.location).text


def test_a_role_of_another_lead_is_not_found(app, zone, tracker):
    with arranged(app) as db:
        other = make_role(
            db, zone.leads[Secrecy.INTERNAL], LeadRoleKind.TASK_FORCE_HEAD, person=zone.stranger
        )

    assert tracker.post(zone.path(ending=f"/roles/{other.id}/end")).status_code == 404


@pytest.mark.parametrize(
    ("typed", "status", "kept"),
    [("（0513）85921234", 302, "(0513)85921234"), ("请致电前台", 422, None)],
)
def test_a_contacts_telephone_number_is_kept_in_one_form_or_refused(app, zone, typed, status, kept):
    at_tracker = sign_in(app, "tracker")

    answer = at_tracker.post("/leads/new", data=FORM | {"contact": "苏先生", "phone": typed})

    assert answer.status_code == status
    assert ("不是电话号码" in answer.text and typed in answer.text) is (kept is None)
    with arranged(app) as db:
        assert db.scalar(select(Contact.phone)) == kept


# what it leads to


def test_a_visit_is_begun_with_the_city_and_person_of_the_leads_last_one(app, zone, tracker):
    lead = zone.leads[Secrecy.OPEN]
    with arranged(app) as db:
        for day, met in ((1, "苏先生"), (3, "阙女士")):
            make_visit(db, zone.tracker, date(2026, 7, day), leads=[lead], met=met, city="无锡")
        make_visit(db, zone.tracker, date(2026, 7, 14), city="上海", met="别处的人")

    page = tracker.get(f"/visits/new?lead={lead.id}").text

    assert 'value="阙女士"' in page
    assert 'value="无锡"' in page


def test_a_visit_is_not_begun_with_words_that_another_lead_hides(app, zone, stranger):
    leads = [zone.leads[Secrecy.OPEN], zone.leads[Secrecy.RESTRICTED]]
    with arranged(app) as db:
        make_visit(db, zone.tracker, date(2026, 7, 3), leads=leads, met="阙女士")

    assert "阙女士" not in stranger.get(f"/visits/new?lead={leads[0].id}").text
