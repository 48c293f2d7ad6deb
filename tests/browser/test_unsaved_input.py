"""What was typed is not lost: the session ends under a form, and one goes on where one was."""

import re

import pytest
from playwright.sync_api import expect

from crm.leads.own_field_models import OwnKind
from crm.leads.own_field_setup import OwnFieldData, add_field
from crm.people.rules import Role
from crm.people.service import hash_password, set_password
from crm.transactions import transaction
from tests.browser.conftest import end_session
from tests.conftest import NOW
from tests.factories import RECRUITER, make_company, make_lead, make_person, make_rule

pytestmark = pytest.mark.parametrize("screen", ["phone"], indirect=True)

PASSWORD = "a long enough password"


@pytest.fixture
def desk(served, screen):
    """The recruiter's visit form, filled in but not yet sent."""
    with transaction(served.sessions) as db:
        make_rule(db, RECRUITER)
        person = make_person(db, "shen", name="沈若川")
        secret = hash_password("shen", PASSWORD)
        set_password(db, person=person, password_hash=secret, by=None, now=NOW)
        make_lead(db, "储存模组项目")  # not a likely one: it is searched for
    screen.be("shen")
    screen.open("/visits/new")
    page = screen.page
    page.get_by_text("线上对接", exact=True).click()
    page.get_by_text("视频", exact=True).click()
    page.get_by_role("textbox", name=re.compile("^日期")).fill("2026-07-13")
    page.get_by_role("combobox", name="项目线索").fill("储存")
    page.locator(".ts-dropdown .option", has_text="储存模组项目").click()
    page.keyboard.press("Escape")
    page.get_by_text("会见人、纪要").click()
    page.get_by_label("洽谈纪要").fill("谈了用地和用电。")
    return screen


def test_a_form_whose_session_ended_comes_back_whole_after_signing_in(served, desk):
    page = desk.page
    end_session(served)

    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("登录已过期")).to_be_visible()
    desk.examine()
    page.get_by_label("账号").fill("shen")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()

    expect(page.get_by_text("未提交的内容")).to_be_visible()
    desk.examine()
    expect(page.get_by_label("视频")).to_be_checked()
    day = page.get_by_role("textbox", name=re.compile("^日期"))
    expect(day).to_have_value("2026年7月13日 周一")
    expect(page.get_by_label("洽谈纪要")).to_have_value("谈了用地和用电。")
    expect(page.locator(".item", has_text="储存模组项目")).to_be_visible()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("拜访已登记。")).to_be_visible()
    desk.open("/visits/new")
    expect(page.get_by_label("洽谈纪要")).to_have_value("")


def test_what_comes_back_can_be_put_aside(served, desk):
    page = desk.page

    desk.open("/visits/new")
    expect(page.get_by_label("洽谈纪要")).to_have_value("谈了用地和用电。")
    page.get_by_role("button", name="放弃").click()

    expect(page.get_by_text("未提交的内容")).not_to_be_visible()
    expect(page.get_by_label("洽谈纪要")).to_have_value("")


def test_a_duplicate_lead_is_warned_of_once(served, screen):
    with transaction(served.sessions) as db:
        person = make_person(db, "shen", name="沈若川", role=Role.RECRUITER)
        company = make_company(db)
        make_lead(db, "一期项目", tracker=person, company=company)
        known = company.name
    page = screen.page
    screen.be("shen")
    screen.open("/leads/new")
    page.get_by_label("投资方").fill(known)
    page.get_by_label("项目名称").fill("二期项目")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("可能已有该企业的线索")).to_be_visible()

    page.get_by_role("button", name="仍作为新线索保存").click()

    expect(page.get_by_text("线索已登记。")).to_be_visible()
    screen.faults = [fault for fault in screen.faults if "422" not in fault]  # Chromium notes it


def test_own_fields_fetched_as_they_are_unfolded_keep_what_is_typed(served, desk):
    with transaction(served.sessions) as db:
        admin = make_person(db, "an", name="安宁", role=Role.ADMIN)
        data = OwnFieldData(name="预计用工人数", kind=OwnKind.NUMBER)
        add_field(db, data=data, by=admin, now=NOW)
    page = desk.page
    desk.open("/leads/new")
    fold, people = page.get_by_text("补充信息："), page.get_by_label("预计用工人数")

    fold.click()
    people.fill("320")
    fold.click()
    expect(people).to_be_hidden()
    page.reload()
    expect(people).to_have_value("320")

    page.get_by_label("项目名称").fill("封装测试项目")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("请修改")).to_be_visible()
    expect(people).to_have_value("320")
    desk.examine()
