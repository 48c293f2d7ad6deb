"""The checks of `crm doctor`: each tells how one part is and, where it is not well, what to do."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import delete, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from crm.base import formatting
from crm.base.clock import civil, civil_date
from crm.base.db import database_now, insert_into
from crm.base.db_faults import Fault, fault_of, first_line
from crm.base.periods import Period, PeriodKind
from crm.base.workdays import Source, WorkingCalendar
from crm.cli import base, mail_checks
from crm.extensions import db as app_db
from crm.jobs import clock_check, health, lease, ledger
from crm.jobs.health import Health
from crm.jobs.models import Lease, RunState
from crm.jobs.pausing import pauses
from crm.jobs.timetable import JOBS, JobName
from crm.quotas.queries import working_calendar
from crm.settings import Settings
from crm.transactions import transaction
from crm.web.assets import is_built

MEGABYTE = 1024 * 1024
LITTLE_SPACE = 1024 * MEGABYTE
NO_SPACE = 100 * MEGABYTE
OLDEST_POSTGRESQL = 15
ANNOUNCED_BY = 12  # the month before which the next year's arrangement is published
LOCAL = ("127.0.0.1", "localhost", "::1")
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

Told = tuple[Health, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says."""

    check: str
    state: Health
    told: str


def findings(*, now: datetime) -> list[Finding]:
    """What all checks say; those that cannot be made say so."""
    try:
        own = base.settings()
    except base.RefusedError as error:
        return [Finding("settings", Health.FAIL, error.message), Finding("pages", *_pages())]
    return [
        Finding("settings", *_settings(own)),
        *_of_database(own, now),
        Finding("disk", *_disk(own.data)),
        Finding("pages", *_pages()),
    ]


def _of_database(own: Settings, now: datetime) -> list[Finding]:
    database = Finding("database", *_database(own))
    if database.state is Health.FAIL:
        return [database, *_not_made(("engine", "migrations", *INSIDE), "数据库不可用")]
    with base.reading() as db:
        migrations = Finding("migrations", *_migrations(db))
        outside = [database, Finding("engine", *_engine(db)), migrations]
        if migrations.state is Health.FAIL:
            return [*outside, *_not_made(INSIDE, "数据表不是最新版本")]
        return [*outside, *(Finding(name, *check(db, now)) for name, check in INSIDE.items())]


def _not_made(names: Iterable[str], why: str) -> list[Finding]:
    return [Finding(name, Health.WARN, f"未检查：{why}") for name in names]


def _settings(own: Settings) -> Told:
    host, mail = urlsplit(own.base_url).hostname, urlsplit(own.mail).hostname
    told = f"地址 {own.base_url}，邮件 {mail or '存入站内信箱'}，时区 {own.timezone}"
    if mail and host in LOCAL:
        advice = "邮件中的链接只有本机能打开，请把 CRM_BASE_URL 设为大家使用的地址"
        return Health.WARN, f"{told}；{advice}"
    if host not in LOCAL and own.base_url.startswith("http://"):
        advice = "登录信息未加密传输，请启用 HTTPS 并修改 CRM_BASE_URL"
        return Health.WARN, f"{told}；{advice}"
    return Health.OK, told


def _database(own: Settings) -> Told:
    url = make_url(own.url)
    where = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return Health.FAIL, f"{where} 不存在；新装请运行 crm init，否则请检查 CRM_DATA 或恢复备份"

    try:
        with base.app().app_context():
            _write(app_db.sessionmaker)
    except DBAPIError as error:
        fault = fault_of(error)
        if fault is Fault.NO_TABLES:
            return Health.OK, f"{where} 可以连接"
        told = f"{fault.label}（{first_line(error)}）"
        return Health.FAIL, f"{where} 不能读写：{told}；请检查数据库服务、文件权限和磁盘"

    return Health.OK, f"{where} 可读可写"


def _write(sessions: sessionmaker[Session]) -> None:
    """Commit a row and its removal: what is only rolled back need not reach the disk."""
    trial = "doctor"
    with transaction(sessions) as db:
        row = insert_into(db, Lease).values(name=trial, holder=trial, expires_at=database_now(db))
        db.execute(row.on_conflict_do_nothing(index_elements=["name"]))
        db.execute(delete(Lease).where(Lease.name == trial))


def _engine(db: Session) -> Told:
    dialect = db.get_bind().dialect
    version = ".".join(map(str, getattr(dialect, "server_version_info", None) or ()))
    if dialect.name == "postgresql":
        is_old = int(version.partition(".")[0]) < OLDEST_POSTGRESQL
        advice = f"；请升级到 {OLDEST_POSTGRESQL} 或更新的版本" if is_old else ""
        return Health.FAIL if is_old else Health.OK, f"PostgreSQL {version}{advice}"
    found = {name: db.scalar(text(f"PRAGMA {name}")) for name in PRAGMAS}
    told = "，".join(f"{name}={value}" for name, value in found.items())
    if found != PRAGMAS:
        return Health.FAIL, f"{told}；断电可能丢数据，请把数据文件放在本机磁盘上（不用网络盘）"
    return Health.OK, f"SQLite {db.scalar(text('SELECT sqlite_version()'))}，{told}"


