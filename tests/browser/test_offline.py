"""Work without network: the kept pages, the queue, and who sees them (ENTRY 2)."""

import re
from datetime import date

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from crm.followups.models import Followup
from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.people.rules import Role
from crm.people.service import hash_password, set_password
from crm.transactions import transaction
from crm.visits.models import Visit
from crm.visits.rules import Status
from tests.browser.conftest import SIZES, Screen, end_session, lose_next_answer, press_sign_out
from tests.conftest import NOW
from tests.factories import RECRUITER, make_followup, make_lead, make_person, make_rule, make_visit

PASSWORD = "a long enough password"
WAITS = "未连上，已存在本机，联网后自动提交。"
READY = """async () => {
  await navigator.serviceWorker.ready;
  const cache = await caches.open("own");
  for (let tries = 0; tries < 200 && !(await cache.match("/offline/about")); tries++) {
    await new Promise((settle) => setTimeout(settle, 50));
  }
}"""
KEPT = """async () => {
  const cache = await caches.open("own");
  const texts = [];
  for (const request of await cache.keys()) texts.push(await (await cache.match(request)).text());
  return texts.join();
}"""
# a page that was loaded meanwhile is not told by Chromium's emulation, as it is by a phone
ONLINE = "() => !navigator.onLine || dispatchEvent(new Event('online'))"
KEEP_ANEW = "caches.delete('own')"
SAVE_UNNOTICED = """() => new Promise((done) => {
  indexedDB.open("crm").onsuccess = ({ target: { result: db } }) => {
    const change = db.transaction("queue", "readwrite");
    change.objectStore("queue").clear();
    change.oncomplete = done;
  };
})"""
DAY_BEFORE = date(2026, 7, 14)  # NOW's
AGED = """async (days) => {
  const cache = await caches.open("own");
  const about = await (await cache.match("/offline/about")).json();
  about.kept_at -= days * 86_400_000;
  await cache.put("/offline/about", new Response(JSON.stringify(about)));
}"""


@pytest.fixture(scope="module")
def password_hash():
    return hash_password("nobody", PASSWORD)


@pytest.fixture
def phone(browser, served, password_hash):
    """The recruiter Shen on a phone that keeps what works without network."""
    with transaction(served.sessions) as db:
        make_rule(db, RECRUITER)
        for username, name in (("shen", "沈若川"), ("gu", "顾清")):
            person = make_person(db, username, name=name)
            set_password(db, person=person, password_hash=password_hash, by=None, now=NOW)
        shen = person_of(db)
        lead = make_lead(db, "溟南显示模组项目", tracker=shen)
        make_lead(db, "秘而不宣的项目", tracker=shen, secrecy=Secrecy.RESTRICTED)
        make_followup(db, lead, shen, due_on=date(2026, 7, 16), what="送测算表")
    context = browser.new_context(viewport=SIZES["phone"], locale="zh-CN")
    context.set_default_timeout(10_000)
    screen = Screen(context.new_page(), served)
    screen.watch()
    screen.be("shen")
    screen.open("/")
    screen.page.evaluate(READY)
    yield screen
    context.close()
    assert [fault for fault in screen.faults if "Failed to load" not in fault] == []


def come_in(screen, username="shen", password=PASSWORD):
    screen.sign_in(username, password)
    screen.page.evaluate(READY)


def person_of(db, username="shen"):
    return db.scalars(select(Person).where(Person.username == username)).one()


def cut(screen, *, is_cut=True):
    screen.page.context.set_offline(is_cut)
    for page in screen.page.context.pages if not is_cut else []:
        page.wait_for_function(ONLINE)  # unlike `evaluate` it outlives a page that is left just now


def fill(screen, city="苏州", day="2026-07-14"):
    page = screen.page
    page.goto(f"{screen.url}/visits/new")
    page.get_by_role("textbox", name=re.compile("^日期")).fill(day)
    page.get_by_label("开始时间").fill("09:00")
    page.get_by_label("结束时间").fill("10:00")
    page.get_by_label("城市").fill(city)


def save(screen):
    screen.page.get_by_role("button", name="保存", exact=True).click()


def enter_offline(screen, city="苏州", day="2026-07-14"):
    cut(screen)
    fill(screen, city, day)
    save(screen)
    expect(screen.page.get_by_text(WAITS)).to_be_visible()


def bar(screen):
    return screen.page.locator(".queue-bar a[href='/me/queue']")


def cities(served):
    with served.sessions() as db:
        return sorted(db.scalars(select(Visit.city)))


def sign_out(screen):
    screen.page.goto(f"{screen.url}/me")
    press_sign_out(screen)


