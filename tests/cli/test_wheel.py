"""A wheel holds all that the application needs: it is installed and serves without the source."""

import os
import re
import socket
import subprocess
import sys
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from hatch_build import INSTALLED
from tests.databases import SECRET, empty_database

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 300
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]

pytestmark = [
    pytest.mark.slow,  # half a minute for the wheel alone
    pytest.mark.skipif(not INSTALLED.exists(), reason="the front end's packages are not installed"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, as `pip wheel .` makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, timeout=LONGEST_SECONDS)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel):
    """The command `crm` of an environment that has the wheel, and the libraries of this one."""
    folder = wheel.parent
    venv.create(folder / "env")
    [packages] = (folder / "env").glob("lib/python*/site-packages")
    install = [*PIP, "--python", folder / "env" / "bin" / "python", "install", "--no-deps", wheel]
    subprocess.run(install, check=True, timeout=LONGEST_SECONDS)
    own = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "libraries.pth").write_text(f"import sys; sys.path.append({own!r})\n")
    return folder / "env" / "bin" / "crm"


@pytest.fixture
def start(installed, tmp_path):
    """Start `crm …` far from the source, with these settings only."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    clean.pop("PYTHONPATH", None)
    own = clean | {"CRM_SECRET_KEY": SECRET, "CRM_DATA": str(tmp_path / "data")}
    started = []

    def start(*words, **settings):
        process = subprocess.Popen(
            [installed, *words],
            env=own | settings,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_takes_no_name_at_the_top_but_its_own(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.partition("/")[0] for name in names} == {"crm", "crm-0.1.0.dist-info"}


def test_it_holds_every_page_migration_and_seed_and_the_built_front_end(wheel):
    held = {name.removeprefix("crm/shipped/") for name in zipfile.ZipFile(wheel).namelist()}
    shipped = subprocess.check_output(
        ["git", "ls-files", "-z", "migrations", "seeds", "templates"], cwd=ROOT, text=True
    )
    built = [f"crm/static/{path.name}" for path in (ROOT / "crm/static").iterdir()]

    assert {*shipped.rstrip("\0").split("\0"), *built} - held == set()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_installations_at_once_wait_for_each_other(start, tmp_path, kind):
    with empty_database(kind, tmp_path) as url:
        both = [start("init", CRM_DATABASE_URL=url) for _ in range(2)]
        said = [process.communicate(timeout=LONGEST_SECONDS)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("新增考核规则 3 条" in words for words in said) == [False, True]


def test_it_serves_pages_with_their_style(start):
    assert start("init").wait(LONGEST_SECONDS) == 0
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    server = start("serve", "--port", address.rpartition(":")[2])
    # it has been listening since before that line
    assert any("clock.started" in line for line in server.stdout)

    page = read(f"{address}/login")
    [sheet] = re.findall(r'"(/static/app\.[0-9a-f]+\.css)"', page)

    assert "登录" in page
    assert ".btn" in read(address + sheet)


def read(url):
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own server
        return answer.read().decode()
