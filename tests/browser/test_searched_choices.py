"""People and leads are searched as one types, by keyboard too, and a lost network loses nothing."""

import re

import pytest
from playwright.sync_api import expect

from crm.leads.rules import Secrecy
from crm.transactions import transaction
from tests.factories import RECRUITER, make_lead, make_person, make_rule


@pytest.fixture
def form(served, screen):
    """The recruiter's visit form; nobody and nothing is likely in it but themselves."""
    with transaction(served.sessions) as db:
        make_rule(db, RECRUITER)
        make_person(db, "shen", name="沈若川")
        make_person(db, "wang", name="王强")
        make_lead(db, "储存模组项目")
        make_lead(db, "储存机密项目", secrecy=Secrecy.RESTRICTED)
    screen.be("shen")
    screen.open("/visits/new")
    return screen


def search(page, label, text):
    page.get_by_role("combobox", name=label).press_sequentially(text)


def options(page):
    return page.locator(".ts-dropdown:visible .option")


def status(page):
    return page.locator(".ts-dropdown:visible .ts-status")


def test_what_is_chosen_by_keyboard_is_still_there_after_an_error(form):
    page = form.page
    search(page, "项目线索", "ccmz")
    expect(options(page)).to_have_text([re.compile("储存模组项目")])
    form.examine()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    search(page, "同行人", "王")
    expect(options(page)).to_have_text([re.compile("王强")])
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="保存").click()

    expect(page.get_by_text("请修改")).to_be_visible()
    expect(page.locator(".item")).to_contain_text(["储存模组项目", "王强", "沈若川"])
    page.get_by_label("城市").fill("苏州")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("拜访已登记。")).to_be_visible()
    expect(page.get_by_text("王强")).to_be_visible()
    form.faults = [fault for fault in form.faults if "422" not in fault]  # Chromium notes it


def test_a_hidden_lead_is_not_found_and_nothing_found_is_said(form):
    page = form.page

    search(page, "项目线索", "机密")

    expect(status(page)).to_have_text("未找到，请更换关键字或拼音首字母")
    page.get_by_placeholder("企业名称或首字母，未建档的填全称").press_sequentially(
        "浮光传感有限公司"
    )
    expect(status(page)).to_have_text("未找到，可使用所填名称，或更换关键字")
    form.examine()


def test_a_lost_network_is_said_and_what_is_chosen_stays(form):
    page = form.page
    search(page, "项目线索", "储存")
    options(page).click()
    page.context.set_offline(True)

    search(page, "项目线索", "模组")

    expect(status(page)).to_contain_text("网络不通")
    expect(page.get_by_role("combobox", name="项目线索").last).to_have_value("模组")
    expect(page.locator(".item", has_text="储存模组项目")).to_be_visible()
    page.context.set_offline(False)
    form.faults = [fault for fault in form.faults if "DISCONNECTED" not in fault]
