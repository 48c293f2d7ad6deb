"""Jobs by hand: previews keep nothing, manual runs do what is due, pauses lose nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.base.outbox import Message
from crm.jobs import health, ledger
from crm.jobs.manual_runs import next_slot, preview, run_now
from crm.jobs.models import JobPause, JobRun, RunState
from crm.jobs.pausing import pause_job, resume_job
from crm.jobs.runner import Runner, SlotOutcome
from crm.jobs.timetable import JOBS, JobName, Timing
from crm.people.rules import Duty, Role
from crm.transactions import transaction
from tests.factories import PRINCIPAL, make_person, make_rule, make_unit
from tests.jobs.work import SITE, at, fail, install, keys, runner_of

BEFORE, AFTER = at("2026-07-20T07:00"), at("2026-07-20T07:35")  # W29's digest is due at 07:30
WEEKLY = JobName.WEEKLY_DIGEST


@pytest.fixture
def zone(sessions):
    install(sessions, "2026-07-14T00:00", "li", "wang")
    return sessions


def runs(sessions):
    with sessions() as db:
        installed = JobRun.job != "install"
        found = db.scalars(select(JobRun).where(installed).order_by(JobRun.due_at))
        return [(run.job, run.slot, run.state) for run in found]


def pause(sessions, now=BEFORE, **given):
    with transaction(sessions) as db:
        pause_job(db, **{"job": WEEKLY, "why": "核对名单", "by": None, "now": now} | given)


def resume(sessions, now):
    with transaction(sessions) as db:
        resume_job(db, job=WEEKLY, by=None, now=now)


def test_a_preview_tells_what_would_be_made_and_keeps_nothing(zone):
    found = preview(runner_of(zone), WEEKLY, now=BEFORE)

    assert (found.slot.name, found.made) == ("2026-W29", {"messages": 2})
    assert [each.subject for each in found.mails] == ["周报 2026-W29"] * 2
    assert {each.name for each in found.mails} == {"li同志", "wang同志"}
    assert (keys(zone), runs(zone)) == ([], [])


def test_a_preview_of_a_slot_that_is_too_late_says_so(zone):
    runner = runner_of(zone)

    found = preview(runner, JobName.NUDGE, now=at("2026-07-14T19:00"))

    assert (found.slot.name, found.timing, found.mails) == ("2026-07-14", Timing.SKIPPED, [])


def test_a_preview_of_a_failing_job_shows_the_error(zone):
    found = preview(runner_of(zone, weekly_digest=fail), WEEKLY, now=BEFORE)

    assert found.error == "RuntimeError: 编排出错"
    assert keys(zone) == []


@pytest.mark.parametrize("name", dict.fromkeys(JobName(job.name) for job in JOBS))
def test_every_job_can_be_previewed_and_leaves_no_trace(sessions, name):
    with transaction(sessions) as db:
        make_rule(db, PRINCIPAL)
        make_person(db, "li", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=make_unit(db))
    install(sessions, "2026-06-30T13:00")

    def rows():
        with sessions() as db:
            tables = (Message, JobRun, AuditEntry)
            return [db.scalar(select(func.count()).select_from(table)) for table in tables]

    before = rows()
    found = preview(Runner(sessions, SITE), name, now=at("2026-07-01T09:00"))

    assert found.error == ""
    assert rows() == before


def test_run_now_does_the_earliest_slot_that_is_due(zone):
    runner = runner_of(zone)
    with zone() as db:
        slot = next_slot(db, runner.jobs_named(WEEKLY))

    done = run_now(runner, WEEKLY, by=None, now=AFTER)

    assert (done.slot.name, done.outcome, done.made) == (
        slot.name,
        SlotOutcome.DONE,
        {"messages": 2},
    )
    assert len(keys(zone)) == 2


def test_run_now_leaves_an_entry_with_the_slot(zone):
    run_now(runner_of(zone), WEEKLY, by=None, now=AFTER)

    with zone() as db:
        entry = db.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.at) == ("job.run_by_hand", AFTER)
        assert entry.after == '{"job": "weekly-digest", "slot": "2026-W29"}'


def test_run_now_twice_runs_once(zone):
    run_now(runner_of(zone), WEEKLY, by=None, now=AFTER)

    with pytest.raises(Refused, match="nothing_due"):
        run_now(runner_of(zone), WEEKLY, by=None, now=AFTER)

    assert len(keys(zone)) == 2


def test_two_who_run_it_at_once_do_it_once(zone):
    def run(_):
        try:
            return run_now(runner_of(zone), WEEKLY, by=None, now=AFTER).outcome
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        outcomes = set(pool.map(run, range(2)))

    assert SlotOutcome.DONE in outcomes
    assert outcomes <= {SlotOutcome.DONE, SlotOutcome.TAKEN, "nothing_due"}
    assert len(keys(zone)) == 2


def test_run_now_does_nothing_before_its_time(zone):
    with pytest.raises(Refused, match="nothing_due"):
        run_now(runner_of(zone), WEEKLY, by=None, now=BEFORE)

    assert runs(zone) == []


def test_run_now_retries_a_failed_slot_without_waiting(zone):
    runner_of(zone, weekly_digest=fail).run_due(lambda: AFTER)
    moment_later = AFTER + timedelta(seconds=1)
    waiting = runner_of(zone).run_due(lambda: moment_later)["weekly-digest"]

    done = run_now(runner_of(zone), WEEKLY, by=None, now=moment_later)

    assert not waiting.outcomes
    assert done.outcome is SlotOutcome.DONE


def test_a_paused_job_takes_no_slot(zone):
    pause(zone)

    runner_of(zone).run_due(lambda: AFTER)

    assert {job for job, *_ in runs(zone)} == {"nudge"}
    with pytest.raises(Refused, match="job_paused"):
        run_now(runner_of(zone), WEEKLY, by=None, now=AFTER)


def test_a_job_that_is_paused_while_others_run_takes_no_slot(zone):
    runner = runner_of(zone)
    with zone() as db:
        slot = next_slot(db, runner.jobs_named(WEEKLY))
    pause(zone)

    outcome, _ = runner.run_slot(slot, now=AFTER)

    assert outcome is SlotOutcome.PAUSED
    assert runs(zone) == []


def test_what_fell_due_in_a_pause_is_handled_by_its_lateness(zone):
    pause(zone)
    runner_of(zone).run_due(lambda: at("2026-07-29T10:00"))
    resume(zone, at("2026-07-29T10:00"))

    runner_of(zone).run_due(lambda: at("2026-07-29T10:01"))

    with zone() as db:
        of_job = select(JobRun).where(JobRun.job == WEEKLY).order_by(JobRun.slot)
        runs = [(run.slot, run.state, run.reason) for run in db.scalars(of_job)]
    assert runs == [
        ("2026-W29", RunState.DONE, Timing.ARCHIVED.label),
        ("2026-W30", RunState.DONE, Timing.LATE.label),
    ]


def test_a_paused_job_is_told_and_not_called_overdue(zone):
    pause(zone)

    with zone() as db:
        late = {slot.job.name for slot in health.overdue(db, now=at("2026-07-21T07:00"))}
        assert "weekly-digest" not in late
        assert health.paused(db) == ["周报"]
        assert health.standstill(db, now=BEFORE).paused == ["周报"]


@pytest.mark.parametrize(
    ("given", "code"), [({"why": " "}, "required"), ({"why": "再停一次"}, "already_paused")]
)
def test_a_pause_needs_a_reason_and_is_made_once(zone, given, code):
    pause(zone)

    with pytest.raises(Refused, match=code):
        pause(zone, **({"job": JobName.NUDGE} if code == "required" else {}) | given)


def test_only_what_is_paused_is_resumed(zone):
    with pytest.raises(Refused, match="not_paused"):
        resume(zone, BEFORE)


def test_only_an_admin_pauses(zone):
    with transaction(zone) as db:
        boss = make_person(db, "boss", role=Role.SUPERVISOR)

    with pytest.raises(Refused, match="not_yours"):
        pause(zone, by=boss)


def test_pause_and_resumption_leave_entries(zone):
    pause(zone)
    resume(zone, AFTER)

    with zone() as db:
        actions = list(db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
        assert actions == ["job.paused", "job.resumed"]
        assert db.scalars(select(JobPause)).all() == []
        assert ledger.last_runs(db, [WEEKLY]) == {}


SETTLED, FREEZE = JobName.SETTLED_FIGURES, JobName.FREEZE
FROZEN = at("2026-08-07T09:00")  # July was frozen a day before, and is reported on at 08:00


def nothing(db, slot, timing, site):
    return {}


def closing(sessions, **work):
    works = {JobName(job.name): nothing for job in JOBS} | work
    return Runner(sessions, SITE, handlers=works)


def settled(sessions):
    return [slot for job, slot, state in runs(sessions) if job == SETTLED]


@pytest.fixture
def july(sessions):
    install(sessions, "2026-07-31T13:00")
    return sessions


def test_what_tells_of_the_freeze_waits_while_the_freeze_is_paused(july):
    pause(july, job=FREEZE)
    closing(july).run_due(lambda: FROZEN)
    waiting = settled(july)
    with transaction(july) as db:
        resume_job(db, job=FREEZE, by=None, now=FROZEN)

    closing(july).run_due(lambda: FROZEN)

    assert (waiting, settled(july)) == ([], ["2026-07"])


def test_what_tells_of_the_freeze_waits_while_the_freeze_fails(july):
    failing = {FREEZE: fail_at_once}
    closing(july, **failing).run_due(lambda: FROZEN)
    waiting = settled(july)
    with pytest.raises(Refused, match="job_waits"):
        run_now(closing(july), SETTLED, by=None, now=FROZEN)

    closing(july).run_due(lambda: FROZEN + timedelta(hours=2))

    assert (waiting, settled(july)) == ([], ["2026-07"])


def fail_at_once(db, slot, timing, site):
    raise RuntimeError("定稿出错")
