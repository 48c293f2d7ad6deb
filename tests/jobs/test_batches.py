"""A slot that is done in batches goes on after the last one written, whatever stopped it."""

import pytest
from sqlalchemy import select

from crm.jobs import ledger
from crm.jobs.models import JobRun, RunState
from crm.jobs.runner import Attempt, Runner, SlotOutcome
from crm.jobs.timetable import JOBS, JobName
from crm.quotas.queries import working_calendar
from crm.transactions import transaction
from tests.jobs.victim import kill_in
from tests.jobs.work import SITE, at, install, keys, mail_in_batches, messages

DUE, LATER = at("2026-07-20T07:30"), at("2026-07-20T07:35")
PEOPLE = ("li", "sun", "wang")
WEEKLY = [job for job in JOBS if job.name is JobName.WEEKLY_DIGEST]


@pytest.fixture
def zone(sessions):
    """Three people, each a batch, on the evening before the weekly digest."""
    install(sessions, "2026-07-19T12:00", *PEOPLE)
    return sessions


@pytest.fixture
def undisturbed(zone):
    """The keys of the mails of a run that nobody disturbs."""
    return [f"weekly-digest:zone:{username}:2026-W29:-" for username in PEOPLE]


def runner(sessions, batches=mail_in_batches):
    return Runner(sessions, SITE, WEEKLY, {}, {JobName.WEEKLY_DIGEST: batches})


def run_of(sessions):
    with sessions() as db:
        return db.scalars(select(JobRun).where(JobRun.job == JobName.WEEKLY_DIGEST)).one()


def failing_after(number, action):
    """Batches before the last of which something happens."""

    def batches(*args):
        for made, batch in enumerate(mail_in_batches(*args)):
            if made == number:
                action()
            yield batch

    return batches


def break_down():
    raise RuntimeError("编排出错")


def test_the_slot_is_done_once_all_batches_are_written(zone, undisturbed):
    summary = runner(zone).run_due(lambda: DUE)[JobName.WEEKLY_DIGEST]

    assert (summary.outcomes, summary.made) == ({SlotOutcome.DONE: 1}, {"messages": 3})
    assert keys(zone) == undisturbed
    assert (run_of(zone).state, run_of(zone).made) == (RunState.DONE, '{"messages": 3}')


def test_each_batch_is_committed_by_itself(zone):
    seen = []

    runner(zone, failing_after(2, lambda: seen.extend(keys(zone)))).run_due(lambda: DUE)

    assert len(seen) == 2


def test_a_slot_that_fails_goes_on_after_its_last_batch(zone, undisturbed):
    runner(zone, failing_after(2, break_down)).run_due(lambda: DUE)
    failed = run_of(zone)
    runner(zone).run_due(lambda: LATER)

    assert (failed.state, failed.position, failed.attempts) == (RunState.FAILED, "sun", 1)
    assert keys(zone) == undisturbed
    assert run_of(zone).made == '{"messages": 3}'


def test_a_node_that_is_asked_to_stop_does_so_between_two_batches(zone, undisturbed):
    answers = iter([True, True, False])  # before the slot, and before each batch

    stopped = runner(zone).run_due(lambda: DUE, may_go_on=lambda: next(answers))
    before = len(messages(zone))
    runner(zone).run_due(lambda: LATER)

    assert stopped[JobName.WEEKLY_DIGEST].outcomes == {SlotOutcome.UNFINISHED: 1}
    assert before == 1
    assert keys(zone) == undisturbed


def test_a_slot_killed_between_two_batches_goes_on_at_the_next(zone, database_url, undisturbed):
    kill_in(database_url, "batch", 3)
    before = len(messages(zone))
    runner(zone).run_due(lambda: LATER)

    assert before == 2  # the third batch left nothing
    assert keys(zone) == undisturbed


def test_a_runner_whose_slot_another_one_took_over_writes_nothing_more(zone, undisturbed):
    other = runner(zone)

    slow = runner(zone, failing_after(1, lambda: other.run_due(lambda: LATER)))
    summary = slow.run_due(lambda: DUE)[JobName.WEEKLY_DIGEST]

    assert summary.outcomes == {SlotOutcome.TAKEN: 1}
    assert keys(zone) == undisturbed
    assert run_of(zone).made == '{"messages": 3}'


def test_two_runners_never_record_the_same_batch(zone):
    with transaction(zone) as db:
        [slot] = ledger.due(db, WEEKLY, working_calendar(db), until=DUE)
        progress = ledger.open_slot(db, ledger.claim(db, slot, now=DUE))
        further = progress.after("li", {"messages": 1})

        assert ledger.advance(db, progress, further)
        assert not ledger.advance(db, progress, further)


def test_an_open_slot_is_still_due(zone):
    slot = Attempt(runner(zone)._due(DUE)[0], DUE, may_go_on=lambda: False)  # noqa: SLF001

    runner(zone)._try(slot)  # noqa: SLF001 - one attempt that stops at once

    assert [again.name for again in runner(zone)._due(DUE)] == ["2026-W29"]  # noqa: SLF001
