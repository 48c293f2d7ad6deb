"""The pages of the clock's jobs: what they did, preview, run now, pause."""

import re
from html import unescape

import pytest
from sqlalchemy import select
from time_machine import travel

from crm.base.audit_entries import AuditEntry
from crm.base.paging import PAGE
from crm.base.periods import DAY
from crm.jobs import ledger
from crm.jobs.models import JobPause, JobRun, RunState
from crm.jobs.timetable import JOBS, JobName
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from crm.people.rules import Duty, Role
from crm.web.admin.job_labels import WHAT_FOR, when
from tests.counting import statements_of
from tests.factories import (
    PRINCIPAL,
    arranged,
    make_lead,
    make_person,
    make_role,
    make_rule,
    make_unit,
    sign_in,
)
from tests.jobs.work import at

LIST = "/admin/clock"
WEEKLY = f"{LIST}/weekly-digest"
DUE = at("2026-07-20T07:35")


@pytest.fixture
def root(app, moment):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        make_rule(db, PRINCIPAL)
        make_person(db, "li", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=make_unit(db))
        ledger.install(db, clock_from=at("2026-07-14T00:00"), now=moment)
    return sign_in(app, "root")


def states(app):
    with arranged(app) as db:
        runs = db.scalars(select(JobRun).where(JobRun.job == "weekly-digest"))
        return [(run.slot, run.state.value) for run in runs]


def test_each_job_says_what_it_is_for_and_when_it_is_due(root):
    page = root.get(LIST).text

    assert "汇总上周达标情况和本周计划" in page
    assert "每周结束后的首个工作日 07:30" in page
    assert "2026年第29周，7月20日 07:30" in page
    assert "暂无执行记录" in page


def test_a_job_shows_its_runs_and_what_they_made(root, app):
    with travel(DUE, tick=False):
        root.post(f"{WEEKLY}/run")
        page = root.get(WEEKLY).text

    assert "2026年第29周" in page
    assert "生成 1 封" in page
    assert "已完成" in page


@pytest.fixture
def year_of_runs(app, root):
    with arranged(app) as db:
        for n in range(1, PAGE + 2):
            due_at = DUE - n * DAY
            slot = {"job": "nudge", "slot": f"{due_at:%Y-%m-%d}", "due_at": due_at}
            made = {"state": RunState.DONE, "finished_at": due_at, "attempts": 1}
            db.add(JobRun(**slot, **made))


@pytest.mark.parametrize("asked", ["", "?endpoint=a&_scheme=javascript&_external=1"])
def test_a_job_with_many_runs_leads_on_to_the_earlier_ones(root, year_of_runs, asked):
    page = root.get(f"{LIST}/nudge{asked}").text

    (older,) = re.findall(rf'href="({LIST}/nudge\?[^"]*at=o_[^"]*)"', page)
    assert "2026年6月18日" in root.get(unescape(older)).text


MOST_QUERIES = 12


def runs_of(db, days):
    """A run of every job on each of so many days."""
    for job in dict.fromkeys(job.name for job in JOBS):
        for n in range(1, days + 1):
            due_at = DUE - n * DAY
            slot = {"job": job, "slot": f"{due_at:%Y-%m-%d}", "due_at": due_at}
            db.add(JobRun(**slot, state=RunState.DONE, finished_at=due_at, attempts=1))


@pytest.mark.parametrize("path", [LIST, WEEKLY])
def test_the_pages_cost_a_fixed_number_of_queries(root, app, path):
    with statements_of(app) as empty:
        root.get(path)
    with arranged(app) as db:
        runs_of(db, PAGE + 1)
        by_id = db.scalars(select(Person.id).filter_by(username="root")).one()
        for job in dict.fromkeys(job.name for job in JOBS):
            db.add(JobPause(job=job, paused_at=DUE, by_id=by_id, why="核对名单"))

    with statements_of(app) as filled:
        assert "已暂停" in root.get(path).text

    assert len(filled) == len(empty) <= MOST_QUERIES, "\n\n".join(filled)


