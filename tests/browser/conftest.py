"""A real browser on a real server, at the phone's and the desk's width."""

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import time_machine
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from crm.people.models import LoginSession
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import Kept, apart
from tests.factories import sign_in

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1440, "height": 900}}
# what Chromium notes of answers that a form's script deals with, and of axe, which speaks to the
# frame of a mail, too, though that hears no scripts
HANDLED = re.compile(
    r"Failed to load resource: .*(401|409|422|ERR_INTERNET_DISCONNECTED|ERR_FAILED)\b"
    r"|Service Worker registration blocked by Playwright"
    r"|Failed to execute 'postMessage' .*recipient window's origin \('null'\)"
)
SERIOUS = {"serious", "critical"}
HAS_AXE = "typeof axe === 'object'"
AXE = """async () => {
  // what passed is not told at length: a fifth faster
  return (await axe.run({ resultTypes: ["violations"] })).violations;
}"""
AS_IT_STANDS = """() => {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  return [innerWidth, isDark, document.documentElement.outerHTML].join();
}"""
# what differs between two answers of one page: the port, and the tokens of its forms
ITS_OWN = re.compile(r'127\.0\.0\.1:\d+|(?<=[= ]")[\w.-]{32,}(?=")')
_clean: set[str] = set()  # pages in which axe found nothing, as they stood
expect.set_options(timeout=20_000)  # a busy machine is no fault


def chromium() -> str | None:
    """The machine's browser: without windows, where there is one, it takes half the time."""
    return (
        shutil.which("chromium-headless-shell")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


@pytest.fixture
def kind_of_database() -> str:
    """SQLite only: tests/web runs the queries of these pages on both databases.

    What a browser adds is script, layout and sessions, none of which depends on the database.
    """
    return "sqlite"


@pytest.fixture(scope="package")  # its event loop must not outlive the browser's tests
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium on this machine")
    running = playwright.chromium.launch(executable_path=path, args=FLAGS)
    yield running
    running.close()


@dataclass
class Site:
    """A served application and what the tests arrange in it."""

    url: str
    app: Flask
    sessions: sessionmaker[Session]


@pytest.fixture
def served(database: Kept) -> Iterator[Site]:
    """The application on a free port, with its clock running from NOW."""
    with serving(database) as site:
        yield site


@contextmanager
def serving(database: Kept) -> Iterator[Site]:
    """The application of that database on a free port, with its clock running from NOW."""
    app = database.fresh_app()
    app.config.update(WTF_CSRF_ENABLED=True, SESSION_COOKIE_SECURE=False)  # as over plain HTTP
    with time_machine.travel(NOW, tick=True):
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Site(f"http://127.0.0.1:{server.server_port}", app, database.sessions)
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Screen:
    """A page of the browser that keeps what went wrong on it."""

    page: Page
    site: Site
    faults: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the application."""
        return self.site.url

    def open(self, path: str) -> None:
        """Go to a page of the application."""
        self.page.goto(self.url + path)
        self.examine()

    def examine(self) -> None:
        """Ask axe about the page as it stands, unless it stood so before and was clean."""
        self.page.wait_for_load_state()  # a link may have been followed just now
        stands = ITS_OWN.sub("", self.page.evaluate(AS_IT_STANDS))
        if stands not in _clean:
            found = self._violations()
            self.faults += found
            _clean.update([] if found else [stands])
        self.measure()

    def measure(self) -> None:
        """See that nothing stands beside the screen."""
        wide = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        if wide:
            self.faults.append(f"{self.page.url} scrolls sideways")

    def _violations(self) -> list[str]:
        if not self.page.evaluate(HAS_AXE):
            self.page.evaluate(AXE_SCRIPT)
        return [
            f"axe {rule['id']} on {self.page.url}: {node['html'][:200]}"
            for rule in self.page.evaluate(AXE)
            if rule["impact"] in SERIOUS
            for node in rule["nodes"]
        ]

    def watch(self) -> None:
        """Note console errors, policy violations and requests to foreign hosts."""
        self.page.on("console", lambda message: self._note_console(message.type, message.text))
        self.page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        self.page.on("request", lambda request: self._note_request(request.url))

    def _note_console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not HANDLED.search(text):
            self.faults.append(f"console {kind}: {text}")

    def _note_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and not url.startswith(self.url):
            self.faults.append(f"foreign request: {url}")

    def follow(self, link: Locator, address: str) -> None:
        """Open what a link leads to, and examine that page, not the one that it stands on."""
        link.click()
        self.page.wait_for_url(self.url + address)
        self.examine()

    def sign_out(self) -> None:
        """Leave, as another would find the browser."""
        self.page.context.clear_cookies()

    def be(self, username: str) -> None:
        """Go on as somebody who came in before."""
        session = cookie_of(self.site.app, username)
        self.page.context.add_cookies([{"name": "session", "value": session, "url": self.url}])

    def sign_in(self, username: str, password: str) -> None:
        """Come in through the door."""
        self.open("/login")
        self.page.get_by_label("账号").fill(username)
        self.page.get_by_label("密码").fill(password)
        self.page.get_by_role("button", name="登录").click()
        self.page.wait_for_url(self.url + "/")
        self.examine()


def cookie_of(app: Flask, username: str) -> str:
    """What the door gives that person's browser."""
    cookies: list[str] = []
    apart(lambda: cookies.append(sign_in(app, username).get_cookie("session").value))
    return cookies[0]


def press_sign_out(screen: Screen) -> None:
    """Leave by the menu's button."""
    screen.page.locator("details.menu:visible > summary").last.click()
    screen.page.locator("button:visible", has_text="退出登录").click()
    expect(screen.page.get_by_text("已退出登录。")).to_be_visible()


def await_page(page: Page, text: str) -> None:
    """Wait until a page that says this has loaded: its text is seen before its scripts have run."""
    expect(page.get_by_text(text)).to_be_visible()
    page.wait_for_load_state()


def end_session(served: Site) -> None:
    """Let all sessions be over, as if they had expired."""
    with transaction(served.sessions) as db:
        db.execute(update(LoginSession).values(ended_at=NOW))


@pytest.fixture(params=SIZES)
def screen(request: pytest.FixtureRequest, browser: Browser, served: Site) -> Iterator[Screen]:
    """An empty page at one of the two widths; the test fails on anything that went wrong on it."""
    context = browser.new_context(
        viewport=SIZES[request.param], locale="zh-CN", service_workers="block"
    )
    screen = Screen(context.new_page(), served)
    screen.watch()
    yield screen
    context.close()
    assert screen.faults == []


def lose_next_answer(page, address="*/visits/new"):
    """Break the connection once the server has answered; the statuses lost."""
    lost, devtools = [], page.context.new_cdp_session(page)

    def fail(event):
        lost.append(event["responseStatusCode"])
        devtools.send(
            "Fetch.failRequest", {"requestId": event["requestId"], "errorReason": "Failed"}
        )
        devtools.send("Fetch.disable")

    devtools.on("Fetch.requestPaused", fail)
    pattern = {"urlPattern": address, "requestStage": "Response"}
    devtools.send("Fetch.enable", {"patterns": [pattern]})
    return lost


@pytest.fixture
def phone(browser, served):
    """A phone with a finger; the test fails on anything that went wrong on its pages."""
    context = browser.new_context(
        viewport=SIZES["phone"],
        locale="zh-CN",
        has_touch=True,
        is_mobile=True,
        service_workers="block",
    )
    screen = Screen(context.new_page(), served)
    screen.watch()
    yield screen
    context.close()
    assert screen.faults == []
