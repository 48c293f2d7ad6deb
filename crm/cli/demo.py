"""`crm demo`: make a demonstration zone in its own data folder, replay 31 days, serve it."""

import hashlib
import json
import os
import secrets
import socket
import sys
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.logs import structlog
from crm.base.mail import Site
from crm.base.outbox import Message
from crm.base.shipped import MIGRATIONS, SEEDS
from crm.base.workdays import WorkingCalendar
from crm.cli import base, serve
from crm.cli.errors import RefusedError
from crm.cli.init import install
from crm.demo.claims import begin_recognition
from crm.demo.corrections import correction_calls
from crm.demo.events import Scenario
from crm.demo.files import Files
from crm.demo.relative_dates import RelativeDates
from crm.demo.scenario import build_scenario
from crm.demo.writer import ScenarioWriter
from crm.extensions import db as database
from crm.files.store import FileStore, store_at
from crm.jobs import clock_check, ledger
from crm.jobs.delivery import leave_in_mailbox
from crm.jobs.handlers import HANDLERS, freeze_figures
from crm.jobs.runner import JobSummary, Runner
from crm.jobs.timetable import JobName
from crm.people.password_rules import PasswordRules
from crm.people.rules import Role
from crm.people.service import hash_password
from crm.quotas.queries import working_calendar
from crm.settings import DEMO_MARK
from crm.transactions import transaction

LIVED_DAYS = 31
SETTLED_MONTHS = 7  # the clock starts that long before the demonstration's date
CLOSING = (JobName.ASSESS, JobName.FREEZE)
SKIP_REASON = "演示数据只重演最近31天，更早的各期只核算和定稿"
MORNING = time(9)
PORT = 8000
PASSWORD = "zhaoshang-2026"  # noqa: S105 - printed for whoever tries the demonstration
ACCOUNTS = (  # one for each role, and each duty that owes a quota
    (Role.RECRUITER, "shenruochuan", "专职招商人员，驻上海"),
    (Role.RECRUITER, "tangqihang", "专职招商人员，本月已无法达标"),
    (Role.SUPERVISOR, "chiminglang", "招商服务公司"),
    (Role.SUPERVISOR, "wusiqi", "督查考核办公室，全区"),
    (Role.LEADER, "yanshuhe", "主要负责同志"),
    (Role.RECRUITER, "tongyuwei", "党政办公室，为严书禾代录拜访"),
    (Role.LEADER, "luoqingyuan", "分管负责同志"),
    (Role.ADMIN, "shanxingzhou", "党政办公室"),
    (Role.READER, "guyueming", "党政办公室，全区"),
    (Role.AUDITOR, "hengjianqing", "督查考核办公室，只读操作记录"),
)


@dataclass(frozen=True, slots=True)
class Folder:
    """A demonstration's data folder: database, secret key, and the mark of what it was made for."""

    path: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "crm.sqlite3"

    @property
    def mark(self) -> Path:
        """The file that marks a demonstration and names its date."""
        return self.path / DEMO_MARK

    def secret_key(self) -> str:
        """The folder's secret key, created on first use."""
        file = self.path / "secret-key"
        if not file.exists():
            base.make_folder(self.path)
            # created before it is written, so that nobody else can ever read the key
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(48), encoding="utf-8")
        return file.read_text(encoding="utf-8").strip()

    def made_for(self) -> dict[str, object]:
        """The mark's content; empty where there is no demonstration."""
        if self.mark.exists() and self.database.exists():
            mark: dict[str, object] = json.loads(self.mark.read_text(encoding="utf-8"))
            return mark
        return {}

    def clear(self) -> None:
        """Delete an earlier demonstration; refuse any other database."""
        if self.database.exists() and not self.mark.exists():
            raise RefusedError(
                f"{self.path} 里的数据库不是演示数据，不会覆盖。请用 CRM_DATA 指定其他文件夹。"
            )
        # with the files that SQLite keeps beside the database
        for file in self.path.glob(f"{self.database.name}*"):
            file.unlink()

    def remember(self, **mark: object) -> None:
        """Write the mark."""
        self.mark.write_text(json.dumps(mark), encoding="utf-8")


@click.command()
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The date of the demonstration; today when left out.",
)
@click.option("--no-serve", is_flag=True, help="Make the data without serving it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=serve.PORTS, help=f"Port to listen on; {PORT}, or a free one, when left out."
)
def demo(as_of: datetime | None, host: str, port: int | None, *, no_serve: bool) -> None:
    """Make a demonstration zone in its own data folder (CRM_DATA or ./demo-data), and serve it."""
    folder = Folder(Path(os.environ.get("CRM_DATA") or "demo-data").resolve())
    port = port or _free_port(host)
    _use(folder, f"http://{host}:{port}")
    now = clock.now()
    today = clock.civil_date(now)
    day = as_of.date() if as_of else today
    wanted = {"day": day.isoformat(), "seeds": _fingerprint(), "is_whole": True}

    if folder.made_for() == wanted:
        click.echo(f"演示数据（{day}）已在 {folder.path}，直接使用。")
    else:
        _make(folder, day, until=now if day == today else clock.at_civil(day + timedelta(days=1)))
        folder.remember(**wanted)

    _print_accounts(folder, base.settings().base_url)

    if not no_serve:
        with base.sessions() as sessions:
            clock_check.trust(sessions)  # an old demonstration may be started again later
            database.engine.dispose()  # a connection must not live through the fork
        serve.run(host, port)


