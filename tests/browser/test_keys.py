"""Every page is reached and used from the keyboard."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from crm.transactions import transaction
from tests.factories import RECRUITER, make_lead, make_person, make_rule

pytestmark = pytest.mark.parametrize("screen", ["desk"], indirect=True)

HAS_RING = """element => {
    const drawn = element.matches(".visually-hidden") ? element.nextElementSibling
        : element.closest(".ts-control") ?? element;
    const style = getComputedStyle(drawn);
    return style.outlineStyle !== "none" || style.boxShadow !== "none";
}"""


@pytest.fixture
def desk(served, screen):
    """The recruiter Shen at my day."""
    with transaction(served.sessions) as db:
        make_rule(db, RECRUITER)
        shen = make_person(db, "shen", name="沈若川")
        make_lead(db, "储存模组项目", tracker=shen)
    screen.page.context.set_default_timeout(10_000)
    screen.be("shen")
    screen.open("/")
    return screen


def test_letters_lead_to_the_places_of_the_menu(desk):
    page = desk.page

    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/leads")
    page.locator("main").get_by_role("searchbox").click()
    page.keyboard.type("n/储存")  # typed, and no way to the visit form or the search of everything
    expect(page.get_by_role("searchbox")).to_have_value("n/储存")
    page.keyboard.press("Tab")
    page.keyboard.press("n")
    expect(page).to_have_url(f"{desk.url}/leads")  # a list is chosen from by letters
    page.locator("h1").click()
    page.keyboard.press("n")

    page.wait_for_url("**/visits/new")


def test_the_search_of_everything_is_used_from_the_keyboard(desk):
    page = desk.page
    box = page.get_by_role("combobox", name="搜索全部")
    page.keyboard.press("/")
    page.keyboard.type("储存")
    options = page.get_by_role("option")
    expect(options.first).to_contain_text("储存模组项目")
    expect(options.first).to_have_attribute("aria-selected", "true")
    desk.examine()

    page.keyboard.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_be_focused()
    box.fill("项目")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")

    page.wait_for_url("**/leads/1")


def test_the_search_opens_over_the_bar_where_there_is_no_room_for_its_box(desk):
    page = desk.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("link", name="搜索全部").click()
    page.keyboard.type("没有的词")
    expect(page.get_by_text("未找到与“没有的词”有关的")).to_be_visible()
    desk.examine()

    page.get_by_role("button", name="取消").click()

    expect(page.get_by_role("combobox", name="搜索全部")).to_be_hidden()


def test_the_help_lists_what_the_menu_holds(desk):
    page = desk.page
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="键盘快捷键")
    desk.examine()

    expect(help_.get_by_text("达标看板")).to_be_visible()
    expect(help_.get_by_text("系统管理")).to_have_count(0)
    expect(help_.get_by_text("年度目标")).to_have_count(0)  # not in a recruiter's menu
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.keyboard.press("Escape")
    expect(help_).to_have_count(0)
    expect(page).to_have_url(f"{desk.url}/")


def test_tab_passes_the_visit_form_in_reading_order_and_shows_where_it_is(desk):
    page = desk.page
    page.goto(f"{desk.url}/visits/new")
    tops, names = [], []

    while "保存" not in names:
        page.keyboard.press("Tab")
        focused = page.evaluate_handle("document.activeElement").as_element()
        assert focused.evaluate(HAS_RING), focused.evaluate("element => element.outerHTML")
        named = focused.get_attribute("name") or focused.get_attribute("id")
        names.append(focused.inner_text().strip() or named or "")
        if focused.evaluate("element => Boolean(element.closest('form.entry-form'))"):
            tops.append(round(focused.bounding_box()["y"] + page.evaluate("scrollY")))

    assert {"kind", "status", "first_on", "starts", "ends", "city"} <= set(names)
    assert all(above <= below + 8 for above, below in pairwise(tops))
