"""What a process of `crm serve` loads: memory and the time of a start go with it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("crm.cli.serve", {"flask", "sqlalchemy", "pydantic", "crm.app"}),
        (
            "crm.cli.web_worker",
            {"alembic", "mako", "holidays", "charset_normalizer", "pypinyin", "xlsxwriter"},
        ),
    ],
)
def test_a_process_does_not_load_what_it_does_not_need(module, unwanted):
    script = f"import sys, {module}; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )

    assert unwanted & set(done.stdout.split()) == set()
