"""A form is saved once, whatever becomes of the network, and nothing typed is lost."""

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from crm.base.audit import record
from crm.leads.rules import Stage
from crm.people.models import Person, Posting, Unit
from crm.people.rules import Role
from crm.people.service import hash_password, set_password
from crm.transactions import transaction
from crm.visits.models import Visit
from crm.visits.rules import Status
from tests.browser.conftest import await_page, lose_next_answer
from tests.conftest import NOW
from tests.factories import RECRUITER, make_lead, make_milestone, make_person, make_rule, make_visit

pytestmark = pytest.mark.parametrize("screen", ["phone"], indirect=True)

PASSWORD = "a long enough password"
WAITS = "未连上，已存在本机，联网后自动提交。"


@pytest.fixture(scope="module")
def password_hash():
    return hash_password("nobody", PASSWORD)


@pytest.fixture
def desk(served, screen, password_hash):
    """The recruiter Shen, signed in."""
    with transaction(served.sessions) as db:
        make_rule(db, RECRUITER)
        for username, name in (("shen", "沈若川"), ("gu", "顾清")):
            person = make_person(db, username, name=name)
            set_password(db, person=person, password_hash=password_hash, by=None, now=NOW)
    screen.page.context.set_default_timeout(10_000)
    screen.be("shen")
    return screen


def fill(page, url, city="苏州", day="2026-07-14"):
    page.goto(f"{url}/visits/new")
    page.get_by_role("textbox", name=re.compile("^日期")).fill(day)
    page.get_by_label("城市").fill(city)
    return page


def save(page):
    page.get_by_role("button", name="保存").click()


def cities(served):
    with served.sessions() as db:
        return sorted(db.scalars(select(Visit.city)))


def test_what_is_saved_without_network_is_sent_once_it_is_back(served, desk):
    page, context = fill(desk.page, desk.url), desk.page.context
    context.set_offline(True)
    save(page)
    expect(page.get_by_text(WAITS)).to_be_visible()
    desk.examine()

    context.set_offline(False)

    page.wait_for_url("**/visits/1")
    assert cities(served) == ["苏州"]


def test_an_answer_that_is_lost_makes_no_second_visit(served, desk):
    page = fill(desk.page, desk.url)
    lost = lose_next_answer(page)
    save(page)
    expect(page.get_by_text(WAITS)).to_be_visible()

    page.get_by_role("button", name="立即重试").click()

    page.wait_for_url("**/visits/1")
    assert lost == [201]
    assert cities(served) == ["苏州"]
    expect(page.locator("#messages .alert-success").first).to_be_visible()


def test_a_database_that_is_away_is_waited_for(served, desk):
    page = fill(desk.page, desk.url)
    page.route("**/visits/new", lambda route: route.fulfill(status=503, body=""), times=1)
    save(page)
    expect(page.get_by_text(WAITS)).to_be_visible()
    desk.faults = [fault for fault in desk.faults if "503" not in fault]  # Chromium notes it

    page.evaluate("dispatchEvent(new Event('focus'))")

    page.wait_for_url("**/visits/1")
    assert cities(served) == ["苏州"]


def test_two_tabs_send_what_each_holds_once(served, desk):
    context = desk.page.context
    first = fill(desk.page, desk.url)
    second = fill(context.new_page(), desk.url, "无锡", "2026-07-13")
    context.set_offline(True)
    for page in (first, second):
        save(page)
        expect(page.get_by_text(WAITS)).to_be_visible()

    context.set_offline(False)

    for page in (first, second):
        page.wait_for_url(re.compile("/visits/[12]$"))
    assert cities(served) == ["无锡", "苏州"]


def test_what_waits_is_sent_when_its_person_signs_in_again(served, desk):
    page, context = fill(desk.page, desk.url), desk.page.context
    context.set_offline(True)
    save(page)
    expect(page.get_by_text(WAITS)).to_be_visible()
    page.close()
    context.set_offline(False)
    desk.page = context.new_page()
    desk.sign_out()

    desk.sign_in("gu", PASSWORD)
    desk.open("/visits/new")
    expect(desk.page.get_by_label("城市")).not_to_have_value("苏州")
    assert cities(served) == []
    desk.sign_out()
    desk.sign_in("shen", PASSWORD)

    expect(desk.page.get_by_text("“登记拜访”已提交。")).to_be_visible()
    with served.sessions() as db:
        shen = select(Person.id).where(Person.username == "shen").scalar_subquery()
        made = select(func.count()).select_from(Visit).where(Visit.entered_by_id == shen)
        assert db.scalar(made) == 1


