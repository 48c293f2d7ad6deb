"""Schemathesis sends what the description allows, and what it does not, to a live server."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from flask import Flask

from crm.api import gate
from tests.api.conftest import VISIT, Program
from tests.factories import arranged, make_followup, make_lead, make_person
from tests.serving import served_app

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).parents[2] / "schemathesis.toml"


@pytest.fixture
def served(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    settings = app.config["SETTINGS"].model_copy(update={"api_per_minute": 1_000_000})
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    monkeypatch.setattr(gate, "FAILURES", 1_000_000)
    app.config["TESTING"] = False  # what is not foreseen is answered, not raised
    with served_app(app) as url:
        yield f"{url}/api/v1/openapi.json"


@pytest.fixture
def filled(app: Flask, lina: Program) -> Program:
    with arranged(app) as db:
        person = make_person(db, "gu")
        lead = make_lead(db, "储存模组项目", tracker=person)
        make_followup(db, lead, person, date(2026, 7, 20))
    lina.post("/visits", VISIT)
    return lina


def find(url: str, program: Program, folder: Path, *options: str) -> None:
    """Let schemathesis look; the test fails with what it finds."""
    command = [SCHEMATHESIS, "--config-file", CONFIG, "--no-color", "run", url]
    command += ["--checks", "all", "--warnings", "off"]
    command += ["--header", f"Authorization: Bearer {program.token}", "--seed", "1", *options]
    # it keeps what it found in the folder in which it runs
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_a_few_requests_of_each_kind_find_nothing(served, filled, tmp_path):
    find(served, filled, tmp_path, "--phases", "coverage", "--include-method", "GET")


@pytest.mark.slow
def test_many_requests_of_all_kinds_find_nothing(served, filled, tmp_path):
    find(served, filled, tmp_path, "--max-examples", "20")
