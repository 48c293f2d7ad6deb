"""The example of docs/api.md runs as it stands there."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from crm.base.clock import civil_date, now
from crm.people.rules import Duty, Scope
from tests.api.conftest import program_of
from tests.factories import arranged, make_person, make_rule
from tests.serving import served_app

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_the_example_logs_a_visit_and_reads_its_figure(database):
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    app = database.fresh_app()
    with arranged(app) as db:
        make_person(db, "lina")
        make_rule(db, duty=Duty.RECRUITER)
    program = program_of(app, "lina", Scope.READ, Scope.VISITS, made_at=now())

    with served_app(app) as url:
        environment = {**os.environ, "CRM_URL": url, "CRM_TOKEN": program.token}
        done = subprocess.run(
            [sys.executable, "-c", example],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")
    first, *figures = done.stdout.splitlines()
    assert re.fullmatch(r"已登记 V\d{6}-\w+", first)
    yesterday = civil_date(now()) - timedelta(days=1)
    is_this_month = yesterday.month == civil_date(now()).month
    assert [f"已完成 {int(is_this_month)} " in figure for figure in figures] == [True]