def test_a_refused_form_says_why_and_not_that_it_was_brought_back(served, desk):
    page = fill(desk.page, desk.url)
    page.get_by_label("开始时间").fill("11:00")
    page.get_by_label("结束时间").fill("09:00")

    save(page)

    expect(page.get_by_text("结束时间必须晚于开始时间")).to_be_visible()
    expect(page.get_by_label("城市")).to_have_value("苏州")
    expect(page.get_by_text("未提交的内容")).to_have_count(0)
    page.get_by_label("结束时间").fill("12:00")
    save(page)
    page.wait_for_url("**/visits/1")
    page.goto(f"{desk.url}/visits/1/edit")
    expect(page.get_by_text("未提交的内容")).to_have_count(0)


def test_a_draft_outlives_its_tab(desk):
    page = fill(desk.page, desk.url)
    context = page.context
    page.close()

    page = context.new_page()
    page.goto(f"{desk.url}/visits/new")

    expect(page.get_by_label("城市")).to_have_value("苏州")
    page.get_by_role("button", name="放弃").click()
    expect(page.get_by_label("城市")).to_have_value("")


def test_a_button_without_network_says_so(served, desk):
    with transaction(served.sessions) as db:
        shen = db.scalars(select(Person).where(Person.username == "shen")).one()
        make_visit(db, shen, date(2026, 7, 14), status=Status.PLANNED)
    page = desk.page
    page.goto(f"{desk.url}/visits/1")
    page.context.set_offline(True)

    page.locator("main .post-form button").first.click()

    expect(page.get_by_text("未连上，请稍后重试。")).to_be_visible()


def test_a_verdict_on_what_was_edited_since_shows_the_visit_and_keeps_the_reason(served, desk):
    with transaction(served.sessions) as db:
        shen = db.scalars(select(Person).where(Person.username == "shen")).one()
        shen.role = Role.SUPERVISOR
        unit_id = db.scalar(select(Posting.unit_id).where(Posting.person_id == shen.id))
        liu = make_person(db, "liu", unit=db.get_one(Unit, unit_id))
        late = make_visit(db, liu, date(2026, 7, 1), logged_at=NOW - timedelta(days=1))
    page = desk.page
    page.goto(f"{desk.url}/compliance?tab=waiting")
    with transaction(served.sessions) as db:
        record(db, "visit.changed", late, by=None, at=NOW, after={"city": "苏州"})

    page.locator("main summary", has_text="退回").click()
    page.get_by_label("退回原因").fill("没有佐证材料")
    page.locator("main button", has_text="退回").click()

    expect(page.get_by_role("alert")).to_contain_text("修改拜访（城市）")
    expect(page.get_by_label("退回原因")).to_have_value("没有佐证材料")


def test_my_day_stays_in_place_after_a_step(desk, served):
    """The next line of a list stands where the last one stood."""
    with transaction(served.sessions) as db:
        shen = db.scalars(select(Person).where(Person.username == "shen")).one()
        for day in range(1, 13):
            make_visit(db, shen, date(2026, 7, day), status=Status.PLANNED)
    page = desk.page
    page.goto(served.url)
    page.get_by_role("button", name=re.compile("^办结")).last.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")

    page.get_by_role("button", name=re.compile("^办结")).first.evaluate("button => button.click()")

    await_page(page, "拜访已办结")
    assert place > 0
    assert abs(page.evaluate("scrollY") - place) < 150


def test_a_lead_that_was_parked_opens_at_its_head(desk, served):
    """The form that was open is gone, and with it the place where its button stood."""
    with transaction(served.sessions) as db:
        shen = db.scalars(select(Person).where(Person.username == "shen")).one()
        lead = make_lead(db, "研发中心", stage=Stage.FOLLOWING, tracker=shen)
        make_milestone(db, lead, Stage.FOLLOWING, date(2026, 6, 1))
        for day in range(1, 13):
            make_visit(db, shen, date(2026, 7, day), leads=[lead])
        url = f"{served.url}/leads/{lead.id}"
    page = desk.page
    page.goto(f"{url}?open=reach-parked")
    page.get_by_label("原因").fill("企业暂缓投资")
    page.get_by_role("textbox", name="再看日期").fill("2026-09-01")
    page.evaluate("scrollTo(0, 1500)")
    place = page.evaluate("scrollY")

    page.locator(".lead-panel button[type=submit]").evaluate("button => button.click()")

    expect(page.locator("#messages > .alert-success")).to_be_visible()
    page.wait_for_load_state()  # a script would put the place back
    assert place > 0
    assert page.evaluate("scrollY") == 0
