"""`crm init` and `crm demo`, as they are called."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from crm.app import create_app
from crm.base.clock import at_civil
from crm.people.permissions import viewer
from crm.people.queries import by_username
from crm.quotas.models import Correction
from crm.supervision.assignees import waiting_for
from crm.supervision.workflow import Wait
from tests.databases import settings_for
from tests.seeds import report_figures
from tests.seeds.written import everything_is_there

SECRET = "0" * 40


def crm(folder, *words):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return subprocess.run(
        [sys.executable, "-m", "crm.cli", *words],
        env=clean | {"CRM_DATA": str(folder), "CRM_SECRET_KEY": SECRET},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,  # a demonstration takes half a minute of processor time
    )


def test_init_twice_plants_once_and_keeps_where_the_clock_begins(tmp_path, fork):
    own = {"CRM_DATA": str(tmp_path), "CRM_SECRET_KEY": SECRET}

    first = fork("init", "--clock-from", "2026-07-01T08:00", **own).end()
    again = fork("init", **own).end()

    assert (first.status, again.status) == (0, 0), first.stderr + again.stderr
    assert "新增考核规则 3 条" in first.stdout
    assert "新增考核规则 0 条、单位 0 个" in again.stdout
    assert "2026-07-01 08:00" in again.stdout


def test_of_two_installations_at_once_the_second_waits_and_finds_everything(
    empty_database_url, fork
):
    own = {"CRM_DATABASE_URL": empty_database_url, "CRM_SECRET_KEY": SECRET}

    both = [fork("init", **own) for _ in range(2)]

    ends = [process.end() for process in both]
    assert [ended.status for ended in ends] == [0, 0], ends
    planted = sorted("新增考核规则 3 条" in ended.stdout for ended in ends)
    assert planted == [False, True]


def test_a_demonstration_is_made_once_and_then_used(tmp_path, fork):
    own = {"CRM_DATA": str(tmp_path), "CRM_SECRET_KEY": SECRET}

    made = crm(tmp_path, "demo", "--as-of", "2026-11-18", "--no-serve")
    again = fork("demo", "--as-of", "2026-11-18", "--no-serve", **own).end()
    listed = fork("outbox", "list", "--format", "json", **own).end()

    assert (made.returncode, again.status) == (0, 0), made.stderr + again.stderr
    assert "正在生成" in made.stdout
    assert "直接使用" in again.stdout
    assert "shenruochuan" in again.stdout
    assert {each["kind"] for each in json.loads(listed.stdout)} == {
        "assistance",
        "claim",
        "company-proposal",
        "weekly-digest",
        "monthly-digest",
        "morning-brief",
        "ten-day-supervision",
        "nudge",
        "reminder",
        "supervision-order",
    }
    url = f"sqlite:///{tmp_path}/crm.sqlite3"
    with Session(create_engine(url)) as db:
        everything_is_there(db)
        a_draft_and_a_correction_wait(db, date(2026, 11, 18))
        db.get_bind().dispose()
    the_report_s_figures_are_equal_wherever_they_are_told(url, date(2026, 11, 18))


def a_draft_and_a_correction_wait(db, day):
    """What the clock drafted of periods missed, and what was set right in one that is frozen."""
    now = at_civil(day) + timedelta(hours=10)
    # of a principal's weeks only the inspecting unit hears (REGIME 2)
    drafts = {
        (username, o.order.earlier_period, o.order.period)
        for username in ("chiminglang", "wusiqi")
        for o in waiting_for(db, viewer(db, by_username(db, username), day), now)
        if o.wait is Wait.ISSUE and o.order.period
    }
    signed = [one.signed_at is not None for one in db.scalars(select(Correction))]

    assert {
        ("chiminglang", "2026-09", "2026-10"),
        ("wusiqi", "2026-W44", "2026-W45"),
    } <= drafts
    assert not {each for each in drafts if each[0] == "chiminglang" and "W" in each[2]}
    assert {False, True} <= set(signed)


def the_report_s_figures_are_equal_wherever_they_are_told(url, day):
    """13 projects of 20, 18 in hand with 671亿元: on the page, in the mail sent, in both files."""
    with time_machine.travel(at_civil(day) + timedelta(hours=23), tick=False):
        app = create_app(settings_for(url))
        told = {
            "page": report_figures.on_the_page(app),
            "mail": report_figures.in_the_mail(app),
            "csv": report_figures.in_the_file(app, ".csv"),
            "xlsx": report_figures.in_the_file(app, ".xlsx"),
        }

    assert told == dict.fromkeys(told, report_figures.REPORTED)


@pytest.mark.slow
def test_a_demonstration_of_another_day_is_made_anew(tmp_path):
    crm(tmp_path, "demo", "--as-of", "2026-11-18", "--no-serve")

    anew = crm(tmp_path, "demo", "--as-of", "2026-03-31", "--no-serve")

    assert anew.returncode == 0, anew.stderr
    assert "将被替换" in anew.stdout


def test_a_database_that_is_no_demonstration_is_never_replaced(tmp_path, fork):
    database = tmp_path / "crm.sqlite3"
    database.write_bytes(b"somebody's data")

    result = fork("demo", "--no-serve", CRM_DATA=str(tmp_path), CRM_SECRET_KEY=SECRET).refused()

    assert "不会覆盖" in result
    assert database.read_bytes() == b"somebody's data"
