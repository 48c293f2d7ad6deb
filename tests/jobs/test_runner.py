"""Every slot runs once: in order, after a downtime, with several runners, after failures."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.outbox import State
from crm.jobs import ledger
from crm.jobs.models import JobRun, RunState
from crm.jobs.runner import Attempt, SlotOutcome
from crm.transactions import transaction
from tests.jobs.work import (
    SECRET,
    at,
    fail,
    fail_in_the_database,
    install,
    keys,
    mail_everybody,
    messages,
    runner_of,
)


def runs(sessions) -> list[JobRun]:
    with sessions() as db:
        query = select(JobRun).where(JobRun.job != ledger.Install.JOB)
        return list(db.scalars(query.order_by(JobRun.id)))


def run_of(sessions, slot: str) -> JobRun:
    return next(run for run in runs(sessions) if run.slot == slot)


def live(sessions, *moments: str, **work) -> dict:
    runner = runner_of(sessions, **work)
    for moment in moments:
        summaries = runner.run_due(lambda moment=moment: at(moment))
    return {name: summary.as_dict() for name, summary in summaries.items()}


def test_before_the_installation_nothing_runs(sessions):
    with pytest.raises(Refused, match="not_installed"):
        live(sessions, "2026-07-20T07:30")


def test_a_second_installation_leaves_the_first(sessions):
    install(sessions, "2026-07-19T12:00")
    install(sessions, "2026-07-25T00:00")

    with sessions() as db:
        assert ledger.clock_from(db) == at("2026-07-19T12:00")


def test_slots_before_the_installation_do_not_exist(sessions):
    install(sessions, "2026-07-27T07:31", "li")

    live(sessions, "2026-07-27T11:59")

    assert runs(sessions) == []


def test_a_slot_is_done_once_and_on_time(sessions):
    install(sessions, "2026-07-19T12:00", "li", "wang")

    first = live(sessions, "2026-07-20T07:30")
    second = live(sessions, "2026-07-20T07:31")

    assert first["weekly-digest"] == {"done": 1, "skipped": 0, "made": {"messages": 2}}
    assert second["weekly-digest"] == {"done": 0, "skipped": 0, "made": {}}
    assert [run.reason for run in runs(sessions)] == [None]
    assert keys(sessions) == [
        "weekly-digest:zone:li:2026-W29:-",
        "weekly-digest:zone:wang:2026-W29:-",
    ]


def test_after_a_week_of_downtime_what_is_of_use_is_done_late_and_the_rest_skipped(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    live(sessions, "2026-07-20T07:30", "2026-07-20T12:00")

    live(sessions, "2026-08-03T12:30")

    assert [(run.slot, run.state.value) for run in runs(sessions)[2:]] == [
        ("2026-07-21", "skipped"),
        ("2026-07-22", "skipped"),
        ("2026-07-23", "skipped"),
        ("2026-07-24", "skipped"),
        ("2026-W30", "done"),
        ("2026-07-27", "skipped"),
        ("2026-07-28", "skipped"),
        ("2026-07-29", "skipped"),
        ("2026-07-30", "skipped"),
        ("2026-07-31", "skipped"),
        ("2026-W31", "done"),
        ("2026-07", "done"),
        ("2026-08-03", "done"),
    ]
    states = {message.dedupe_key: message.state for message in messages(sessions)}
    assert states["weekly-digest:zone:li:2026-W30:-"] is State.SKIPPED
    assert states["weekly-digest:zone:li:2026-W31:-"] is State.PENDING
    assert run_of(sessions, "2026-W30").reason == "延迟补做，下一期已到期，只存档不发送"
    assert run_of(sessions, "2026-07-24").reason == "已过时限，跳过"
    assert run_of(sessions, "2026-W31").reason == "延迟补做"


def test_a_replay_is_never_late_and_a_second_one_makes_nothing(sessions):
    install(sessions, "2026-06-30T13:00", "li")
    runner = runner_of(sessions)

    first = runner.run_until(at("2026-08-01T00:00"), to_mailbox=True)
    second = runner.run_until(at("2026-08-01T00:00"), to_mailbox=True)

    assert {name: summary.as_dict() for name, summary in first.items()} == {
        "weekly-digest": {"done": 4, "skipped": 0, "made": {"messages": 4}},
        "monthly-digest": {"done": 1, "skipped": 0, "made": {"messages": 1}},
        "nudge": {"done": 23, "skipped": 0, "made": {"messages": 23}},
    }
    assert not any(summary.outcomes or summary.made for summary in second.values())
    assert {run.reason for run in runs(sessions)} == {None}
    made = messages(sessions)
    assert {(message.state, message.sent_at == message.made_at) for message in made} == {
        (State.SENT, True)
    }
    due = [run.due_at for run in runs(sessions)]
    assert due == sorted(due)


def test_replaying_a_month_leaves_alone_what_waits_for_smtp(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    live(sessions, "2026-07-20T07:30")

    runner_of(sessions).run_until(at("2026-07-20T12:00"), to_mailbox=True)

    assert [message.state for message in messages(sessions)] == [State.PENDING, State.SENT]


def test_a_failing_slot_is_rolled_back_and_holds_up_its_own_job_only(sessions):
    install(sessions, "2026-07-19T12:00", "li")

    summary = runner_of(sessions, weekly_digest=fail).run_until(
        at("2026-07-28T00:00"), to_mailbox=True
    )

    assert summary["weekly-digest"].as_dict() == {"done": 0, "skipped": 0, "failed": 1, "made": {}}
    assert summary["nudge"].as_dict()["done"] == 6
    failed = run_of(sessions, "2026-W29")
    assert (failed.state, failed.attempts) == (RunState.FAILED, 1)
    assert failed.reason == "RuntimeError: 编排出错"
    assert not [key for key in keys(sessions) if key.startswith("weekly")]
    assert "2026-W30" not in [run.slot for run in runs(sessions)]


def test_a_failure_is_recorded_without_the_values_of_the_row(sessions):
    install(sessions, "2026-07-19T12:00", "li")

    live(sessions, "2026-07-20T07:30", weekly_digest=fail_in_the_database)

    reason = run_of(sessions, "2026-W29").reason
    assert reason.startswith("IntegrityError")
    assert SECRET not in reason


def test_a_failed_slot_is_tried_again_after_a_wait_that_doubles(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    live(sessions, "2026-07-20T07:30", weekly_digest=fail)

    too_soon = live(sessions, "2026-07-20T07:30:29", weekly_digest=mail_everybody)
    again = live(sessions, "2026-07-20T07:30:30", weekly_digest=fail)
    too_soon_again = live(sessions, "2026-07-20T07:31:29", weekly_digest=mail_everybody)
    at_last = live(sessions, "2026-07-20T07:31:30", weekly_digest=mail_everybody)

    assert too_soon["weekly-digest"] == {"done": 0, "skipped": 0, "made": {}}
    assert again["weekly-digest"]["failed"] == 1
    assert too_soon_again["weekly-digest"]["done"] == 0
    assert at_last["weekly-digest"]["done"] == 1
    done = run_of(sessions, "2026-W29")
    assert (done.state, done.attempts, done.reason) == (RunState.DONE, 3, None)


def test_a_slot_that_always_fails_is_given_up_once_it_is_of_no_use(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    hours = [f"2026-07-20T{hour:02}:30" for hour in range(7, 13)]
    live(sessions, *hours, weekly_digest=fail)
    while_of_use = run_of(sessions, "2026-W29")

    live(sessions, "2026-07-27T07:30", weekly_digest=fail)
    live(sessions, "2026-07-27T08:30")

    assert (while_of_use.state, while_of_use.attempts) == (RunState.FAILED, 6)
    given_up = run_of(sessions, "2026-W29")
    assert (given_up.state, given_up.attempts) == (RunState.SKIPPED, 7)
    assert given_up.reason.startswith("多次失败且已过时限")
    assert run_of(sessions, "2026-W30").state is RunState.DONE


def test_a_runner_that_may_not_go_on_stops_between_slots(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    answers = iter([True, False])

    runner_of(sessions).run_due(lambda: at("2026-07-27T12:00"), may_go_on=lambda: next(answers))

    assert [run.slot for run in runs(sessions)] == ["2026-W29"]


def test_two_runners_at_once_do_each_slot_once(sessions):
    install(sessions, "2026-06-30T13:00", "li", "wang")
    runner, start = runner_of(sessions), Barrier(2)

    def run(_):
        start.wait()
        return runner.run_until(at("2026-08-01T00:00"), to_mailbox=False)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(run, range(2)))

    done = [
        sum(summary.outcomes[SlotOutcome.DONE] for summary in summary.values()) for summary in both
    ]
    assert sum(done) == 28
    assert not any(
        summary.outcomes[outcome]
        for summary in both
        for summary in summary.values()
        for outcome in (SlotOutcome.FAILED, SlotOutcome.BUSY)
    )
    assert len(keys(sessions)) == len(set(keys(sessions))) == 56


def test_a_leader_that_wakes_late_finds_its_slot_done(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    runner = runner_of(sessions)
    stale = runner._due(at("2026-07-20T07:30"))  # noqa: SLF001 - the list a stopped leader holds
    live(sessions, "2026-07-20T07:30")

    outcome, made = runner._do(Attempt(stale[0], at("2026-07-20T07:40")))  # noqa: SLF001

    assert (outcome, made) == (SlotOutcome.TAKEN, {})
    assert run_of(sessions, "2026-W29").attempts == 1


def test_an_error_recorded_late_does_not_undo_what_another_runner_finished(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    slot = runner_of(sessions)._due(at("2026-07-20T07:30"))[0]  # noqa: SLF001
    live(sessions, "2026-07-20T07:30")

    with transaction(sessions) as db:
        ledger.record_failure(db, slot, "连接中断", now=at("2026-07-20T07:40"), useless=False)

    assert run_of(sessions, "2026-W29").state is RunState.DONE


def test_what_is_skipped_is_recorded_with_the_reason(sessions):
    install(sessions, "2026-07-20T08:00", "li")

    live(sessions, "2026-07-20T18:00")

    (skipped,) = runs(sessions)
    assert (skipped.job, skipped.slot) == ("nudge", "2026-07-20")
    assert (skipped.state, skipped.reason) == (RunState.SKIPPED, "已过时限，跳过")
