"""A start with wrong settings or without a database is refused with a sentence."""

import pytest

SECRET = "a secret of the tests, long enough for the check"


@pytest.fixture
def refused(fork):
    """Run a `crm …` whose secret is right; what it says as it ends with exit code 1."""
    return lambda *words, **settings: fork(*words, CRM_SECRET_KEY=SECRET, **settings).refused()


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ({}, "CRM_SECRET_KEY 没有设置"),
        ({"CRM_SECRET_KEY": "short"}, "CRM_SECRET_KEY 太短"),
    ],
)
def test_without_a_proper_secret_nothing_starts(tmp_path, fork, secret, expected):
    done = fork("serve", CRM_DATA=str(tmp_path), **secret).end()

    assert done.status == 1
    assert expected in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRM_BASE_URL", "crm.test"),
        ("CRM_DATABASE_URL", "nonsense"),
        ("CRM_DATABASE_URL", "mysql://crm@db.test/crm"),
        ("CRM_MAIL", "mail.test:25"),
        ("CRM_MAIL", "smtp://mail.test:port"),
        ("CRM_MAIL_FROM", "招商系统"),
        ("CRM_MAIL_FROM", "招商系统 <crm@zone.example.>"),
        ("CRM_TIMEZONE", "Mars"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path, fork, name, value):
    settings = {"CRM_DATA": str(tmp_path), "CRM_SECRET_KEY": SECRET, name: value}

    done = fork("clock", "show", **settings).end()

    assert done.status == 1
    assert name in done.stderr
    assert "应为" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(refused):
    url = "postgresql://crm@127.0.0.1:1/crm"

    result = refused("quota", "report", "--period", "2026-07", CRM_DATABASE_URL=url)

    assert result.startswith("数据库无法使用")
    assert "Traceback" not in result


@pytest.mark.parametrize(
    "words",
    [
        ("init",),
        ("clock", "run", "--until", "2026-07-01"),
        ("deliver", "--once"),
        ("serve", "--port", "0"),
    ],
)
def test_no_command_breaks_over_a_file_that_is_no_database(tmp_path, refused, words):
    (tmp_path / "crm.sqlite3").write_text("this is no database, but a text of some length")

    result = refused(*words, CRM_DATA=str(tmp_path))

    assert "数据库无法使用" in result
    assert "Traceback" not in result


@pytest.mark.parametrize("words", [("init",), ("demo", "--no-serve")])
def test_a_data_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path, refused, words):
    (tmp_path / "file").touch()

    result = refused(*words, CRM_DATA=str(tmp_path / "file" / "data"))

    assert result.startswith("无法使用数据文件夹")
    assert "Traceback" not in result


def test_a_database_without_tables_leads_to_init(tmp_path, refused):
    result = refused("quota", "report", "--period", "2026-07", CRM_DATA=str(tmp_path))

    assert "crm init" in result


def test_a_wrong_word_is_a_matter_of_usage(tmp_path, fork):
    settings = {"CRM_DATA": str(tmp_path), "CRM_SECRET_KEY": SECRET}

    done = fork("quota", "report", "--period", "2026-13", **settings).end()

    assert done.status == 2
    assert "--period" in done.stderr
