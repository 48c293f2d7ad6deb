"""`crm clock`, `crm deliver` and `crm outbox`: each job once, and what is seen of it."""

import csv
import io
import json
from email import message_from_string
from email.policy import default

import pytest
from sqlalchemy import update

from crm.base.outbox import MessageKind, State
from crm.jobs import lease, ledger
from crm.jobs.mime import mime_of
from crm.jobs.models import JobRun
from crm.people.rules import Duty, Role
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import PRINCIPAL, make_person, make_rule, make_unit
from tests.faults.crew import wait_until
from tests.jobs.mail import post_office, write
from tests.jobs.work import at, install, messages

# what the clock does in weeks is tried on PostgreSQL by tests/faults and tests/jobs
LONG = pytest.mark.slow_on_postgresql


@pytest.fixture
def zone(sessions):
    """A zone of one principal leader, whose clock begins on the eve of July."""
    with transaction(sessions) as db:
        ledger.install(db, clock_from=at("2026-06-30T13:00"), now=NOW)
        make_rule(db, PRINCIPAL)
        make_person(db, "li", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=make_unit(db, "管委会"))
    return sessions


def read(result) -> object:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@LONG
def test_a_month_is_lived_once(crm, zone):
    first = read(crm("clock", "run", "--until", "2026-07-31"))
    made = [message.dedupe_key for message in messages(zone)]
    second = read(crm("clock", "run", "--until", "2026-07-31"))

    assert first["weekly-digest"]["done"] == 4
    assert first["monthly-digest"]["done"] == 1
    assert first["nudge"]["done"] == 23
    assert len(made) == len(set(made)) > 4
    assert {message.state for message in messages(zone)} == {State.SENT}
    assert {(job["done"], tuple(job["made"])) for job in second.values()} == {(0, ())}
    assert [message.dedupe_key for message in messages(zone)] == made


@LONG
def test_a_month_goes_out_by_smtp_only_when_asked(crm, zone, monkeypatch):
    with post_office() as office:
        monkeypatch.setenv("CRM_MAIL", f"smtp://127.0.0.1:{office.port}")
        read(crm("clock", "run", "--until", "2026-07-12"))
        unasked = list(office.received)
        read(crm("clock", "run", "--until", "2026-07-13", "--send"))

    assert unasked == []
    assert office.recipients
    assert set(office.recipients) == {"li@crm.test"}


@LONG
def test_what_a_run_makes_goes_out_as_on_its_own_day_however_long_ago(crm, zone, monkeypatch):
    with post_office() as office:
        monkeypatch.setenv("CRM_MAIL", f"smtp://127.0.0.1:{office.port}")
        read(crm("clock", "run", "--until", "2026-07-12", "--send"))

    assert MessageKind.NUDGE in {message.kind for message in messages(zone)}
    assert {message.state for message in messages(zone)} == {State.SENT}
    assert len(office.recipients) == len(messages(zone))


@LONG
def test_the_clock_shows_its_last_and_next_slots(crm, zone):
    crm("clock", "run", "--until", "2026-07-13T08:00")

    rows = read(crm("clock", "show", "--format", "json"))

    weekly = next(row for row in rows if row["job"] == "weekly-digest")
    assert (weekly["last_slot"], weekly["last_state"]) == ("2026-W28", "done")
    assert (weekly["next_slot"], weekly["next_due_at"]) == (
        "2026-W29",
        "2026-07-20T07:30:00+08:00",
    )


@pytest.mark.parametrize("words", [("clock", "show"), ("clock", "run", "--until", "2026-07-31")])
def test_before_the_installation_the_clock_is_refused(crm, words):
    result = crm(*words)

    assert result.exit_code == 1
    assert "crm init" in result.stderr


@pytest.fixture
def due(zone):
    """A week whose digest is due since the moment of the tests."""
    with transaction(zone) as db:
        db.execute(update(JobRun).values(due_at=at("2026-07-12T12:00")))
    return zone


