"""The main job in a real browser: log a visit, see the board change, read the digest."""

from datetime import date, datetime

import pytest
from playwright.sync_api import expect

from crm.base import clock
from crm.jobs import ledger
from crm.jobs.runner import Runner
from crm.people.rules import Duty, Role, UnitKind
from crm.people.service import hash_password, set_password
from crm.transactions import transaction
from crm.visits.rules import Status
from tests.conftest import NOW
from tests.factories import (
    make_followup,
    make_lead,
    make_person,
    make_regime,
    make_unit,
    make_visit,
)

PASSWORD = "a long enough password"
ON_A_PHONE = pytest.mark.parametrize("screen", ["phone"], indirect=True)
AT_THE_DESK = pytest.mark.parametrize("screen", ["desk"], indirect=True)
MOST_OF_A_FIRST_LOAD = 65_000  # bytes as they travel, compressed
LOADED = """() => Object.fromEntries(
  [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map(
    ({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize],
  ),
)"""


@pytest.fixture(scope="module")
def password_hash():
    return hash_password("nobody", PASSWORD)


@pytest.fixture
def zone(served, password_hash, site):
    """A small zone: a principal leader who owes a visit, a recruiter, a supervisor above them."""
    with transaction(served.sessions) as db:
        make_regime(db)
        top = make_unit(db, "开发区", kind=UnitKind.ZONE, inspects=True)
        bureau = make_unit(db, "招商局", parent=top)
        leader = make_person(
            db, "yan", name="严书禾", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=bureau
        )
        recruiter = make_person(db, "shen", name="沈若川", unit=bureau)
        supervisor = make_person(
            db, "wu", name="伍思齐", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=top
        )
        for person in (leader, recruiter, supervisor):
            set_password(db, person=person, password_hash=password_hash, by=None, now=NOW)
        lead = make_lead(db, "储存模组项目", unit=bureau, tracker=recruiter, yi="12")
        make_followup(db, lead, recruiter, date(2026, 7, 15), what="补充测算表")
        make_visit(db, recruiter, date(2026, 7, 13), leads=[lead], participants=[leader])
        make_visit(
            db,
            recruiter,
            date(2026, 7, 14),
            status=Status.PLANNED,
            city="无锡",
        )
        make_visit(db, leader, date(2026, 7, 6), leads=[lead])
        ledger.install(db, clock_from=datetime(2026, 7, 10, tzinfo=NOW.tzinfo), now=NOW)
    Runner(served.sessions, site).run_until(NOW, to_mailbox=True)
    return served


def board_row(screen, name):
    screen.open("/compliance?period=2026-W29")
    return screen.page.locator("tr").filter(has_text=name)


def test_a_visit_logged_on_the_road_changes_the_board(zone, screen):
    page = screen.page
    screen.sign_in("wu", PASSWORD)
    expect(board_row(screen, "严书禾")).to_contain_text("0/1 次")
    screen.sign_out()
    screen.sign_in("yan", PASSWORD)
    expect(page.get_by_text("0 / 1")).to_be_visible()

    screen.follow(page.get_by_role("link", name="登记拜访"), "/visits/new")
    page.get_by_role("button", name="保存").click()

    expect(page.get_by_text("本周带队拜访 0/1 → 1/1，已达标")).to_be_visible()
    screen.examine()
    screen.sign_out()
    screen.sign_in("wu", PASSWORD)
    expect(board_row(screen, "严书禾")).to_contain_text("已达标")


@ON_A_PHONE
def test_the_common_case_takes_two_touches_and_under_twenty_seconds(zone, screen):
    page = screen.page
    screen.be("yan")
    touches = []
    page.expose_function("touched", lambda: touches.append(1))
    page.add_init_script("addEventListener('pointerdown', () => touched(), true)")
    began = clock.monotonic()
    page.goto(screen.url + "/")

    page.get_by_role("link", name="登记拜访").click()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("0/1 → 1/1")).to_be_visible()

    assert len(touches) <= 6
    assert clock.monotonic() - began < 20


@ON_A_PHONE
def test_a_common_visit_by_quick_entry_takes_three_touches_after_typing(zone, screen):
    page, touches = screen.page, []
    screen.be("shen")
    page.expose_function("touched", lambda: touches.append(1))
    page.add_init_script("addEventListener('pointerdown', () => touched(), true)")
    page.goto(screen.url + "/")
    began = clock.monotonic()
    page.get_by_role("textbox", name="快记").fill(
        "今天上午8点到9点在上海拜访储存模组项目，见了王总，谈设备选型"
    )

    page.get_by_role("button", name="填表").click()
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url(f"{screen.url}/visits/*")

    expect(page.locator("main")).to_contain_text("王总")
    taken = clock.monotonic() - began
    assert len(touches) <= 3, f"{len(touches)} touches in {taken:.1f} s; 12 s are allowed"


@ON_A_PHONE
def test_the_first_load_of_the_visit_form_fits_the_road(zone, screen):
    page = screen.page
    screen.be("shen")
    state = page.context.storage_state()
    fresh = page.context.browser.new_context(storage_state=state, service_workers="block")
    form = fresh.new_page()

    form.goto(f"{screen.url}/visits/new", wait_until="networkidle")
    loaded = form.evaluate(LOADED)
    worker = fresh.request.get(f"{screen.url}/sw.js", headers={"Accept-Encoding": "br"})
    loaded["/sw.js"] = int(worker.headers["content-length"])
    fresh.close()

    assert sum(loaded.values()) <= MOST_OF_A_FIRST_LOAD, loaded


@ON_A_PHONE
def test_what_was_typed_stays_when_something_is_wrong(zone, screen):
    page = screen.page
    screen.be("yan")
    screen.open("/visits/new")

    page.get_by_label("城市").fill("常州")
    page.get_by_label("开始时间").fill("11:00")
    page.get_by_label("结束时间").fill("09:00")
    page.get_by_role("button", name="保存").click()

    expect(page.get_by_text("结束时间必须晚于开始时间")).to_be_visible()
    expect(page.get_by_label("城市")).to_have_value("常州")
    screen.examine()
    screen.faults[:] = [fault for fault in screen.faults if "422" not in fault]  # as it should be


@ON_A_PHONE
def test_a_planned_visit_is_set_done_from_my_day_in_two_touches(zone, screen):
    page = screen.page
    screen.be("shen")
    screen.open("/")

    page.get_by_role("button", name="办结").first.click()

    expect(page.get_by_text("本月驻城天数 1/20 → 2/20")).to_be_visible()
    screen.examine()


@AT_THE_DESK
def test_a_supervisor_follows_a_figure_to_the_visits_behind_it(zone, screen):
    page = screen.page
    screen.be("wu")
    screen.open("/compliance?period=2026-07")
    expect(page.get_by_text("沈若川").first).to_be_visible()

    screen.open("/compliance/figure?rule=recruiter-monthly&person=shen&period=2026-07")

    page.locator(".day-table summary").first.click()

    expect(page.locator(".day-panel a").first).to_be_visible()
    screen.examine()
    page.locator(".day-panel a").first.click()
    expect(page.get_by_text("苏州").first).to_be_visible()


@AT_THE_DESK
def test_the_digest_is_read_in_the_mailbox(zone, screen):
    page = screen.page
    screen.be("yan")
    screen.open("/mailbox")

    page.get_by_role("link", name="第28周").first.click()

    expect(page.get_by_role("heading", name="2026年第28周").first).to_be_visible()
    expect(page.get_by_text("1/1").first).to_be_visible()
    screen.examine()
