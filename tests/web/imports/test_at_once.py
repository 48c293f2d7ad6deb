"""Buttons of one import pressed in two tabs at the same moment: one of them counts."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.imports.models import ImportMade, ImportRun
from crm.imports.rules import Failure, RunState
from crm.visits.models import Visit
from crm.visits.rules import Status
from tests.conflicts import before_first_write
from tests.conftest import NOW
from tests.factories import arranged, sign_in
from tests.web.imports.test_tables import apply, previewed, wu
from tests.web.test_at_once import in_thread

__all__ = ["wu"]
ROWS = [
    ("7月3日", "沈若川", "云海科技", "上海", ""),
    ("7月6日", "沈若川", "沧海", "上海", ""),
]
MOVED_ON = "该导入已在另一次操作中处理"


def pressed_twice(app, address, button, other=None):
    """Press the button where another is pressed between its checks and its first write."""
    tabs = [sign_in(app, "wu") for _ in range(2)]
    data = {"rows": "all"}
    with before_first_write(
        app, lambda: in_thread(tabs[1].post, f"{address}/{other or button}", data=data)
    ):
        tabs[0].post(f"{address}/{button}", data=data)
    return [tab.get(address).text for tab in tabs]


def counted(app, table, **by):
    with arranged(app) as db:
        return db.scalar(select(func.count()).select_from(table).filter_by(**by))


def run_of(app):
    with arranged(app) as db:
        return db.scalars(select(ImportRun)).one()


def test_an_import_confirmed_twice_at_once_is_made_once(app, wu):
    address, _ = previewed(wu, *ROWS)

    late, first = pressed_twice(app, address, "apply")

    assert (MOVED_ON in late, MOVED_ON in first) == (True, False)
    assert "2 条" in late
    assert (counted(app, Visit), counted(app, ImportMade)) == (2, 2)
    assert counted(app, AuditEntry, action="person.imported") == 1


def test_a_long_import_confirmed_twice_at_once_is_left_to_the_clock_once(app, wu, monkeypatch):
    address, _ = previewed(wu, *ROWS)
    monkeypatch.setattr("crm.imports.service.MOST_AT_ONCE", 1)

    late, first = pressed_twice(app, address, "apply")

    assert (MOVED_ON in late, MOVED_ON in first) == (True, False)
    assert run_of(app).state is RunState.IMPORTING


@pytest.mark.parametrize("button", ["change", "people", "discard"])
def test_an_import_that_is_being_made_is_neither_changed_nor_forgotten(
    app, wu, monkeypatch, button
):
    address, _ = previewed(wu, *ROWS)
    monkeypatch.setattr("crm.imports.service.MOST_AT_ONCE", 1)

    pressed_twice(app, address, button, other="apply")

    assert run_of(app).state is RunState.IMPORTING


def test_an_import_taken_back_twice_at_once_is_taken_back_once(app, wu):
    address, _ = previewed(wu, *ROWS)
    wu.post(f"{address}/apply", data={"rows": "all"})

    pressed_twice(app, address, "undo")

    assert (run_of(app).undone, counted(app, Visit, status=Status.CANCELLED)) == (2, 2)
    assert counted(app, AuditEntry, action="visit.undone") == 2


def test_an_import_is_given_up_while_it_waits_for_the_clock(app, wu, monkeypatch):
    address, _ = previewed(wu, *ROWS)
    monkeypatch.setattr("crm.imports.service.MOST_AT_ONCE", 1)
    working = apply(wu, address).text

    given_up = wu.post(f"{address}/undo", follow_redirects=True).text

    assert "放弃本次导入" in working
    assert ("已放弃" in given_up, "未导入任何内容" in given_up) == (True, True)
    assert "已放弃，未导入" in wu.get("/import").text
    assert counted(app, Visit) == 0


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (RunState.IMPORTING, "处理未能继续（程序出错），已尝试 2 次，08:30 后再试；连续 5 次"),
        (RunState.PREVIEW, "上次导入未能完成（程序出错），未导入任何内容。"),
        (RunState.COLUMNS, "上次检查未能完成（程序出错）。"),
    ],
)
def test_an_import_that_stands_still_says_why_and_what_comes_next(app, wu, state, reason):
    address, _ = previewed(wu, *ROWS)
    with arranged(app) as db:
        run = db.scalars(select(ImportRun)).one()
        run.state, run.attempts, run.failure = state, 2, Failure.FAULT
        run.leased_until = at_civil(NOW.date()) + timedelta(hours=8, minutes=30)

    assert reason in wu.get(address).text
