"""`crm backup`, `crm restore`, `crm move` in sentences, also where the disk is full."""

from secrets import token_hex

import pytest

from crm.base.mail_kinds import MessageKind
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import SECRET, empty_database, migrated_database, sessions_of
from tests.factories import make_person
from tests.faults.arranged import NoRoom
from tests.outbox import put


@pytest.fixture
def zone(tmp_path, monkeypatch):
    """The settings of an installation on SQLite with one person and no attachments."""
    with migrated_database("sqlite", tmp_path) as url:
        sessions = sessions_of(url)
        with transaction(sessions) as db:
            put_long(db, make_person(db, "liwei"))
        sessions.kw["bind"].dispose()
        yield {
            "CRM_DATABASE_URL": url,
            "CRM_SECRET_KEY": SECRET,
            "CRM_FILES": str(tmp_path / "files"),
        }


def put_long(db, person):
    """A mail that does not become small by compression."""
    text = token_hex(100_000)
    about = {"kind": MessageKind.WEEKLY, "dedupe_key": "one", "subject": "周报", "at": NOW}
    put(db, person=person, text=text, html=text, **about)


def test_a_zone_goes_into_a_file_and_comes_back(zone, fork, tmp_path):
    file, new = tmp_path / "zone.backup", tmp_path / "new"
    new.mkdir()

    made = fork("backup", str(file), **zone).end()
    checked = fork("restore", "--check", str(file), **zone).end()
    other = zone | {"CRM_DATABASE_URL": f"sqlite:///{new / 'crm.sqlite3'}"}
    restored = fork("restore", str(file), **other).end()
    refused = fork("restore", str(file), **other).refused()

    assert (made.status, checked.status, restored.status) == (0, 0, 0), made.stderr
    assert f"已备份到 {file}：" in made.stdout
    assert "备份完整：" in checked.stdout
    assert "已恢复并核对：" in restored.stdout
    assert "发信已暂停" in restored.stdout
    assert refused == "目标数据库中已有人员和数据；crm restore 确需覆盖的，请加 --replace。\n"


def test_a_full_disk_leaves_no_backup_and_nothing_restored(zone, fork, tmp_path):
    (folder := tmp_path / "full").mkdir()
    other = zone | {"CRM_DATABASE_URL": f"sqlite:///{folder / 'crm.sqlite3'}"}
    fork("backup", str(tmp_path / "zone.backup"), **zone).ended()

    written = fork("backup", str(folder / "b"), arranged=[NoRoom(64 * 1024)], **zone).refused()
    restored = fork(
        "restore", str(tmp_path / "zone.backup"), arranged=[NoRoom(64 * 1024)], **other
    ).refused()

    assert written.startswith("无法写入备份")
    assert restored.startswith("数据库无法使用")
    assert "Traceback" not in written + restored
    assert list(folder.iterdir()) == []


def test_what_was_moved_is_not_served_any_more(zone, fork, tmp_path):
    with empty_database("postgresql", tmp_path) as url:
        moved = fork("move", "--to", url, **zone).end()
        served = fork("serve", "--port", "0", **zone).refused()

    assert moved.status == 0, moved.stderr
    assert "并逐表核对" in moved.stdout
    assert "迁移到 PostgreSQL，请设置 CRM_DATABASE_URL" in served
