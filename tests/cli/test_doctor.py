"""`crm doctor`: a line a part, what to do where one is not well, and the exit code."""

import csv
import io
import json
import shutil
from collections import namedtuple
from datetime import timedelta

import pytest
from sqlalchemy import delete, text, update

from crm.base.outbox import Message, State
from crm.base.workdays import Source
from crm.cli import base, checks
from crm.cli import doctor as command
from crm.imports.models import ImportRun
from crm.imports.rules import Failure
from crm.imports.rules import RunState as ImportState
from crm.jobs import clock_check, lease, ledger
from crm.jobs.mail_route import enter_mail_server
from crm.jobs.models import JobRun, Lease, RunState
from crm.jobs.pausing import pause_job
from crm.jobs.timetable import JobName
from crm.people.rules import Role
from crm.quotas.models import WorkdayOverride
from crm.transactions import transaction
from crm.web import assets
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import make_hidden_batch, make_person
from tests.jobs.mail import write
from tests.jobs.work import at

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's
PARTS = [
    "settings",
    "database",
    "engine",
    "migrations",
    "mail",
    "clock",
    "lease",
    "slots",
    "outbox",
    "delivery",
    "imports",
    "addresses",
    "calendar",
    "disk",
    "files",
    "pages",
]


@pytest.fixture
def zone(sessions, monkeypatch):
    """An installation in which all is well: a node has just ticked, and the pages are built.

    The moment of a test is another than that of PostgreSQL, whose clock goes on.
    """
    monkeypatch.setattr(clock_check, "LARGEST_GAP", timedelta.max)
    monkeypatch.setattr(command, "is_built", lambda: True)
    with transaction(sessions) as db:
        ledger.install(db, clock_from=NOW, now=NOW)
        lease.acquire(db, "host:1:abc")
    return sessions


@pytest.fixture
def doctor(crm):
    """Ask the doctor: the exit code, and each part's state and its detail."""

    def ask():
        result = crm("doctor", "--format", "json")
        rows = json.loads(result.stdout)
        return result.exit_code, {row["check"]: (row["state"], row["told"]) for row in rows}

    return ask


def test_a_healthy_installation_passes_every_check(doctor, zone):
    code, result = doctor()

    assert code == 0
    assert list(result) == PARTS
    assert {state for state, _ in result.values()} == {"ok"}, result


def test_it_is_a_list_like_all_others(crm, zone):
    (first, *_) = csv.DictReader(io.StringIO(crm("doctor", "--format", "csv").stdout))

    assert list(first) == ["check", "state", "told"]
    assert "settings" in crm("doctor").stdout


def test_the_database_and_who_leads_are_named(doctor, zone, kind_of_database):
    _, result = doctor()

    assert "可读可写" in result["database"][1]
    assert {"sqlite": "journal_mode=wal", "postgresql": "PostgreSQL"}[kind_of_database] in result[
        "engine"
    ][1]
    assert "host:1:abc" in result["lease"][1]


def test_a_check_leaves_nothing_behind(doctor, zone, sessions):
    doctor()

    with sessions() as db:
        assert [row.name for row in db.query(Lease)] == [lease.TIMETABLE]


def test_a_clock_that_nobody_runs_fails_and_says_what_to_start(crm, doctor, zone, sessions):
    with transaction(sessions) as db:
        lease.acquire(db, "host:1:abc", lasts=lease.LASTS - checks.health.LONGEST_SILENCE * 2)

    code, result = doctor()

    assert (code, result["clock"][0], result["lease"][0]) == (1, "fail", "warn")
    assert result["clock"][1] == "最近一次运行在 10 分钟前；请启动 crm serve 或 crm clock"
    assert crm("doctor").stderr == "有 1 项异常：clock\n"


def test_a_clock_that_was_never_installed_leads_to_init(doctor, zone, sessions):
    with transaction(sessions) as db:
        db.execute(delete(JobRun))
        db.execute(delete(Lease))

    code, result = doctor()

    assert (code, result["clock"][0], result["slots"][0]) == (1, "fail", "fail")
    assert "crm init" in result["clock"][1]


def test_a_slot_that_is_overdue_fails_and_is_named(doctor, zone, sessions):
    with transaction(sessions) as db:
        db.execute(update(JobRun).values(due_at=at("2026-07-14T10:00")))

    code, result = doctor()

    assert (code, result["slots"][0]) == (1, "fail")
    assert (
        "4 项到时未执行，最早的是 进度提醒 2026-07-14，应于 2026-07-14 12:00" in result["slots"][1]
    )


