"""What a process of `crm serve` loads: memory and the time of a start go with it."""

import subprocess
import sys

import pytest

# what few pages or commands use is imported where it is used
RARELY_NEEDED = {
    *("alembic", "apprise", "authlib", "botocore", "charset_normalizer", "cryptography"),
    *(
        "css_inline",
        "holidays",
        "icalendar",
        "mako",
        "opencc",
        "pikepdf",
        "PIL",
        "prometheus_client",
    ),
    *("pygments", "pypinyin", "python_calamine", "rapidfuzz", "rich", "segno"),
    *("stdnum", "urllib3", "xlsxwriter", "yaml"),
    *("crm.cli.seeds", "crm.demo"),
}


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import crm.cli.serve", {"flask", "sqlalchemy", "pydantic", "crm.app"}),
        (
            "import crm.cli.web_worker",
            RARELY_NEEDED,
        ),
        # a year to come is estimated by a table, one that it leaves out by China's calendar alone
        ("from crm.base.workdays import statutory; statutory(2027)", {"holidays"}),
        ("from crm.base.workdays import statutory; statutory(2026)", {"holidays.countries"}),
    ],
)
def test_a_process_does_not_load_what_it_does_not_need(code, unwanted):
    script = f"import sys; {code}; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )

    assert unwanted & set(done.stdout.split()) == set()