def test_each_job_shows_its_latest_run(root, app):
    with arranged(app) as db:
        runs_of(db, 3)

    page = root.get(LIST).text

    assert page.count("2026年7月18日 <") == len(WHAT_FOR)
    assert "2026年7月17日" not in page


def test_a_preview_shows_mails_and_keeps_nothing(root, app):
    page = root.get(f"{WEEKLY}/preview").text

    assert "生成 1 封" in page
    assert "招商周报" in page
    assert states(app) == []


def test_a_preview_hides_what_may_tell_of_leads_that_are_not_the_admins(root, app):
    with arranged(app) as db:
        li = make_person(db, "chen", name="陈某", role=Role.LEADER, duty=Duty.PRINCIPAL)
        lead = make_lead(db, "机密项目", secrecy=Secrecy.RESTRICTED, code_name="春晓")
        make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=li)

    page = root.get(f"{WEEKLY}/preview").text

    assert "陈某：周报" in page
    assert "可能涉及您不在知悉范围内的线索" in page
    assert "机密" not in page


def test_run_now_does_what_is_due(root, app):
    with travel(DUE, tick=False):
        before = root.get(WEEKLY).text
        result = root.post(f"{WEEKLY}/run", follow_redirects=True).text
        trail = root.get("/admin/audit").text

    assert "立即执行</button>" in before
    assert "周报（2026年第29周）完成：" in result
    assert states(app) == [("2026-W29", "done")]
    with arranged(app) as db:
        entry = db.scalars(select(AuditEntry).filter_by(action="job.run_by_hand")).one()
        assert entry.by_id is not None
    assert "手工执行定时任务" in trail


def test_before_its_time_nothing_is_run(root, app):
    result = root.post(f"{WEEKLY}/run", follow_redirects=True).text

    assert "暂无到期未执行的任务" in result
    assert states(app) == []


def test_a_job_is_paused_and_resumed(root, app):
    paused = root.post(f"{WEEKLY}/pause", data={"why": "核对名单"}, follow_redirects=True).text
    my_day = root.get("/").text
    resumed = root.post(f"{WEEKLY}/resume", follow_redirects=True).text

    assert "已暂停：核对名单（root同志" in paused
    assert "已暂停的定时任务：周报" in my_day
    assert "已恢复：周报" in resumed
    assert "已暂停的定时任务" not in root.get("/").text


def test_what_rests_on_a_paused_job_says_that_it_waits(root):
    root.post(f"{LIST}/freeze/pause", data={"why": "核对名单"})

    assert "等“定稿”恢复" in root.get(LIST).text
    assert "“定稿”已暂停，本任务待其恢复后执行。" in root.get(f"{LIST}/settled-figures").text


def test_a_pause_without_a_reason_is_told_at_its_field(root):
    answer = root.post(f"{WEEKLY}/pause", data={"why": " "})

    assert (answer.status_code, "请填写暂停原因。" in answer.text) == (422, True)


def test_a_job_that_is_not_there_is_not_found(root):
    assert root.get(f"{LIST}/nothing").status_code == 404


def test_before_the_installation_a_page_says_what_to_do(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)

    page = sign_in(app, "root").get(LIST)

    assert (page.status_code, "crm init" in page.text) == (200, True)


@pytest.mark.parametrize("path", [LIST, WEEKLY, f"{WEEKLY}/preview"])
def test_others_do_not_know_of_it(app, root, path):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.SUPERVISOR)

    assert sign_in(app, "boss").get(path).status_code == 404
    assert sign_in(app, "boss").post(f"{WEEKLY}/pause", data={"why": "x"}).status_code == 404


def test_it_asks_to_sign_in(client):
    assert client.get(LIST).headers["Location"].startswith("/login")


@pytest.mark.parametrize("name", dict.fromkeys(JobName(job.name) for job in JOBS))
def test_every_job_has_its_words(name):
    assert WHAT_FOR[name]
    assert "0" in when([job for job in JOBS if job.name == name])