def test_a_slot_that_failed_a_moment_ago_is_worth_a_look(doctor, zone, sessions):
    with transaction(sessions) as db:
        db.add(
            JobRun(
                job="nudge",
                slot="2026-07-15",
                due_at=NOW,
                state=RunState.FAILED,
                finished_at=NOW,
                attempts=2,
                reason="ValueError: x",
            )
        )

    code, result = doctor()

    assert (code, result["slots"][0]) == (0, "warn")
    assert "进度提醒 2026-07-15 已失败 2 次（ValueError: x）" in result["slots"][1]


def test_what_waits_for_a_person_names_the_commands(doctor, zone, sessions):
    write(sessions, "li", "wang")
    with transaction(sessions) as db:
        db.execute(update(Message).values(state=State.FAILED))

    code, result = doctor()

    assert (code, result["outbox"][0]) == (0, "warn")
    assert result["outbox"][1].startswith("发送失败 2 封（最早 0 秒前）；")
    assert "crm outbox retry" in result["outbox"][1]


def test_a_mail_that_failed_is_told_with_its_reason_and_not_of_the_server(doctor, zone, sessions):
    write(sessions, "li", email="li@crm.test.")
    with transaction(sessions) as db:
        db.execute(
            update(Message).values(state=State.FAILED, note="“li@crm.test.”不是可用的邮箱地址")
        )

    code, result = doctor()

    assert (code, result["outbox"][0], result["addresses"][0]) == (0, "warn", "warn")
    assert "li@crm.test.：“li@crm.test.”不是可用的邮箱地址" in result["outbox"][1]
    assert "CRM_MAIL" not in result["outbox"][1]
    assert result["addresses"][1].startswith("li（li@crm.test.） 的邮箱地址不可用")


def test_a_day_without_a_delivery_fails(doctor, zone, sessions):
    write(sessions, "li", at=at("2026-07-14T09:00"))

    code, result = doctor()

    assert (code, result["outbox"][0]) == (1, "fail")
    assert "待发 1 封（最早 25 小时前）" in result["outbox"][1]


@pytest.mark.parametrize(
    ("stands", "health", "advice"),
    [
        ((ImportState.IMPORTING, 3), "warn", "已尝试 3 次（程序出错），自动重试中"),
        ((ImportState.UNDOING, 9), "fail", "已尝试 9 次（程序出错），自动重试中"),
        ((ImportState.PREVIEW, 0), "warn", "已停止（程序出错），待其再次导入或放弃"),
    ],
)
def test_an_import_that_fails_again_and_again_is_named(doctor, zone, stands, health, advice):
    state, attempts = stands
    with transaction(zone) as db:
        by, batch = make_person(db, "shen", name="沈若川"), make_hidden_batch(db)
        tried = {"attempts": attempts, "failure": Failure.FAULT, "batch_id": batch.id}
        of_table = {"kind": "visits", "file_name": "", "settings": "{}", "state": state}
        db.add(ImportRun(made_by_id=by.id, made_at=NOW, **of_table, **tried))

    code, result = doctor()

    assert (code, result["imports"][0]) == (int(health == "fail"), health)
    assert f"沈若川的拜访表格{advice}" in result["imports"][1]
    assert "其他拜访表格、crm import visits 和清除联系人信息须等它结束" in result["imports"][1]


def test_a_paused_job_is_worth_a_look(doctor, zone, sessions):
    with transaction(sessions) as db:
        pause_job(db, job=JobName.NUDGE, why="核对名单", by=None, now=at("2026-07-15T09:00"))

    _, result = doctor()

    assert result["slots"][0] == "warn"
    assert "进度提醒已暂停（核对名单），恢复用 crm clock resume nudge" in result["slots"][1]


def test_the_calendar_names_its_sources(doctor, zone, sessions):
    with transaction(sessions) as db:
        db.add(
            WorkdayOverride(
                on=at("2026-08-08T00:00").date(), is_workday=True, source=Source.OVERRIDE
            )
        )

    _, result = doctor()

    assert result["calendar"] == (
        "ok",
        "2026 年：手工调整、国务院放假安排（手工 1 天），2027 年：推算",
    )


@pytest.mark.parametrize(("moment", "state"), [("2026-12-01", "warn"), ("2027-01-04", "warn")])
def test_a_year_that_is_estimated_when_it_need_not_be_is_worth_a_look(zone, moment, state):
    with zone() as db:
        assert checks._calendar(db, at(f"{moment}T10:00"))[0] == state  # noqa: SLF001


