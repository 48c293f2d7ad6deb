"""`crm clock`, `crm deliver` and `crm outbox`: each job once, and what is seen of it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from email import message_from_string
from email.policy import default

import pytest

from crm.base.db import writing
from crm.base.outbox import State
from crm.jobs import lease, ledger
from crm.jobs.mime import mime_of
from crm.people.rules import Duty, Role
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import PRINCIPAL, make_person, make_rule, make_unit
from tests.jobs.mail import post_office, write
from tests.jobs.work import at, install, messages


@pytest.fixture
def zone(sessions):
    """A zone of one principal leader, whose clock begins with July."""
    with writing(sessions) as db:
        ledger.install(db, clock_from=at("2026-07-01T00:00"), now=NOW)
        make_rule(db, PRINCIPAL)
        make_person(db, "li", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=make_unit(db, "管委会"))
    return sessions


def read(told) -> object:
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


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


def test_a_month_goes_out_by_smtp_only_when_asked(crm, zone, monkeypatch):
    with post_office() as office:
        monkeypatch.setenv("CRM_MAIL", f"smtp://127.0.0.1:{office.port}")
        read(crm("clock", "run", "--until", "2026-07-12"))
        unasked = list(office.received)
        read(crm("clock", "run", "--until", "2026-07-13", "--send"))

    assert unasked == []
    assert office.recipients
    assert set(office.recipients) == {"li@crm.test"}


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
    told = crm(*words)

    assert told.exit_code == 1
    assert "crm init" in told.stderr


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
    told = crm("outbox", "show", "77")

    assert (told.exit_code, "77" in told.stderr) == (1, True)


def test_what_waits_is_delivered_once(crm, sessions, monkeypatch):
    write(sessions, "li")
    with post_office() as office:
        monkeypatch.setenv("CRM_MAIL", f"smtp://127.0.0.1:{office.port}")
        told = crm("deliver", "--once")

    assert told.exit_code == 0
    assert office.recipients == ["li@crm.test"]


@pytest.mark.parametrize("command", ["clock", "deliver"])
def test_a_node_ends_within_seconds_of_sigterm(command, database_url, sessions):
    install(sessions, "2200-01-01T00:00")
    environment = os.environ | {"CRM_DATABASE_URL": database_url, "CRM_SECRET_KEY": SECRET}
    node = subprocess.Popen(
        [sys.executable, "-m", "crm.cli", command],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    next(line for line in node.stderr if f"{command}.started" in line)

    node.send_signal(signal.SIGTERM)
    node.communicate(timeout=10)

    assert node.returncode == 0
    with sessions() as db:
        assert lease.holder_of(db) is None
