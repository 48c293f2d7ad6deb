"""The health checks that read the tables: clock, slots, outbox, imports, addresses, calendar."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.addresses import BadAddressError, normalize_address
from crm.base.clock import civil, civil_date
from crm.base.outbox import Message
from crm.base.periods import Period, PeriodKind
from crm.base.workdays import Source, WorkingCalendar
from crm.imports.models import ImportRun
from crm.imports.queries import failing_runs
from crm.imports.rules import LISTS, MOST_ATTEMPTS
from crm.jobs import clock_check, health, lease, ledger
from crm.jobs.health import Health
from crm.jobs.pausing import pauses
from crm.jobs.timetable import JOBS, JobName
from crm.people.models import Person
from crm.people.queries import active_at
from crm.quotas.queries import working_calendar

ANNOUNCED_BY = 12  # the month before which the next year's arrangement is published
MOST_NAMED = 3

Result = tuple[Health, str]


def _clock(db: Session, now: datetime) -> Result:
    if doubt := clock_check.find_doubt(db, now=now):
        return Health.FAIL, f"{doubt.reason.label}（相差 {formatting.duration(doubt.off)}）"

    pulse = health.pulse(db, now=now)
    if pulse.silent_for is None:
        return Health.FAIL, "定时任务尚未初始化，请运行 crm init"
    ago = formatting.duration(pulse.silent_for)
    last = f"最近一次运行在 {ago}前" if pulse.has_ticked else f"安装 {ago}以来尚未运行"
    advice = "" if pulse.health is Health.OK else "；请启动 crm serve 或 crm clock"
    return pulse.health, last + advice


def _lease(db: Session, _now: datetime) -> Result:
    if holder := lease.holder_of(db):
        return Health.OK, f"由 {holder} 执行定时任务"
    # no failure: for a moment nobody holds it when one process takes over from another
    return Health.WARN, "当前没有进程执行定时任务；请启动 crm serve 或 crm clock"


def _slots(db: Session, now: datetime) -> Result:
    if ledger.installed_at(db) is None:
        return Health.FAIL, "定时任务尚未初始化，请运行 crm init"

    failed = [
        f"{JobName(run.job).label} {run.slot} 已失败 {run.attempts} 次（{run.reason}）"
        for run in ledger.failures(db, JOBS)
    ]
    if late := health.overdue(db, now=now):
        first = f"{JobName(late[0].job.name).label} {late[0].name}"
        overdue = f"{len(late)} 项到时未执行，最早的是 {first}，应于 {_minute(late[0].due_at)}"
        return Health.FAIL, "；".join([overdue, *failed, "请查看 crm clock show 和日志"])

    paused = [
        f"{JobName(name).label}已暂停（{pause.why}），恢复用 crm clock resume {name}"
        for name, pause in pauses(db).items()
    ]
    if failed or paused:
        retried = ["稍后自动重试，原因见日志"] if failed else []
        return Health.WARN, "；".join([*failed, *retried, *paused])

    return Health.OK, _last_done(db)


def _last_done(db: Session) -> str:
    runs = [run for job in JOBS if (run := ledger.last_run(db, job)) is not None]
    done = [run for run in runs if run.state not in ledger.UNFINISHED]
    if not done:
        return "没有到时未执行的任务"
    last = max(done, key=lambda run: run.due_at)
    return f"没有到时未执行的任务，最近完成的是 {JobName(last.job).label} {last.slot}"


def _outbox(db: Session, now: datetime) -> Result:
    """What the outbox holds; for failed and deferred messages also the recipient and the reason."""
    backlog = health.backlog(db, now=now)
    facts = "，".join(
        f"{state.label} {pile.count} 封（最早 {formatting.duration(pile.oldest)}前）"
        for state, pile in backlog.piles.items()
        if pile.oldest is not None
    )
    advice = []
    if backlog.oldest and backlog.oldest > health.SLOW:
        advice.append("邮件久未发出，请检查 CRM_MAIL、邮件服务器，以及 crm serve 或 crm deliver")

    if backlog.for_a_person:
        advice += _failed(db)
        advice.append("用 crm outbox list 查看，用 crm outbox retry 或 crm outbox send 重新发送")

    return backlog.health, "；".join([facts or "没有待发邮件", *advice])


def _imports(db: Session, now: datetime) -> Result:
    """Imports of tables that fail again and again, and those that were given up for it."""
    runs = failing_runs(db, now)
    if not runs:
        return Health.OK, "没有反复失败的导入"

    facts = [
        f"{_minute(run.made_at)} {run.made_by.name if run.made_by else '命令行'}"
        f"的{LISTS[run.kind]}表格{_tried(run)}"
        for run in runs
    ]
    advice = ["原因见日志 import.failed"]
    if any(run.batch_id and not run.published_at for run in runs):
        advice.append(
            "其他拜访表格、crm import visits 和清除联系人信息须等它结束，导入人可在“我的导入”中放弃"
        )
    is_stuck = any(run.attempts > MOST_ATTEMPTS for run in runs)
    return Health.FAIL if is_stuck else Health.WARN, "；".join([*facts, *advice])


def _tried(run: ImportRun) -> str:
    why = run.failure.label if run.failure else ""
    if not run.state.is_at_work:
        return f"已停止（{why}），待其再次导入或放弃"
    return f"已尝试 {run.attempts} 次（{why}），自动重试中"


def _delivery(db: Session, _now: datetime) -> Result:
    if why := health.why_held(db):
        return Health.WARN, f"发信已暂停：{why}；核对后用 crm outbox release 恢复"
    return Health.OK, "发信未暂停"


def _failed(db: Session) -> list[str]:
    """The latest messages that wait for a person, each with its reason."""
    query = (
        select(Message.recipient, Message.note)
        .where(Message.state.in_(health.FOR_A_PERSON), Message.note.is_not(None))
        .order_by(Message.id.desc())
    )
    latest = db.execute(query.limit(MOST_NAMED)).all()
    return [f"{recipient}：{(note or '').splitlines()[-1]}" for recipient, note in latest if note]


def _addresses(db: Session, now: datetime) -> Result:
    """Whether all addresses are valid: some were entered before addresses were checked."""
    query = select(Person.username, Person.email).where(
        Person.email.is_not(None), Person.email != "", active_at(now)
    )
    bad = [f"{name}（{email}）" for name, email in db.execute(query) if not _is_good(email or "")]
    if not bad:
        return Health.OK, "人员的邮箱地址都可用"
    return Health.WARN, f"{_listed(bad)} 的邮箱地址不可用，邮件发不到，请在人员页面改正"


def _is_good(email: str) -> bool:
    try:
        normalize_address(email)
    except BadAddressError:
        return False
    return True


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" 等 {len(names)} 人" if len(names) > MOST_NAMED else ""
    return "、".join(names[:MOST_NAMED]) + more


def _calendar(db: Session, now: datetime) -> Result:
    calendar, today = working_calendar(db), civil_date(now)
    this_year = Period.holding(PeriodKind.YEAR, today)
    facts = "，".join(_sources(calendar, year) for year in (this_year, this_year.after))
    # An estimate of next year is no fault before its arrangement can be known.
    wanted = [this_year, this_year.after] if today.month >= ANNOUNCED_BY else [this_year]
    if any(calendar.is_estimated(year) for year in wanted):
        return (
            Health.WARN,
            f"{facts}；放假安排公布后请用 crm import calendar 导入，在此之前按推算执行",
        )
    return Health.OK, facts


def _sources(calendar: WorkingCalendar, year: Period) -> str:
    """Where the year's days come from, with the number of days changed by hand."""
    sources = [calendar.on(day).source for day in year.dates]
    labels = [source.label for source in Source if source in sources]
    changed = sources.count(Source.OVERRIDE)
    return f"{year} 年：{'、'.join(labels)}" + (f"（手工 {changed} 天）" if changed else "")


def _minute(at: datetime) -> str:
    return f"{civil(at):%Y-%m-%d %H:%M}"


CHECKS: Mapping[str, Callable[[Session, datetime], Result]] = {
    "clock": _clock,
    "lease": _lease,
    "slots": _slots,
    "outbox": _outbox,
    "delivery": _delivery,
    "imports": _imports,
    "addresses": _addresses,
    "calendar": _calendar,
}
