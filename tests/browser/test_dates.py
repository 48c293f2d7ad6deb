"""Dates are shown and typed in Chinese, whatever the browser's language."""

import pytest
from playwright.sync_api import expect

from crm.transactions import transaction
from tests.factories import make_lead, make_person


@pytest.fixture
def form(served, screen):
    """The form of a new follow-up; it is due in a week."""
    with transaction(served.sessions) as db:
        person = make_person(db, "shen", name="沈若川")
        lead = make_lead(db, "储存模组项目", tracker=person)
    screen.be("shen")
    screen.open(f"/followups/new?lead={lead.id}")
    return screen.page


def due(page):
    return page.get_by_role("textbox", name="期限")


# The system's calendar cannot be touched by a test: this is what it does to its field.
PICK = """HTMLInputElement.prototype.showPicker = function () {
    this.value = "2026-08-03";
    this.dispatchEvent(new Event("change", { bubbles: true }));
}"""


def test_a_typed_date_is_shown_as_it_is_read(form):
    expect(due(form)).to_have_value("2026年7月22日 周三")

    for typed, shown in (
        ("2026-08-03", "2026年8月3日 周一"),
        ("8月4日", "2026年8月4日 周二"),
        ("0805", "2026年8月5日 周三"),
    ):
        due(form).fill(typed)
        due(form).blur()

        expect(due(form)).to_have_value(shown)


def test_what_is_no_date_is_said_at_the_field_and_stays(form):
    due(form).fill("2026年2月30日")
    due(form).blur()

    expect(form.get_by_role("alert")).to_have_text("没有这一天，请核对月份和日期。")
    expect(due(form)).to_have_value("2026年2月30日")
    due(form).fill("8月3日")
    due(form).blur()
    expect(form.get_by_role("alert")).to_have_count(0)


def test_the_button_after_the_field_opens_the_calendar(form):
    form.evaluate(PICK)
    due(form).focus()

    form.keyboard.press("Tab")
    form.keyboard.press("Enter")

    expect(form.get_by_role("button", name="期限：打开日历")).to_be_focused()
    expect(due(form)).to_have_value("2026年8月3日 周一")


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_a_touch_of_the_field_opens_the_calendar_of_the_phone(form, browser):
    phone = browser.new_context(
        has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}
    )
    phone.add_cookies(form.context.cookies())
    page = phone.new_page()
    page.goto(form.url)
    page.evaluate(PICK)

    due(page).tap()

    expect(due(page)).to_have_value("2026年8月3日 周一")
    phone.close()


def test_a_start_that_passes_its_end_moves_it_along(form):
    form.goto(form.url.split("/followups")[0] + "/absences/new")
    form.get_by_role("textbox", name="结束日期").fill("2026-07-17")
    form.get_by_role("textbox", name="结束日期").blur()
    expect(form.get_by_role("textbox", name="结束日期")).to_have_value("2026年7月17日 周五")

    form.get_by_role("textbox", name="开始日期").fill("7月20日")
    form.get_by_role("textbox", name="开始日期").blur()

    expect(form.get_by_role("textbox", name="结束日期")).to_have_value("2026年7月22日 周三")
