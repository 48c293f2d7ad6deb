"""A start with wrong settings or without a database is refused with a sentence."""

import os
import subprocess
import sys

import pytest

SECRET = "a secret of the tests, long enough for the check"


def crm(*words, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return subprocess.run(
        [sys.executable, "-m", "crm.cli", *words],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ({}, "CRM_SECRET_KEY is missing"),
        ({"CRM_SECRET_KEY": "short"}, "CRM_SECRET_KEY is too short"),
    ],
)
def test_without_a_proper_secret_nothing_starts(tmp_path, secret, told):
    done = crm("serve", CRM_DATA=str(tmp_path), **secret)

    assert done.returncode == 1
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("CRM_BASE_URL", "crm.test"), ("CRM_MAIL", "mail.test:25"), ("CRM_TIMEZONE", "Mars")],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path, name, value):
    done = crm("clock", "show", CRM_DATA=str(tmp_path), CRM_SECRET_KEY=SECRET, **{name: value})

    assert done.returncode == 1
    assert name in done.stderr


def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(tmp_path):
    url = "postgresql://crm@127.0.0.1:1/crm"

    done = crm(
        "quota", "report", "--period", "2026-07", CRM_SECRET_KEY=SECRET, CRM_DATABASE_URL=url
    )

    assert done.returncode == 1
    assert done.stderr.startswith("数据库无法使用")
    assert "Traceback" not in done.stderr


def test_a_database_without_tables_leads_to_init(tmp_path):
    done = crm(
        "quota", "report", "--period", "2026-07", CRM_DATA=str(tmp_path), CRM_SECRET_KEY=SECRET
    )

    assert done.returncode == 1
    assert "crm init" in done.stderr


def test_a_wrong_word_is_a_matter_of_usage(tmp_path):
    done = crm(
        "quota", "report", "--period", "2026-13", CRM_DATA=str(tmp_path), CRM_SECRET_KEY=SECRET
    )

    assert done.returncode == 2
    assert "--period" in done.stderr
