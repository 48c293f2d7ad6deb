"""The measurements of bench/ work, at a tiny size: their rates mean nothing here."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from werkzeug.serving import make_server

from bench import floor, pages, zone
from bench.__main__ import section
from bench.report import report
from crm.base import clock
from crm.base.db import writing
from crm.cli.seeds import plant

SCALE, CONNECTIONS = 0.002, 2
ROOT = Path(__file__).parents[2]


@contextmanager
def served(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def kind_of_database():
    """The floor has SQLite alone."""
    return "sqlite"


@pytest.fixture
def filled_app(database):
    """The application with a tiny zone."""
    now = clock.now()
    with writing(database.sessions) as db:
        plant(db, now=now)
        zone.fill(db, scale=SCALE, now=now)
    return database.fresh_app()


@pytest.fixture
def floor_app(tmp_path):
    """The floor with a few projects."""
    names = [(zone.lead_title(number), zone.company_name(number)) for number in range(100)]
    url = floor.url_in(tmp_path)
    floor.fill(url, names, zone.PASSWORD, on=clock.civil_date(clock.now()))
    return floor.make_app(url, "secret")


def test_every_case_is_measured_and_reported(filled_app, floor_app):
    with served(filled_app) as product, served(floor_app) as floor_port:
        cases = pages.all_cases(product, floor_port, CONNECTIONS, SCALE)
        pages.measure(cases, passes=1, seconds=0)

    results = [case.result(filled_app, floor_app) for case in cases]
    text = report(results)

    assert [result.title for result in results if f"| {result.title} |" not in text] == []
    assert {result.floor_title: result.floor_sample.queries for result in results} == {
        "list": 2,
        "search": 2,
        "insert": 2,
    }
    assert min(result.product_sample.queries for result in results) > 0


@pytest.mark.slow
def test_the_command_measures_both_servers():
    options = ["--scale=0.002", "--passes=1", "--seconds=0", "--connections=2"]
    command = [sys.executable, "-m", "bench.pages", *options]

    done = subprocess.run(
        command, cwd=ROOT, check=True, timeout=300, capture_output=True, text=True
    )

    assert "| log a visit |" in done.stdout


def test_a_section_has_what_its_command_prints():
    assert "--connections" in section("Pages", "bench.pages --help")
    assert section("Nothing", "bench.nothing").endswith("It ended with code 1.")
