"""Take the README's picture of the board: a demonstration, served and opened in Chromium."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from crm.cli.demo import PASSWORD

PICTURE = Path(__file__).with_name("board.png")
SUPERVISOR = "wusiqi"  # sees the whole zone
SIZE = {"width": 1120, "height": 940}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def served_demo() -> Iterator[str]:
    """Serve a new demonstration on a free port; yields its address."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "crm.cli", "demo", "--port", "0"]
        server = subprocess.Popen(
            command, env=os.environ | {"CRM_DATA": folder}, stdout=subprocess.PIPE, text=True
        )
        try:
            lines = iter(server.stdout or ())
            yield next(line for line in lines if line.startswith("地址：")).strip()[3:]
        finally:
            server.terminate()
            server.wait()


def take_picture(address: str) -> None:
    """Sign in as a supervisor and photograph the monthly board."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(f"{address}/login?next=/compliance%3Fkind%3Dmonth")
        page.fill("[name=username]", SUPERVISOR)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/compliance*")
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    with served_demo() as demo_address:
        take_picture(demo_address)