def open_queue(screen):
    screen.page.goto(f"{screen.url}/me/queue")
    return screen.page.locator(".queue-entry")


def exported(screen):
    with screen.page.expect_download() as download:
        screen.page.get_by_role("button", name="导出").click()
    return download.value.path().read_text(encoding="utf-8-sig")


def test_the_form_opens_without_network_and_each_visit_is_sent_once(served, phone):
    enter_offline(phone)
    expect(bar(phone)).to_have_text("离线：1 条待发送")
    enter_offline(phone, "无锡", "2026-07-13")
    expect(bar(phone)).to_have_text("离线：2 条待发送")
    phone.examine()
    expect(open_queue(phone)).to_have_count(2)
    phone.examine()
    assert cities(served) == []

    cut(phone, is_cut=False)

    expect(bar(phone)).to_have_count(0)
    assert cities(served) == ["无锡", "苏州"]


def test_names_are_found_on_the_device_and_restricted_ones_are_not_there(phone):
    cut(phone)
    phone.page.goto(f"{phone.url}/visits/new")
    box = phone.page.get_by_role("combobox", name="项目线索")

    box.fill("mnxs")
    expect(phone.page.get_by_role("option", name="溟南显示模组项目")).to_be_visible()
    box.fill("秘而不宣")
    expect(phone.page.get_by_text("未找到，请更换关键字或拼音首字母").first).to_be_visible()

    assert "秘而不宣" not in phone.page.evaluate(KEPT)


def test_an_answer_that_is_lost_makes_no_second_visit(served, phone):
    enter_offline(phone)
    lost = lose_next_answer(phone.page)
    cut(phone, is_cut=False)
    phone.page.wait_for_url("**/visits/1")

    assert cities(served) == ["苏州"]
    assert lost == [201]


def test_two_tabs_send_each_entry_once(served, phone):
    other = phone.page.context.new_page()
    enter_offline(phone)
    other.goto(f"{phone.url}/me/queue")
    enter_offline(phone, "无锡", "2026-07-13")

    cut(phone, is_cut=False)

    for page in (phone.page, other):
        expect(page.locator(".queue-bar a[href='/me/queue']")).to_have_count(0)
    assert cities(served) == ["无锡", "苏州"]


def test_a_tab_that_was_left_before_it_told_the_others_tells_them_on_its_next_page(phone):
    other = phone.page.context.new_page()
    enter_offline(phone)
    other.goto(f"{phone.url}/me/queue")
    expect(other.locator(".queue-entry")).to_have_count(1)

    phone.page.evaluate(SAVE_UNNOTICED)
    phone.page.goto(f"{phone.url}/me/queue")

    expect(other.locator(".queue-entry")).to_have_count(0)
    expect(other.locator(".queue-bar a[href='/me/queue']")).to_have_count(0)


def test_the_next_person_sees_nothing_of_the_queue_which_goes_on_after_it(served, phone):
    enter_offline(phone)
    end_session(served)
    cut(phone, is_cut=False)
    expect(phone.page.get_by_text("登录已过期，内容还在本机")).to_be_visible()

    come_in(phone, "gu")

    expect(bar(phone)).to_have_count(0)
    expect(open_queue(phone)).to_have_count(0)
    phone.page.goto(f"{phone.url}/visits/new")
    expect(phone.page.get_by_label("城市")).not_to_have_value("苏州")
    assert "沈若川" not in phone.page.evaluate("JSON.stringify({...localStorage})")
    cut(phone)
    phone.page.goto(phone.url)
    expect(phone.page.locator("main")).not_to_contain_text("送测算表")
    cut(phone, is_cut=False)
    sign_out(phone)
    assert cities(served) == []

    come_in(phone)

    expect(phone.page.get_by_text("“登记拜访”已提交。")).to_be_visible()
    with served.sessions() as db:
        assert db.scalar(select(Visit.entered_by_id)) == person_of(db).id


def test_after_a_changed_password_the_queue_goes_on(served, phone):
    enter_offline(phone)
    new = "another long password"
    with transaction(served.sessions) as db:
        hashed = hash_password("shen", new)
        set_password(db, person=person_of(db), password_hash=hashed, by=None, now=NOW)
    cut(phone, is_cut=False)
    expect(phone.page.get_by_text("登录已过期，内容还在本机")).to_be_visible()

    phone.page.get_by_role("link", name="重新登录", exact=True).click()
    phone.page.get_by_label("账号").fill("shen")
    phone.page.get_by_label("密码").fill(new)
    phone.page.get_by_role("button", name="登录").click()

    expect(phone.page.get_by_text("“登记拜访”已提交。")).to_be_visible()
    assert cities(served) == ["苏州"]


