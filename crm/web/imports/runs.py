"""My imports in a list, each with what came of it and whether it can be taken back."""

from collections.abc import Iterable
from datetime import datetime

from flask import url_for

from crm.base.clock import civil, civil_date
from crm.base.formatting import dated
from crm.base.value_class import value_class
from crm.imports.models import ImportRun
from crm.imports.rules import LISTS, MOST_ATTEMPTS, RunState, may_undo

ASK = "仍不成功请联系系统管理员。"
LISTINGS = {
    "visits": "visits.listing",
    "leads": "leads.listing",
    "companies": "companies.listing",
    "contacts": "companies.listing",
    "followups": "followups.listing",
    "units": "units.listing",
    "people": "people.listing",
    "absences": "absences.listing",
    "receipts": "receipts.listing",
}


@value_class
class RunRow:
    """One of my imports."""

    url: str
    name: str
    when: str
    text: str


def run_rows(runs: Iterable[ImportRun], now: datetime) -> list[RunRow]:
    """My imports as rows."""
    return [
        RunRow(
            url_for("tables.show", run_id=run.id),
            f"{LISTS[run.kind]} · {run.file_name or '未命名文件'}",
            dated(civil_date(run.made_at), civil_date(now)),
            _outcome(run) + ("，可撤销" if can_undo(run, now) else ""),
        )
        for run in runs
    ]


def can_undo(run: ImportRun, now: datetime) -> bool:
    """Whether there is something to be taken back, and time for it."""
    is_done = run.state is RunState.DONE and may_undo(run.finished_at, now)
    return is_done and bool(run.added or run.changed)


def failure_text(run: ImportRun) -> str:
    """Why the import stands still or was given up by the clock, and what comes next."""
    if run.failure is None:
        return ""
    why, tried = run.failure.label, f"已尝试 {run.attempts} 次"
    if run.state is RunState.PREVIEW:
        return f"上次导入未能完成（{why}），未导入任何内容。可再次导入；{ASK}"
    if run.state is RunState.COLUMNS:
        return f"上次检查未能完成（{why}）。可再次检查；{ASK}"
    if not run.state.is_at_work:
        return ""

    again = "稍后再试"
    if run.leased_until:
        again = f"{civil(run.leased_until):%H:%M} 后再试"
    if run.state is RunState.CHECKING:
        end = f"连续 {MOST_ATTEMPTS} 次未成功则停止检查。"
    elif run.state is RunState.IMPORTING and run.published_at is None:
        end = f"连续 {MOST_ATTEMPTS} 次未成功则停止导入，已处理的行全部清除。"
    else:
        end = ASK
    return f"处理未能继续（{why}），{tried}，{again}；{end}"


def _outcome(run: ImportRun) -> str:
    if run.state is RunState.DONE:
        changed = f"、修改 {run.changed} 条" if run.changed else ""
        return f"新增 {run.added} 条{changed}"
    if run.state is RunState.UNDONE and run.finished_at is None:
        return "已放弃，未导入"
    if run.state is RunState.UNDONE:
        return f"已撤销 {run.undone} 条"
    return run.state.label + (f"（{run.failure.label}）" if run.failure else "")
