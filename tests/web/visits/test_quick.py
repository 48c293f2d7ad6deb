"""快记: a typed line fills in the form, and nothing is saved before it was seen (ENTRY 1)."""

import html
import re
from datetime import date

import pytest
from sqlalchemy import func, select

from crm.leads.rules import Secrecy
from crm.people.rules import Role
from crm.visits.models import Visit
from crm.visits.rules import Kind, Status
from tests.conftest import NOW
from tests.factories import arranged, make_company, make_lead, make_person, make_visit, sign_in

LINE = "昨天下午在上海拜访溟南显示，见了王总，谈设备选型，下周三前送测算表"


def read(client, line, **more):
    return client.post("/visits/quick", data={"line": line} | more)


def number_of_visits(app):
    with arranged(app) as db:
        return db.scalar(select(func.count()).select_from(Visit))


def form_of(page):
    """What the form of the page would send."""
    form = page.text[page.text.index('class="entry-form"') :]
    fields = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form)
    return {name: value for name, value in fields if name in {"ref", "rest"}}


def chosen_option(page, lead_id):
    leads = re.search(r'<select[^>]*name="lead_ids".*?</select>', page.text, re.DOTALL)
    return re.search(rf'<option[^>]*selected[^>]*value="{lead_id}"', leads[0])


def test_a_line_fills_in_the_form_and_saves_nothing(app):
    with arranged(app) as db:
        lina = make_person(db, "lina", name="李娜")
        lead = make_lead(
            db, "显示模组项目", company=make_company(db, "溟南显示技术有限公司"), tracker=lina
        ).id

    page = read(sign_in(app, "lina"), LINE)

    assert page.status_code == 200
    for words in ("溟南显示技术有限公司", "谈设备选型", "送测算表（", "“昨天”", "推定", "尚未保存"):
        assert words in page.text
    assert chosen_option(page, lead)
    assert number_of_visits(app) == 0


def test_the_next_entry_waits_for_its_writer_until_the_first_is_saved(app):
    with arranged(app) as db:
        leader = make_person(db, "lina", name="李娜").id
        make_person(db, "wu", name="吴越")
    client = sign_in(app, "lina")
    page = read(client, "昨天上午在上海拜访甲乙公司\n前天上午在苏州拜访丙丁公司")
    entry = form_of(page) | {
        "kind": "outreach",
        "channel": "in_person",
        "status": "done",
        "first_on": "昨天",
        "starts": "09:00",
        "ends": "11:30",
        "city": "上海",
        "companies-0-company": "甲乙公司",
        "leader_id": leader,
    }

    saved = client.post("/visits/new", data=entry)

    assert saved.location == "/visits/new"
    assert "前天上午在苏州拜访丙丁公司</textarea>" in client.get("/visits/new").text
    assert "丙丁" not in client.get("/visits/new").text
    assert number_of_visits(app) == 1


def test_of_several_leads_one_is_chosen_by_a_touch(app):
    with arranged(app) as db:
        lina = make_person(db, "lina")
        company = make_company(db, "朗越智能装备有限公司")
        titles = ("装备一期项目", "装备二期项目")
        leads = [make_lead(db, title, company=company, tracker=lina).id for title in titles]
    client, line = sign_in(app, "lina"), "昨天在上海拜访朗越智能装备"

    asked = read(client, line)
    chosen = read(client, line, pick=f"lead_ids:{leads[1]}")

    assert f'value="lead_ids:{leads[1]}"' in asked.text
    assert not chosen_option(asked, leads[1])
    assert chosen_option(chosen, leads[1])


def test_a_hidden_lead_is_as_unknown_as_any_word(app):
    with arranged(app) as db:
        make_person(db, "lina")
        company, secret = make_company(db, "暗河科技"), Secrecy.RESTRICTED
        hidden = make_lead(db, "暗河项目", company=company, secrecy=secret, code_name="甲").id

    page = read(sign_in(app, "lina"), "昨天在上海看暗河项目")

    assert not chosen_option(page, hidden)
    assert "暗河科技" not in page.text


