"""Planned visits of the calendar are moved with the mouse and from the keyboard (ENTRY 4)."""

from datetime import date

import pytest
from playwright.sync_api import expect

from crm.transactions import transaction
from crm.visits.rules import Status
from tests.browser.conftest import await_page
from tests.factories import make_person, make_unit, make_visit


@pytest.fixture
def calendar(served, screen):
    """The week of a recruiter with one planned visit on Thursday."""
    with transaction(served.sessions) as db:
        shen = make_person(db, "shen", name="沈若川", unit=make_unit(db, "招商局"))
        make_visit(db, shen, date(2026, 7, 16), status=Status.PLANNED, city="无锡")
    screen.page.context.set_default_timeout(10_000)
    screen.be("shen")
    screen.open("/calendar")
    return screen


def begins_at(place):
    """How its text is aligned."""
    return place.evaluate("(element) => getComputedStyle(element).textAlign")


def day(page, on):
    return page.locator(f'[data-on="{on}"]')


@pytest.mark.parametrize("screen", ["desk"], indirect=True)
def test_a_planned_visit_is_dragged_to_another_day_and_moved_by_keys(calendar):
    page, mouse = calendar.page, calendar.page.mouse
    box = day(page, "2026-07-16").locator(".movable small").bounding_box()
    onto = day(page, "2026-07-17").locator(".cal-list").bounding_box()

    mouse.move(box["x"] + 5, box["y"] + 5)
    mouse.down()
    mouse.move(onto["x"] + 40, onto["y"] + 20, steps=12)
    mouse.up()

    await_page(page, "已改期至7月17日")
    moved = day(page, "2026-07-17").locator(".movable a")
    moved.focus()
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.get_by_text("已改期至7月16日")).to_be_visible()
    expect(day(page, "2026-07-16").locator(".movable")).to_be_visible()
    calendar.examine()


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_days_of_a_month_read_as_those_of_a_week(calendar):
    of_week = begins_at(day(calendar.page, "2026-07-16"))

    calendar.open("/calendar?view=month")

    assert begins_at(day(calendar.page, "2026-07-16")) == of_week