def test_signing_out_wipes_pages_and_names_and_leaves_the_queue(served, phone):
    enter_offline(phone)
    phone.page.context.route("**/visits/new", lambda route: route.abort())
    cut(phone, is_cut=False)

    sign_out(phone)

    assert phone.page.evaluate("caches.has('own')") is False
    expect(open_queue(phone)).to_have_count(0)
    expect(phone.page.get_by_text("请先登录")).to_be_visible()
    cut(phone)
    phone.page.goto(f"{phone.url}/visits/new")
    expect(phone.page.get_by_text("网络不通").last).to_be_visible()
    cut(phone, is_cut=False)
    phone.page.context.unroute("**/visits/new")
    come_in(phone)
    expect(phone.page.get_by_text("“登记拜访”已提交。")).to_be_visible()
    assert cities(served) == ["苏州"]


def test_where_rights_are_gone_the_entry_stays_until_it_is_discarded(served, phone):
    enter_offline(phone)
    with transaction(served.sessions) as db:
        person_of(db).role = Role.READER
    cut(phone, is_cut=False)
    expect(bar(phone)).to_have_text("1 条未保存，请处理")

    expect(open_queue(phone)).to_contain_text("记录已不存在，或您已无权处理。")
    phone.examine()
    assert "城市：苏州" in exported(phone)
    phone.page.get_by_role("button", name="放弃").click()
    phone.page.get_by_role("button", name="确认放弃").click()

    expect(phone.page.get_by_text("没有待发送的内容。")).to_be_visible()
    assert cities(served) == []


def test_a_closed_account_can_still_take_its_entry_out(served, phone):
    enter_offline(phone)
    with transaction(served.sessions) as db:
        person_of(db).disabled_at = NOW
    cut(phone, is_cut=False)
    expect(phone.page.get_by_text("登录已过期，内容还在本机")).to_be_visible()

    phone.page.goto(f"{phone.url}/")
    phone.page.wait_for_url("**/login**")
    bar(phone).click()

    assert "城市：苏州" in exported(phone)
    assert cities(served) == []


def test_what_is_asked_about_is_edited_and_saved(served, phone):
    enter_offline(phone)
    enter_offline(phone, "无锡")
    cut(phone, is_cut=False)
    expect(bar(phone)).to_have_text("1 条未保存，请处理")

    expect(open_queue(phone)).to_contain_text("同一时间在两个城市")
    phone.page.get_by_role("button", name="修改").click()
    expect(phone.page.get_by_label("城市")).to_have_value("无锡")
    save(phone)
    phone.page.get_by_role("button", name="仍保存").click()

    phone.page.wait_for_url("**/visits/2")
    expect(bar(phone)).to_have_count(0)
    assert cities(served) == ["无锡", "苏州"]


def test_a_followup_is_finished_without_network(served, phone):
    cut(phone)
    phone.page.goto(phone.url)
    phone.page.get_by_text("送测算表").click()
    phone.examine()
    phone.page.get_by_role("textbox", name="结果").fill("已送达，对方认可。")
    phone.page.get_by_role("button", name="办结").click()
    expect(phone.page.get_by_text(WAITS)).to_be_visible()

    cut(phone, is_cut=False)

    expect(phone.page.get_by_text("已办结。")).to_be_visible()
    expect(bar(phone)).to_have_count(0)
    with served.sessions() as db:
        assert db.scalar(select(Followup.result)) == "已送达，对方认可。"


@pytest.fixture
def planned(served, phone):
    """A planned visit of yesterday, on the kept *my day*, which is open without network."""
    with transaction(served.sessions) as db:
        visit = make_visit(db, person_of(db), DAY_BEFORE, status=Status.PLANNED, city="无锡").id
    phone.page.goto(phone.url)
    phone.page.evaluate(KEEP_ANEW)
    phone.page.goto(phone.url)
    phone.page.evaluate(READY)
    cut(phone)
    phone.page.goto(phone.url)
    return visit


def test_a_planned_visit_is_set_done_without_network(served, phone, planned):
    phone.page.get_by_role("button", name="办结").first.click()
    expect(phone.page.get_by_text(WAITS)).to_be_visible()
    phone.page.goto(phone.url)
    expect(phone.page.locator(".visit-line").get_by_text("待发送")).to_be_visible()
    phone.examine()

    cut(phone, is_cut=False)

    expect(bar(phone)).to_have_count(0)
    with served.sessions() as db:
        assert db.get(Visit, planned).status is Status.DONE


