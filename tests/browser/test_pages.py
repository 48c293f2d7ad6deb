"""Every page at the phone's and the desk's width: nothing overflows, nobody is shut out."""

import pytest
from playwright.sync_api import expect

from crm.base.mail import Site as MailSite
from tests.browser.conftest import SIZES, Screen, serving
from tests.databases import apart
from tests.factories import sign_in
from tests.filled_zone import FIGURE, PAGES, live

# a page that shows what a form said, by its button
ANSWERS = (
    ("shan", "/admin/rules/recruiter-monthly", "预览"),
    ("shan", "/admin/rules/recruiter-monthly", "先试算"),
    ("shan", "/admin/people/new", "保存"),
    ("shan", "/admin/targets/new", "保存"),
    ("shan", "/admin/units/new", "保存"),
    ("wu", "/supervision/new", "保存草稿"),
)
# a script shows the answer in place of the form, or leaves for where it leads
ANSWERED = "path => document.body.dataset.status || location.pathname !== path"
# pages that together hold every part that has colours of its own
VARIED = (
    ("shen", "/"),
    ("shen", "/visits"),
    ("shen", "/visits/new"),
    ("shen", "/leads/{lead}"),
    ("wu", "/compliance?period=2026-06"),
    ("wu", "/supervision/{order}"),
    ("wu", "/targets"),
    ("shan", "/admin/calendar/2027"),
)
AT_THE_DESK = [
    page if page in VARIED else pytest.param(*page, marks=pytest.mark.slow) for page in PAGES
]
# what an office prints
PAPER = (
    ("shen", "/visits"),
    ("shen", "/leads"),
    ("shen", "/leads/{lead}"),
    ("wu", "/compliance?period=2026-06"),
    ("wu", "/compliance?tab=waiting"),
    ("wu", "/compliance?tab=corrections"),
    ("wu", FIGURE),
    ("wu", "/supervision?view=all"),
    ("wu", "/targets"),
    ("shan", "/admin/people"),
    ("shan", "/admin/calendar/2027"),
    ("shan", "/admin/audit"),
    ("shan", "/admin/rules"),
)
PAPER_WIDTHS = {"auto": 688, "wide": 1017}  # pixels within the margins of A4, upright and landscape
ON_PAPER = """() => {
  const shown = [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility());
  const isCut = (e) => {
    const clips = getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1;
    return clips || e.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
  };
  const isFolded = (e) =>
    e.matches("details.more") && !e.querySelector(".more-body")?.checkVisibility();
  const isControl = (e) => e.matches("button, .btn, input, select, nav a:not(:has(.chip))");
  // a head of this kind is repeated on each page
  const isHead = (e) => getComputedStyle(e).display === "table-header-group";
  const isLost = (e) => e.matches("thead") && !isHead(e);
  return shown
    .filter((e) => !e.closest(".visually-hidden"))
    .filter((e) => isCut(e) || isFolded(e) || isControl(e) || isLost(e))
    .map((e) => e.outerHTML);
}"""
# files, frames and parts of pages, what machines ask; and the door, which other tests pass
NO_PAGES = {
    "offline.worker",
    "offline.names",
    "static",
    "auth.login",
    "setup.show",
    "second_step.show",
    "oidc.depart",
    "oidc.arrive",
    "oidc.end",
    "calendar.template",
    "calendar.this_year",
    "calendar.workbook_template",
    "choices.companies",
    "choices.date",
    "choices.leads",
    "choices.people",
    "audit.export",
    "claims.export",
    "claims.file",
    "companies.export",
    "followups.export",
    "followups.file",
    "health.is_ready",
    "metrics.show",
    "health.lives",
    "imports.export",
    "imports.start",
    "imports.template",
    "leads.cards",
    "leads.check",
    "leads.export",
    "leads.file",
    "mailbox.body",
    "people_imports.export",
    "people_imports.template",
    "personal_data.export",
    "problems.export",
    "proposals.new",  # everybody of the zone may change its companies
    "problems.file",
    "rates.template",
    "receipt_imports.export",
    "receipt_imports.template",
    "receipts.export",
    "receipts.file",
    "repeats.form_token",
    "search.found",
    "supervision.export",
    "supervision.file",
    "tables.refused",
    "targets.export",
    "visit_calendar.feed",
    "visits.export",
    "visits.file",
    "visits.sums",
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
    screen = Screen(context.new_page(), site)
    screen.watch()
    return screen


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_a_page_is_clean_on_the_phone_and_overflows_on_neither(zone, who, path):
    screen = zone.screens[who]
    screen.faults.clear()
    screen.page.set_viewport_size(SIZES["phone"])

    answer = screen.page.goto(zone.url + path.format(**zone.names))
    screen.examine()
    screen.page.set_viewport_size(SIZES["desk"])
    screen.measure()

    assert answer.status == 200
    assert screen.faults == []


@pytest.mark.parametrize(("who", "path"), AT_THE_DESK)
def test_a_page_is_clean_at_the_desk(zone, who, path):
    screen = zone.screens[who]
    screen.faults.clear()
    screen.page.set_viewport_size(SIZES["desk"])

    screen.page.goto(zone.url + path.format(**zone.names))
    screen.examine()

    assert screen.faults == []


@pytest.mark.parametrize(("who", "path"), VARIED)
def test_a_page_is_legible_in_the_dark(zone, who, path):
    screen = zone.screens[who]
    screen.page.emulate_media(color_scheme="dark")
    screen.faults.clear()

    screen.page.goto(zone.url + path.format(**zone.names))
    screen.examine()
    screen.page.emulate_media(color_scheme="light")

    assert screen.faults == []


@pytest.mark.parametrize(("who", "path"), PAPER)
def test_a_page_prints_whole_and_without_controls(zone, who, path):
    page = zone.screens[who].page
    page.goto(zone.url + path.format(**zone.names))
    page.emulate_media(media="print", color_scheme="dark")

    sheet = page.evaluate("getComputedStyle(document.body).page")
    page.set_viewport_size({"width": PAPER_WIDTHS[sheet], "height": 900})
    faults = page.evaluate(ON_PAPER)
    head = page.locator(".print-head").inner_text()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="screen", color_scheme="light")

    assert faults == []
    assert "打印：2026年7月" in head
    assert ground == "rgb(255, 255, 255)"


