"""My imports in a list, each with what came of it and whether it can be taken back."""

from collections.abc import Iterable
from datetime import datetime

from flask import url_for

from crm.base.clock import civil_date
from crm.base.formatting import dated
from crm.base.value_class import value_class
from crm.imports.models import ImportRun
from crm.imports.rules import LISTS, RunState, may_undo

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


def _outcome(run: ImportRun) -> str:
    if run.state is RunState.DONE:
        changed = f"、修改 {run.changed} 条" if run.changed else ""
        return f"新增 {run.added} 条{changed}"
    if run.state is RunState.UNDONE:
        return f"已撤销 {run.undone} 条"
    return run.state.label
