"""A leader's digest as a mail program shows it, wide and narrow."""

import pytest

from crm.base.mail import Site
from crm.digests.service import preview, render_digest
from crm.people.rules import Duty
from tests.digests.conftest import AUGUST, MONDAY, MONTH, WEEK, make_zone
from tests.digests.test_forms import fill
from tests.digests.test_month_part import make_target
from tests.factories import make_person, make_unit

TALLEST = 1920  # about two screens of a mail program at a desk; lines differ between browsers
NARROWEST_NAME = 50  # nearly four characters
SITE = Site("https://crm.test", "crm@crm.test")
WIDTHS = """cells => cells.filter(cell => cell.textContent.length > 3).map(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return range.getBoundingClientRect().width;
})"""


@pytest.fixture
def large(db):
    """A zone of 150 people in 14 units, where much happens."""
    zone = make_zone(db)
    fill(db, zone)
    make_target(db, zone.top)
    for name in ("新一代信息技术产业园", "国际数据中心产业园", "数字创意（视频）产业园") * 4:
        unit = make_unit(db, name, parent=zone.top)
        for _ in range(12):
            make_person(db, unit=unit, duty=Duty.RECRUITER)
    return zone


@pytest.mark.parametrize(("period", "at"), [(MONTH, AUGUST), (WEEK, MONDAY)])
def test_a_leaders_mail_is_short_and_legible_on_a_phone(db, large, browser, period, at):
    mail = render_digest(preview(db, period=period, person=large.boss, at=at), SITE)
    page = browser.new_page(viewport={"width": 600, "height": 800})
    page.set_content(mail.html)

    assert page.evaluate("document.documentElement.scrollHeight") <= TALLEST

    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    names = page.locator("table:has(> tbody > tr > th) td:first-child")
    assert min(names.evaluate_all(WIDTHS)) >= NARROWEST_NAME
    page.close()