def test_a_job_is_run_now_once(crm, due):
    first = read(crm("clock", "run-now", "weekly-digest"))
    again = crm("clock", "run-now", "周报")

    assert (first["slot"], first["outcome"]) == ("2026-W28", "done")
    assert (again.exit_code, "暂无到期未执行的任务" in again.stderr) == (1, True)


def test_a_preview_lists_mails_and_keeps_none(crm, zone):
    result = crm("clock", "preview", "weekly-digest", "--format", "json")

    assert [row["recipient"] for row in read(result)] == ["li同志"]
    assert "weekly-digest 2026-W27，2026-07-06 07:30" in result.stderr
    assert messages(zone) == []


def test_a_job_is_paused_shown_and_resumed(crm, due):
    paused = crm("clock", "pause", "weekly-digest", "--why", "核对名单")
    refused = crm("clock", "run-now", "weekly-digest")
    shown = read(crm("clock", "show", "--format", "json"))
    resumed = crm("clock", "resume", "weekly-digest")

    assert (paused.exit_code, resumed.exit_code) == (0, 0)
    assert (refused.exit_code, "已暂停" in refused.stderr) == (1, True)
    assert {row["paused"] for row in shown if row["job"] == "weekly-digest"} == {"核对名单"}
    assert read(crm("clock", "run-now", "weekly-digest"))["outcome"] == "done"


@pytest.mark.parametrize("command", ["run-now", "preview", "resume"])
def test_a_job_that_is_not_there_is_a_matter_of_usage(crm, zone, command):
    assert crm("clock", command, "nothing").exit_code == 2


def test_the_outbox_is_listed_with_its_keys(crm, sessions):
    write(sessions, "li")

    table = crm("outbox", "list", "--format", "csv")

    (row,) = csv.DictReader(io.StringIO(table.stdout))
    assert list(row) == [
        "id",
        "kind",
        "recipient",
        "subject",
        "state",
        "attempts",
        "due_at",
        "sent_at",
        "dedupe_key",
    ]
    assert (row["kind"], row["state"], row["sent_at"]) == ("weekly-digest", "pending", "")
    assert row["due_at"] == "2026-07-15T10:00:00+08:00"


def test_a_message_is_shown_as_it_travels(crm, sessions):
    write(sessions, "li")
    (message,) = messages(sessions)

    shown = crm("outbox", "show", str(message.id))

    assert shown.stdout_bytes == mime_of(message, sender="crm@localhost")
    assert message_from_string(shown.stdout, policy=default)["Subject"] == message.subject


def test_a_message_to_nobody_is_shown_all_the_same(crm, sessions):
    write(sessions, "li", email=None)

    shown = crm("outbox", "show", str(messages(sessions)[0].id))

    assert shown.exit_code == 0
    assert "Message-ID:" in shown.stdout


def test_an_unknown_message_is_refused(crm, sessions):
    result = crm("outbox", "show", "77")

    assert (result.exit_code, "77" in result.stderr) == (1, True)


@pytest.mark.usefixtures("believed")
def test_what_waits_is_delivered_once(crm, sessions, monkeypatch):
    write(sessions, "li")
    with post_office() as office:
        monkeypatch.setenv("CRM_MAIL", f"smtp://127.0.0.1:{office.port}")
        result = crm("deliver", "--once")

    assert result.exit_code == 0
    assert office.recipients == ["li@crm.test"]


@pytest.mark.parametrize("command", ["clock", "deliver"])
def test_a_node_ends_within_seconds_of_sigterm(command, database_url, sessions, fork):
    install(sessions, "2200-01-01T00:00")
    node = fork(command, CRM_DATABASE_URL=database_url, CRM_SECRET_KEY=SECRET)
    wait_until(lambda: f"{command}.started" in node.says, else_tell=lambda: node.says)

    assert node.terminated(within=10) == 0
    with sessions() as db:
        assert lease.holder_of(db) is None
