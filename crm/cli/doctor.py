"""`crm doctor`: the health checks of an installation, each with advice where it fails."""

import os
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import click
from sqlalchemy import delete, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.db import database_now, insert_into
from crm.base.db_faults import Fault, fault_of, first_line
from crm.base.errors import Refused
from crm.base.s3_place import S3Place
from crm.base.value_class import value_class
from crm.cli import base
from crm.cli.checks import CHECKS, Result
from crm.cli.errors import RefusedError
from crm.extensions import db as app_db
from crm.files.s3_store import S3Store
from crm.jobs import health
from crm.jobs.health import Health
from crm.jobs.mail_route import mail_route
from crm.jobs.models import Lease
from crm.settings import Settings
from crm.transactions import transaction
from crm.web.assets import is_built

KEYS = ("check", "state", "told")  # operators' scripts read them
MEGABYTE = 1024 * 1024
LITTLE_SPACE = 1024 * MEGABYTE
NO_SPACE = 100 * MEGABYTE
OLDEST_POSTGRESQL = 15
LOCAL = ("127.0.0.1", "localhost", "::1")
LIMITS = ("lock_timeout", "idle_in_transaction_session_timeout")
INSTEAD = "看板和列表改从主库读取"
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}  # 2: FULL


@value_class
class Finding:
    check: str
    state: Health
    detail: str


@click.command()
@base.format_option
def doctor(form: str) -> None:
    """Check settings, database, mail, clock, outbox, disk, pages; exit code 1 if one fails."""
    results = findings(now=clock.now())
    rows = [dict(zip(KEYS, (row.check, row.state, row.detail), strict=True)) for row in results]
    base.print_rows(rows, KEYS, form)

    if failed := [result.check for result in results if result.state is Health.FAIL]:
        raise RefusedError(f"有 {len(failed)} 项异常：{'、'.join(failed)}")


def findings(*, now: datetime) -> list[Finding]:
    """The result of every check; a check that needs a failed part is reported as not made."""
    try:
        settings = base.settings()
    except RefusedError as error:
        return [Finding("settings", Health.FAIL, error.message), Finding("pages", *_pages())]

    return [
        Finding("settings", *_settings(settings)),
        *_database_findings(settings, now),
        Finding("disk", *_disk(settings.data)),
        Finding("files", *_files(settings.files_place)),
        Finding("pages", *_pages()),
    ]


def _database_findings(settings: Settings, now: datetime) -> list[Finding]:
    database = Finding("database", *_database(settings))
    # The other checks would each repeat the same error.
    if database.state is Health.FAIL:
        return [database, *_not_made(("engine", "migrations", "mail", *CHECKS), "数据库不可用")]

    with base.reading() as db:
        migrations = Finding("migrations", *_migrations(db))
        first = [database, Finding("engine", *_engine(db)), *_replica(settings), migrations]
        if migrations.state is Health.FAIL:
            return [*first, *_not_made(("mail", *CHECKS), "数据表不是最新版本")]
        first.append(Finding("mail", *_mail(db, settings)))
        return [*first, *(Finding(name, *check(db, now)) for name, check in CHECKS.items())]


def _not_made(names: Iterable[str], reason: str) -> list[Finding]:
    return [Finding(name, Health.WARN, f"未检查：{reason}") for name in names]


def _settings(settings: Settings) -> Result:
    host = urlsplit(settings.base_url).hostname
    facts = f"地址 {settings.base_url}，时区 {settings.timezone}"
    if host not in LOCAL and settings.base_url.startswith("http://"):
        advice = "登录信息未加密传输，请启用 HTTPS 并修改 CRM_BASE_URL"
        return Health.WARN, f"{facts}；{advice}"
    return Health.OK, facts


def _mail(db: Session, settings: Settings) -> Result:
    """Where mails go: to the server of the settings, else to the one entered on the page."""
    try:
        server = mail_route(db, settings.of_mails).server
    except Refused:
        advice = "请在“系统管理 › 邮件服务器”重新填写，或恢复原来的 CRM_SECRET_KEY"
        return Health.FAIL, f"密钥已更换，读不出页面上填写的邮件服务器，邮件发不出；{advice}"
    if server is None:
        return Health.OK, "未设置邮件服务器，邮件只存入站内信箱"

    source = "CRM_MAIL" if settings.of_mails.is_fixed else "页面上填写的服务器"
    facts = f"由 {server.host} 发信（{source}）"
    if urlsplit(settings.base_url).hostname in LOCAL:
        advice = "邮件中的链接只有本机能打开，请把 CRM_BASE_URL 设为大家使用的地址"
        return Health.WARN, f"{facts}；{advice}"
    return Health.OK, facts