def _migrations(db: Session) -> Told:
    if health.is_migrated(db):
        return Health.OK, "数据表是最新版本"
    return Health.FAIL, "还没有建表，或数据表与程序版本不一致；请运行 crm init"


def _clock(db: Session, now: datetime) -> Told:
    if found := clock_check.find_doubt(db, now=now):
        return Health.FAIL, f"{found.reason.label}（相差 {formatting.duration(found.off)}）"
    pulse = health.pulse(db, now=now)
    if pulse.silent_for is None:
        return Health.FAIL, "定时任务没有初始化；请运行 crm init"
    ago = formatting.duration(pulse.silent_for)
    told = f"最近一次运行在 {ago}前" if pulse.has_ticked else f"安装 {ago}以来还没有运行过"
    advice = "" if pulse.health is Health.OK else "；请启动 crm serve 或 crm clock"
    return pulse.health, told + advice


def _lease(db: Session, _now: datetime) -> Told:
    if holder := lease.holder_of(db):
        return Health.OK, f"由 {holder} 执行定时任务"
    return Health.WARN, "现在没有进程执行定时任务；请启动 crm serve 或 crm clock"


def _slots(db: Session, now: datetime) -> Told:
    if ledger.installed_at(db) is None:
        return Health.FAIL, "定时任务没有初始化；请运行 crm init"

    failed = [
        f"{JobName(run.job).label} {run.slot} 已失败 {run.attempts} 次（{run.reason}）"
        for run in ledger.failures(db, JOBS)
    ]
    if late := health.overdue(db, now=now):
        first = f"{JobName(late[0].job.name).label} {late[0].name}"
        told = f"{len(late)} 项到时未执行，最早的是 {first}，应于 {_minute(late[0].due_at)}"
        return Health.FAIL, "；".join([told, *failed, "请查看 crm clock show 和日志"])

    halted = [
        f"{JobName(name).label}已暂停（{pause.why}），恢复用 crm clock resume {name}"
        for name, pause in pauses(db).items()
    ]
    if failed or halted:
        retried = ["稍后会自动再试，原因见日志"] if failed else []
        return Health.WARN, "；".join([*failed, *retried, *halted])

    return Health.OK, _last_done(db)


def _last_done(db: Session) -> str:
    runs = [run for job in JOBS if (run := ledger.last_run(db, job)) is not None]
    done = [run for run in runs if run.state is not RunState.FAILED]
    if not done:
        return "没有到时未执行的任务"
    last = max(done, key=lambda run: run.due_at)
    return f"没有到时未执行的任务，最近完成的是 {JobName(last.job).label} {last.slot}"


def _calendar(db: Session, now: datetime) -> Told:
    calendar, today = working_calendar(db), civil_date(now)
    this = Period.holding(PeriodKind.YEAR, today)
    told = "，".join(_sources(calendar, year) for year in (this, this.after))
    wanted = [this, this.after] if today.month >= ANNOUNCED_BY else [this]
    if any(calendar.is_estimated(year) for year in wanted):
        return (
            Health.WARN,
            f"{told}；放假安排公布后请用 crm import calendar 导入，在此之前按推算执行",
        )
    return Health.OK, told


def _sources(calendar: WorkingCalendar, year: Period) -> str:
    """Where the year's days come from; what was changed by hand is counted."""
    sources = [calendar.on(day).source for day in year.dates]
    labels = [source.label for source in Source if source in sources]
    changed = sources.count(Source.OVERRIDE)
    return f"{year} 年：{'、'.join(labels)}" + (f"（手工 {changed} 天）" if changed else "")


def _disk(data: Path) -> Told:
    place = next(folder for folder in (data.resolve(), *data.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    told = f"{place} 剩余 {free // MEGABYTE} MB"
    if free >= LITTLE_SPACE:
        return Health.OK, told
    return Health.FAIL if free < NO_SPACE else Health.WARN, f"{told}；请清理磁盘或扩容"


def _pages() -> Told:
    if is_built():
        return Health.OK, "页面文件齐全"
    return Health.FAIL, "页面的样式和脚本没有生成；请在程序目录运行 python hatch_build.py"


def _minute(at: datetime) -> str:
    return f"{civil(at):%Y-%m-%d %H:%M}"


# What stands in the database, once its tables are as they should be.
INSIDE: Mapping[str, Callable[[Session, datetime], Told]] = {
    "clock": _clock,
    "lease": _lease,
    "slots": _slots,
    "outbox": mail_checks.outbox,
    "addresses": mail_checks.addresses,
    "calendar": _calendar,
}