def _use(folder: Folder, address: str) -> None:
    """Point this process at the demonstration's database and key before settings are read."""
    os.environ |= {
        "CRM_DATA": str(folder.path),
        "CRM_DATABASE_URL": "",
        "CRM_FILES": "",
        "CRM_SECRET_KEY": folder.secret_key(),
        "CRM_BASE_URL": os.environ.get("CRM_BASE_URL") or address,
    }


def _make(folder: Folder, day: date, *, until: datetime) -> None:
    click.echo(f"正在生成演示开发区（{day}，约需半分钟）……")
    if folder.made_for():
        click.echo("原有演示数据日期不同或版本较旧，将被替换；演示文件夹可随时删除。")
    folder.clear()
    # Marked before it is made, so that one that was interrupted may be replaced.
    folder.remember(day=day.isoformat(), is_whole=False)
    with base.sessions() as sessions:
        _log_only_errors()
        scenario = build(sessions, day)
        summaries = _replay(sessions, scenario, until)
    if any(summary.is_incomplete for summary in summaries.values()):
        raise RefusedError("演示数据的定时任务未全部完成，原因见以上日志。")


def _replay(
    sessions: sessionmaker[Session], scenario: Scenario, until: datetime
) -> dict[str, JobSummary]:
    """Run the clock up to that moment, with the edits made in between."""
    runner = Runner(sessions, base.site(), is_alone=True)
    for moment, call in sorted(correction_calls(scenario.corrections), key=itemgetter(0)):
        runner.run_until(moment, to_mailbox=True)
        with transaction(sessions) as db:
            call(db)
    return runner.run_until(until, to_mailbox=True)


def _close_past_periods(runner: Runner, until: datetime) -> None:
    """Assess and freeze everything due by then; skip the slots of the other jobs."""
    closing = [job for job in runner.jobs if job.name in CLOSING]
    # Freezes without the reminders: these would be mails of many months ago.
    quiet = {**HANDLERS, JobName.FREEZE: lambda db, slot, _timing, _site: freeze_figures(db, slot)}
    replace(runner, jobs=closing, handlers=quiet).run_until(until, to_mailbox=True)

    others = [job for job in runner.jobs if job.name not in CLOSING]
    with transaction(runner.sessions) as db:
        calendar = working_calendar(db)
        ledger.skip_before(db, others, calendar, until=until, reason=SKIP_REASON)


def build(sessions: sessionmaker[Session], day: date) -> Scenario:
    """Make the demonstration of that day in an empty database, closed up to its last 31 days."""
    # There is no calendar table yet; whole months need none.
    begins_on = RelativeDates(day, WorkingCalendar()).months_before(SETTLED_MONTHS)
    install(sessions, clock_from=clock.at_civil(begins_on, MORNING))
    with transaction(sessions) as db:
        scenario = write_scenario(db, day, store_at(base.settings().files_place), base.site())
    lived_from = clock.at_civil(day - timedelta(days=LIVED_DAYS), MORNING)
    _close_past_periods(Runner(sessions, base.site(), is_alone=True), lived_from)
    return scenario


def write_scenario(db: Session, day: date, store: FileStore, site: Site) -> Scenario:
    """Write the scenario of that day into a database that holds only the seeds."""
    scenario = build_scenario(Files.read(), RelativeDates(day, working_calendar(db)))
    begin_recognition(db, day)
    # a password that is meant to be known
    hashed = hash_password("", PASSWORD, rules=PasswordRules(bars_common=False))
    ScenarioWriter(db, scenario, hashed, store, site).write()
    # as for the clock's own mails of those days: none of them goes out by SMTP
    for moment in db.scalars(select(Message.made_at).distinct()).all():
        leave_in_mailbox(db, now=moment, made_at=moment)
    return scenario


def _log_only_errors() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("error"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _print_accounts(folder: Folder, address: str) -> None:
    files = Files.read()
    names = {row.username: row.name for row in files.people}
    click.echo(f"\n地址：{address}\n演示账号（密码都是 {PASSWORD}）：")
    for role, username, remark in ACCOUNTS:
        click.echo(f"  {role.label}\t{username}\t{names[username]}（{remark}）")
    click.echo(
        "命令行里查看这份数据："
        f"export CRM_DATA={folder.path} CRM_SECRET_KEY=$(cat {folder.path / 'secret-key'})\n"
    )


def _fingerprint() -> str:
    """A hash of everything the demonstration is made from; a change makes a new one."""
    made_from = [SEEDS, MIGRATIONS, Path(__file__).parents[1] / "demo"]
    digest = hashlib.sha256()
    for folder in made_from:
        for file in sorted(folder.rglob("*.*")):
            if file.suffix in (".py", ".yaml", ".csv"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _free_port(host: str) -> int:
    """The usual port, or any free one where it is taken."""
    # 0 lets the system choose
    for port in (PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise RefusedError(f"{host} 上没有可用的端口。")