def test_a_planned_visit_is_moved_without_network(served, phone, planned):
    move_offline(phone)
    phone.examine()

    cut(phone, is_cut=False)

    expect(phone.page.get_by_text("已改期至7月20日")).to_be_visible()
    with served.sessions() as db:
        assert db.get(Visit, planned).first_on == date(2026, 7, 20)


def test_what_is_refused_later_stays_on_the_device_with_the_reason(served, phone, planned):
    move_offline(phone)
    with transaction(served.sessions) as db:
        db.get(Visit, planned).status = Status.CANCELLED
    phone.page.goto(phone.url)

    cut(phone, is_cut=False)

    expect(phone.page.get_by_text("未保存，请在“待发送”中处理")).to_be_visible()
    entry = open_queue(phone)
    expect(entry).to_contain_text("未保存")
    expect(entry).to_contain_text("7月20日")
    expect(entry.locator(".field-error")).to_have_text(
        "这次拜访的状态为“已取消”，只有计划中的拜访可以进行此操作。"
    )


def test_what_is_asked_about_a_move_is_answered_and_leaves_the_queue(served, phone, planned):
    with transaction(served.sessions) as db:
        make_visit(db, person_of(db), date(2026, 7, 20), status=Status.PLANNED, city="常州")
    move_offline(phone)
    cut(phone, is_cut=False)
    expect(phone.page.get_by_text("同一时间在两个城市")).to_be_visible()

    phone.page.get_by_role("button", name="仍保存").click()

    expect(phone.page.get_by_text("已改期至7月20日")).to_be_visible()
    expect(bar(phone)).to_have_count(0)


def move_offline(screen):
    screen.page.get_by_text("改期、取消").click()
    screen.page.get_by_role("textbox", name="改期至").fill("7月20日")
    screen.page.get_by_role("button", name="改期", exact=True).click()
    expect(screen.page.get_by_text(WAITS)).to_be_visible()


def test_a_quick_entry_fills_in_the_form_without_network_and_is_seen_before_it_is_saved(
    served, phone
):
    cut(phone)
    phone.page.goto(phone.url)
    line = "2026年7月14日下午在无锡拜访溟南显示模组项目，见了王总，下周三前送测算表"
    phone.page.get_by_role("textbox", name="快记").fill(f"{line}\n前天在苏州拜访某某公司")
    phone.page.get_by_role("button", name="填表").click()

    read = phone.page.get_by_label("识别结果")
    for text in ("7月14日 周二", "线索", "王总"):
        expect(read).to_contain_text(text)
    expect(read).not_to_contain_text("项目线索")
    expect(read).to_contain_text(re.compile(r"送测算表（\d+月\d+日前）"))
    expect(phone.page.get_by_label("城市")).to_have_value("无锡")
    expect(phone.page.get_by_role("textbox", name="快记")).to_have_value("前天在苏州拜访某某公司")
    assert "line" not in phone.page.url
    phone.examine()
    assert cities(served) == []
    save(phone)
    expect(phone.page.get_by_text(WAITS)).to_be_visible()
    cut(phone, is_cut=False)

    expect(bar(phone)).to_have_count(0)
    assert cities(served) == ["无锡"]


def test_a_command_waits_as_text_until_the_server_may_be_asked(served, phone):
    cut(phone)
    phone.page.goto(f"{phone.url}/visits/new")
    phone.page.get_by_role("textbox", name="快记").fill("取消下周上海的驻城")
    phone.page.get_by_role("button", name="填表").click()
    expect(bar(phone)).to_have_text("离线：1 条快记待核对")
    cut(phone, is_cut=False)
    open_queue(phone)

    phone.page.get_by_role("button", name="填表核对").click()

    expect(phone.page.get_by_text("没有与此相符的计划拜访")).to_be_visible()


def test_after_fourteen_days_the_device_shows_nothing_more(phone):
    phone.page.evaluate(AGED, 13)
    cut(phone)
    phone.page.goto(f"{phone.url}/visits/new")
    expect(phone.page.get_by_label("城市")).to_be_visible()

    phone.page.evaluate(AGED, 2)
    phone.page.goto(f"{phone.url}/visits/new")

    expect(phone.page.get_by_text("网络不通").last).to_be_visible()
    assert phone.page.evaluate("caches.has('own')") is False


def test_a_wrong_clock_of_the_device_is_told_on_every_page(phone):
    phone.page.goto(f"{phone.url}/leads")

    expect(phone.page.locator(".queue-bar")).to_contain_text(
        re.compile("本机时间比服务器(快|慢) .+，登记时间以服务器为准，请校正。")
    )