def test_a_command_shows_the_plans_it_means_and_asks(app):
    with arranged(app) as db:
        lina = make_person(db, "lina")
        plan = {"status": Status.PLANNED, "city": "上海"}
        stay = make_visit(db, lina, kind=Kind.RESIDENCY, on=NOW.date(), **plan).id

    page = read(sign_in(app, "lina"), "取消上海的驻城，客户改期")

    assert f"/visits/{stay}/cancel" in page.text
    with arranged(app) as db:
        assert db.get_one(Visit, stay).status is Status.PLANNED


def test_words_of_a_stage_change_no_record(app):
    with arranged(app) as db:
        lina = make_person(db, "lina")
        lead = make_lead(
            db, "青禾项目", company=make_company(db, "青禾生物科技有限公司"), tracker=lina
        ).id

    client = sign_in(app, "lina")
    page = read(client, "昨天与青禾生物科技签约50亿元")
    money = read(client, "青禾生物科技到账3000万元")

    assert "框架协议不计签约" in page.text
    assert "7月14日 · 50亿元" in page.text
    assert f'href="/leads/{lead}?open=reach-signed&amp;on=2026-07-14"' in page.text
    address = re.search(rf'href="(/leads/{lead}/receipts/new[^"]*)"', money.text)[1]
    assert 'value="3000万元"' in client.get(html.unescape(address)).text


def stay_of(app, *, city="上海", **more):
    """A stay of the writer from Monday to Wednesday of this week."""
    with arranged(app) as db:
        lina = make_person(db, "lina", name="李娜")
        values = {"kind": Kind.RESIDENCY, "status": Status.PLANNED, "city": city}
        return make_visit(db, lina, on=date(2026, 7, 13), days=3, **values | more).id


def test_a_stay_on_the_dates_of_a_planned_one_is_added_to_it_unless_the_writer_says_else(app):
    stay = stay_of(app, minutes="原有纪要")
    client, line = sign_in(app, "lina"), "7.13-14驻上海，跑了某某电子公司，谈了厂房"

    page = read(client, line)
    own = read(client, line, pick="stay:new")

    assert f'action="/visits/{stay}/edit"' in page.text
    assert "补充到该次驻城</strong>" in page.text
    assert "原有纪要\n谈了厂房" in page.text
    assert "某某电子公司" in page.text
    assert 'action="/visits/new"' in own.text
    assert "原有纪要" not in own.text


def test_a_stay_in_another_city_on_planned_dates_is_asked_about(app):
    stay = stay_of(app, city="苏州")
    client, line = sign_in(app, "lina"), "7.13-14驻上海"

    asked = read(client, line)
    moved = read(client, line, pick=f"stay:{stay}")

    for words in ("已有驻城（苏州，计划）", "改为上海", "两段都要", "放弃"):
        assert words in asked.text
    assert 'action="/visits/new"' in asked.text
    assert f'action="/visits/{stay}/edit"' in moved.text
    assert re.search(r'name="city"[^>]*value="上海"', moved.text)


def test_somebody_elses_stay_is_never_filled_in(app):
    stay = stay_of(app)
    with arranged(app) as db:
        make_person(db, "wu", name="吴越")

    page = read(sign_in(app, "wu"), "7.13-14驻上海", pick=f"stay:{stay}")

    assert 'action="/visits/new"' in page.text
    assert "已有驻城" not in page.text


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("昨天上午在上海拜访甲乙公司", "7月14日在7月13日至15日的驻城（上海）之内，当日只计一天"),
        ("昨天上午去苏州拜访甲乙公司", "与本次不在同一城市，当日只计一天"),
        ("7月19日上午约了甲乙公司王总在上海见面", "7月19日（周日）是休息日"),
        ("7月6日上午在上海拜访甲乙公司", "距7月6日已过 9 天，逾期登记须经督查人员确认后计入"),
        ("昨天在上海拜访甲乙公司，供电没落实", "“供电没落实”可在保存后转为困难问题"),
    ],
)
def test_the_page_says_what_the_writer_would_otherwise_learn_too_late(app, line, hint):
    stay_of(app)

    assert hint in read(sign_in(app, "lina"), line).text


def test_a_reader_has_no_quick_entry(app):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER)

    assert read(sign_in(app, "reader"), LINE).status_code == 404