@pytest.mark.parametrize(("free", "state"), [(5000, "ok"), (500, "warn"), (50, "fail")])
def test_a_disk_that_fills_up_is_reported(doctor, zone, monkeypatch, free, state):
    usage = Usage(0, 0, free * command.MEGABYTE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    code, result = doctor()

    assert (code, result["disk"][0]) == (int(state == "fail"), state)


def test_pages_that_are_not_built_say_how(doctor, zone, monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    monkeypatch.setattr(command, "is_built", assets.is_built)
    assets._manifest.cache_clear()  # noqa: SLF001

    code, result = doctor()

    assets._manifest.cache_clear()  # noqa: SLF001
    assert (code, result["pages"][0]) == (1, "fail")
    assert "hatch_build.py" in result["pages"][1]


def test_tables_of_another_version_lead_to_init(doctor, zone, sessions):
    with sessions.begin() as db:
        (version,) = db.scalars(text("SELECT version_num FROM alembic_version"))
        db.execute(text("UPDATE alembic_version SET version_num = 'older'"))

    code, result = doctor()

    with sessions.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    assert (code, result["migrations"][0]) == (1, "fail")
    assert "crm init" in result["migrations"][1]
    assert result["clock"] == ("warn", "未检查：数据表不是最新版本")


@pytest.fixture
def asked(monkeypatch, crm):
    """Ask with other settings than those of the test's database."""

    def ask(**environment):
        with monkeypatch.context() as other:
            for name, value in environment.items():
                other.setenv(name, value)
            base.settings.cache_clear()
            result = crm("doctor", "--format", "json")
        base.settings.cache_clear()
        return result.exit_code, {row["check"]: row for row in json.loads(result.stdout)}

    return ask


def test_wrong_settings_are_a_finding_too(asked):
    code, result = asked(CRM_SECRET_KEY="short")

    assert (code, list(result)) == (1, ["settings", "pages"])
    assert "CRM_SECRET_KEY" in result["settings"]["told"]


def test_settings_tell_no_secret(asked, zone):
    _, result = asked(CRM_MAIL="smtp://crm:hush@mail.test:25", CRM_BASE_URL="http://127.0.0.1:8000")

    assert result["mail"]["state"] == "warn"
    assert "mail.test 发信（CRM_MAIL）" in result["mail"]["told"]
    assert "CRM_BASE_URL" in result["mail"]["told"]
    assert not [row for row in result.values() if "hush" in row["told"] or SECRET in row["told"]]


def test_the_mail_server_that_was_entered_on_the_page_is_known(asked, zone):
    address = {"CRM_BASE_URL": "https://crm.example.cn"}
    with transaction(zone) as db:
        admin = make_person(db, "shan", role=Role.ADMIN)
        own = base.settings().of_mails
        url = "smtps://crm:hush@smtp.example.cn"
        enter_mail_server(db, url=url, sender="crm@example.cn", own=own, by=admin, now=NOW)

    _, known = asked(**address)
    code, sealed = asked(**address, CRM_SECRET_KEY="another-key-of-thirty-two-characters")

    assert known["mail"]["state"] == "ok"
    assert known["mail"]["told"] == "由 smtp.example.cn 发信（页面上填写的服务器）"
    assert (code, sealed["mail"]["state"]) == (1, "fail")
    assert "重新填写" in sealed["mail"]["told"]


def test_a_database_that_is_gone_is_told_and_no_new_one_is_made(asked, tmp_path):
    gone = tmp_path / "gone.sqlite3"

    code, result = asked(CRM_DATABASE_URL=f"sqlite:///{gone}")

    assert (code, result["database"]["state"], result["slots"]["state"]) == (1, "fail", "warn")
    assert not gone.exists()


def test_a_clock_that_leapt_is_told_with_what_to_do(zone, doctor):
    with transaction(zone) as db:
        lease.acquire(db, "host:1:abc", lasts=lease.LASTS - timedelta(days=60))

    code, result = doctor()

    assert code == 1
    assert result["clock"][0] == "fail"
    assert "crm clock trust" in result["clock"][1]
    assert "60" in result["clock"][1]


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_a_machine_apart_from_its_database_is_told(zone, doctor, monkeypatch):
    monkeypatch.setattr(clock_check, "LARGEST_GAP", timedelta(hours=1))

    code, result = doctor()

    assert (code, result["clock"][0]) == (1, "fail")
    assert "请校准两边的时间" in result["clock"][1]


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_a_replica_that_is_down_is_worth_a_look(doctor, zone, monkeypatch):
    monkeypatch.setenv("CRM_DATABASE_READ_URL", "postgresql://crm@127.0.0.1:1/crm")

    code, result = doctor()

    assert code == 0
    assert result["replica"] == ("warn", "备库不可用或不在跟随主库，看板和列表改从主库读取")
