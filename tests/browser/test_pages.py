"""Every page at the phone's and the desk's width: nothing overflows, nobody is shut out."""

import pytest

from crm.base.mail import Site as MailSite
from tests.browser.conftest import SIZES, Screen, serving
from tests.databases import apart
from tests.factories import sign_in
from tests.filled_zone import PAGES, live

# a page that shows what a form said, by its button
ANSWERS = (
    ("shan", "/admin/rules/recruiter-monthly", "预览"),
    ("shan", "/admin/rules/recruiter-monthly", "先试算"),
    ("shan", "/admin/people/new", "保存"),
    ("shan", "/admin/targets/new", "保存"),
    ("shan", "/admin/units/new", "保存"),
    ("wu", "/supervision/new", "保存草稿"),
)
# pages that together hold every part that has colours of its own
DARK = (
    ("shen", "/"),
    ("shen", "/visits"),
    ("shen", "/visits/new"),
    ("shen", "/leads/{lead}"),
    ("wu", "/compliance?period=2026-06"),
    ("wu", "/supervision/{order}"),
    ("wu", "/targets"),
    ("shan", "/admin/calendar/2027"),
)
# files, a mail's own frame, what machines ask; and the door, which other tests pass
NO_PAGES = {
    "static",
    "auth.login",
    "calendar.this_year",
    "calendar.template",
    "calendar.workbook_template",
    "choices.date",
    "choices.leads",
    "choices.people",
    "health.is_ready",
    "health.lives",
    "mailbox.body",
    "repeats.form_token",
    "supervision.export",
}


@pytest.fixture(scope="module")
def zone(kept_databases, browser):
    """A zone with everything in it, served on one kind of database; who has which window."""
    database = kept_databases("sqlite")
    with serving(database) as site:
        apart(lambda: _live(site))
        site.screens = {who: _window(browser, site, who) for who in site.cookies}
        yield site
        for screen in site.screens.values():
            screen.page.context.close()
    database.wipe()


def _live(site):
    site.names = live(site.sessions, MailSite(site.url, "crm@crm.test"))
    people = dict.fromkeys(who for who, _ in PAGES)
    site.cookies = {who: sign_in(site.app, who).get_cookie("session").value for who in people}


def _window(browser, site, who):
    context = browser.new_context(locale="zh-CN", service_workers="block")
    context.add_cookies([{"name": "session", "value": site.cookies[who], "url": site.url}])
    screen = Screen(context.new_page(), site.url)
    screen.watch()
    return screen


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_a_page_is_clean(zone, who, path):
    screen = zone.screens[who]
    screen.faults.clear()

    answer = screen.page.goto(zone.url + path.format(**zone.names))
    for size in SIZES.values():
        screen.page.set_viewport_size(size)
        screen.examine()

    assert answer.status == 200
    assert screen.faults == []


@pytest.mark.parametrize(("who", "path"), DARK)
def test_a_page_is_legible_in_the_dark(zone, who, path):
    screen = zone.screens[who]
    screen.page.emulate_media(color_scheme="dark")
    screen.faults.clear()

    screen.page.goto(zone.url + path.format(**zone.names))
    screen.examine()
    screen.page.emulate_media(color_scheme="light")

    assert screen.faults == []


@pytest.mark.parametrize(("who", "path", "button"), ANSWERS)
def test_what_a_form_answers_is_clean(zone, who, path, button):
    screen = zone.screens[who]
    screen.page.goto(zone.url + path.format(**zone.names))
    screen.faults.clear()

    screen.page.get_by_role("button", name=button).first.click()
    screen.page.wait_for_load_state("networkidle")  # a script fetches what it says
    for size in SIZES.values():
        screen.page.set_viewport_size(size)
        screen.examine()

    assert [fault for fault in screen.faults if "422" not in fault] == []  # Chromium notes it


def test_every_page_is_in_the_list_of_pages(zone):
    reached = zone.app.url_map.bind("")
    known = {reached.match(path.partition("?")[0].format(**zone.names))[0] for _, path in PAGES}
    pages = {rule.endpoint for rule in zone.app.url_map.iter_rules() if "GET" in rule.methods}

    assert pages - known - NO_PAGES == set()