def test_pages_on_paper_are_numbered(zone):
    page = zone.screens["shen"].page
    page.goto(zone.url + "/visits")

    rules = page.evaluate(
        "[...document.styleSheets[0].cssRules].filter((r) => r instanceof CSSPageRule)"
        ".map((r) => r.cssText).join()"
    )

    assert '"第 " counter(page) " 页 共 " counter(pages) " 页"' in rules


@pytest.mark.parametrize(("who", "path", "button"), ANSWERS)
def test_what_a_form_answers_is_clean(zone, who, path, button):
    screen = zone.screens[who]
    screen.page.goto(zone.url + path.format(**zone.names))
    screen.faults.clear()

    screen.page.get_by_role("button", name=button).first.click()
    screen.page.wait_for_function(ANSWERED, arg=path)
    for size in SIZES.values():
        screen.page.set_viewport_size(size)
        screen.examine()

    assert [fault for fault in screen.faults if "422" not in fault] == []  # Chromium notes it


def test_every_page_is_in_the_list_of_pages(zone):
    reached = zone.app.url_map.bind("")
    known = {reached.match(path.partition("?")[0].format(**zone.names))[0] for _, path in PAGES}
    pages = {rule.endpoint for rule in zone.app.url_map.iter_rules() if "GET" in rule.methods}
    pages = {endpoint for endpoint in pages if not endpoint.startswith("api.")}  # of programs

    assert pages - known - NO_PAGES == set()


def test_on_the_phone_filters_are_folded_counted_and_sent_together(zone):
    page = zone.screens["shen"].page
    page.set_viewport_size(SIZES["phone"])
    page.goto(zone.url + "/leads")
    stage, fold = page.locator("[name=stage]"), page.locator("label[for=more-filters]")
    expect(stage).to_be_hidden()

    fold.click()
    stage.select_option("lead")
    page.locator("[name=secrecy]").select_option("open")
    assert page.url.endswith("/leads")
    page.locator("button:visible", has_text="筛选").click()

    page.wait_for_url("**stage=lead**")
    expect(fold).to_have_text("筛选（2）")
    expect(stage).to_be_hidden()
    assert "secrecy=open" in page.url