def _database(settings: Settings) -> Result:
    url = make_url(settings.url)
    where = url.render_as_string(hide_password=True)
    # before connecting: the advice on failed connections below would not fit
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return Health.FAIL, f"{where} 不存在；新装请运行 crm init，否则请检查 CRM_DATA 或恢复备份"

    try:
        with base.app().app_context():
            _write(app_db.sessionmaker)
    except DBAPIError as error:
        fault = fault_of(error)
        # the check of the migrations reports it
        if fault is Fault.NO_TABLES:
            return Health.OK, f"{where} 可以连接"
        problem = f"{fault.label}（{first_line(error)}）"
        return Health.FAIL, f"{where} 不能读写：{problem}；请检查数据库服务、文件权限和磁盘"

    return Health.OK, f"{where} 可读可写"


def _write(sessions: sessionmaker[Session]) -> None:
    """Commit a row and its removal: a transaction that is rolled back may never reach the disk."""
    trial = "doctor"
    with transaction(sessions) as db:
        row = insert_into(db, Lease).values(name=trial, holder=trial, expires_at=database_now(db))
        db.execute(row.on_conflict_do_nothing(index_elements=["name"]))
        db.execute(delete(Lease).where(Lease.name == trial))


def _engine(db: Session) -> Result:
    dialect = db.get_bind().dialect
    version = ".".join(map(str, getattr(dialect, "server_version_info", None) or ()))
    if dialect.name == "postgresql":
        return _server(db, version)

    pragmas = {name: db.scalar(text(f"PRAGMA {name}")) for name in PRAGMAS}
    facts = "，".join(f"{name}={value}" for name, value in pragmas.items())
    if pragmas != PRAGMAS:
        return Health.FAIL, f"{facts}；断电可能丢数据，请把数据文件放在本机磁盘上（不用网络盘）"
    return Health.OK, f"SQLite {db.scalar(text('SELECT sqlite_version()'))}，{facts}"


def _server(db: Session, version: str) -> Result:
    if int(version.partition(".")[0]) < OLDEST_POSTGRESQL:
        advice = f"请升级到 {OLDEST_POSTGRESQL} 或更新的版本"
        return Health.FAIL, f"PostgreSQL {version}；{advice}"

    # a pooler drops the limits that our connections ask for
    if missing := [name for name in LIMITS if db.scalar(text(f"SHOW {name}")) == "0"]:
        advice = "请用 ALTER ROLE 设置（经 PgBouncer 连接时需要）"
        return Health.WARN, f"PostgreSQL {version}；没有 {'、'.join(missing)}，{advice}"

    return Health.OK, f"PostgreSQL {version}"


def _replica(settings: Settings) -> list[Finding]:
    if not settings.database_read_url:
        return []
    state, lag = health.replica_lag(app_db.get_engine("replica"))
    if lag is None:
        return [Finding("replica", state, f"备库不可用或不在跟随主库，{INSTEAD}")]
    advice = "" if state is Health.OK else f"，{INSTEAD}；请检查复制"
    return [Finding("replica", state, f"备库的最新改动在 {int(lag.total_seconds())} 秒前{advice}")]


def _migrations(db: Session) -> Result:
    if health.is_migrated(db):
        return Health.OK, "数据表是最新版本"
    return Health.FAIL, "尚未建表，或数据表与程序版本不一致；请运行 crm init"


def _disk(data: Path) -> Result:
    # The folder may not be there yet: the nearest one above is on the same disk.
    place = next(folder for folder in (data.resolve(), *data.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    facts = f"{place} 剩余 {free // MEGABYTE} MB"
    if free >= LITTLE_SPACE:
        return Health.OK, facts
    return Health.FAIL if free < NO_SPACE else Health.WARN, f"{facts}；请清理磁盘或扩容"


def _files(place: Path | S3Place) -> Result:
    return _folder(place) if isinstance(place, Path) else _bucket(place)


def _bucket(place: S3Place) -> Result:
    try:
        S3Store(place).check()
    except Refused:
        advice = "请检查 CRM_FILES、CRM_S3_* 设置、存储桶和网络；原因见日志"
        return Health.FAIL, f"不能使用 {place}，无法上传和下载佐证材料；{advice}"
    return Health.OK, f"佐证材料存放在 {place}"


def _folder(folder: Path) -> Result:
    place = next(above for above in (folder, *folder.parents) if above.exists())
    if os.access(place, os.W_OK | os.X_OK):
        return Health.OK, f"佐证材料存放在 {folder}"
    return Health.FAIL, f"不能写入 {folder}，无法上传佐证材料；请检查 CRM_FILES 和文件夹权限"


def _pages() -> Result:
    if is_built():
        return Health.OK, "页面文件齐全"
    return Health.FAIL, "页面样式和脚本尚未生成；请在程序目录运行 python hatch_build.py"
