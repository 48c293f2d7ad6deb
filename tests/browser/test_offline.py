"""Work without network: the kept pages, the queue, and who sees them (ENTRY 2)."""

import re
from datetime import date

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.people.service import hash_password, set_password
from crm.transactions import transaction
from crm.visits.models import Visit
from tests.browser.conftest import SIZES, Screen
from tests.conftest import NOW
from tests.factories import RECRUITER, make_followup, make_lead, make_person, make_rule

PASSWORD = "a long enough password"
WAITS = "未连上，已存在本机，联网后自动提交。"
READY = """async () => {
  await navigator.serviceWorker.ready;
  const cache = await caches.open("own");
  for (let tries = 0; tries < 200 && !(await cache.match("/offline/names")); tries++) {
    await new Promise((settle) => setTimeout(settle, 50));
  }
}"""
AGED = """async (days) => {
  const cache = await caches.open("own");
  const names = await (await cache.match("/offline/names")).json();
  names.kept_at -= days * 86_400_000;
  await cache.put("/offline/names", new Response(JSON.stringify(names)));
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
    screen = Screen(context.new_page(), served.url)
    screen.watch()
    come_in(screen)
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
    return screen.page.locator(".queue-bar a")


def cities(served):
    with served.sessions() as db:
        return sorted(db.scalars(select(Visit.city)))


def test_the_form_opens_without_network_and_each_visit_is_sent_once(served, phone):
    enter_offline(phone)
    expect(bar(phone)).to_have_text("离线：1 条待发送")
    enter_offline(phone, "无锡", "2026-07-13")
    expect(bar(phone)).to_have_text("离线：2 条待发送")
    phone.examine()
    assert cities(served) == []

    cut(phone, is_cut=False)

    expect(bar(phone)).to_have_count(0)
    assert cities(served) == ["无锡", "苏州"]
