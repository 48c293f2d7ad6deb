"""The visits of a week are planned from *my day* in four touches on a phone (ENTRY 3)."""

from datetime import date

import pytest
from playwright.sync_api import expect

from crm.people.rules import Duty, Role
from crm.transactions import transaction
from tests.factories import (
    make_followup,
    make_lead,
    make_person,
    make_regime,
    make_unit,
    make_visit,
)


@pytest.fixture
def behind(served):
    """A deputy who owes six visits and has five leads in two cities."""
    with transaction(served.sessions) as db:
        make_regime(db)
        bureau = make_unit(db, "招商局")
        tan = make_person(db, "tan", role=Role.LEADER, duty=Duty.DEPUTY, unit=bureau)
        other = make_person(db, unit=bureau)
        for n, city in enumerate(["上海", "上海", "上海", "苏州", "苏州"]):
            lead = make_lead(db, f"项目{n}号", unit=bureau, tracker=tan, yi="12")
            make_visit(db, other, date(2026, 7, 1), leads=[lead], city=city)
            make_followup(db, lead, tan, date(2026, 7, 16), what="确认来访时间")


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_a_week_is_planned_in_four_touches(behind, screen):
    page = screen.page
    screen.be("tan")
    touches = []
    page.expose_function("touched", lambda: touches.append(1))
    page.add_init_script("addEventListener('pointerdown', () => touched(), true)")
    page.goto(screen.url + "/")

    page.get_by_role("link", name="安排拜访建议").click()
    expect(page.get_by_text("按规则还差 6 次，建议 5 家")).to_be_visible()
    screen.examine()
    page.get_by_role("button", name="安排所选").click()

    expect(page.get_by_text("已安排 5 家计划拜访")).to_be_visible()
    assert len(touches) <= 4
