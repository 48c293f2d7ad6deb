"""Delivery told to end in a batch, without a server for a day, with one bad address."""

import sqlite3
import time
from collections import Counter
from contextlib import closing

import pytest

from crm.base.outbox import MessageKind, State
from crm.jobs.batch_delivery import AHEAD, REPEATED
from crm.jobs.mime import mime_of
from crm.settings import Settings
from tests.faults.arranged import Clocks, off_from
from tests.faults.crew import crew, wait_until
from tests.faults.storm import fair
from tests.faults.visitor import free_port
from tests.faults.zone import SENDER
from tests.jobs.mail import post_office
from tests.jobs.scripted import Reply, scripted
from tests.jobs.work import at

ENDS_WITHIN_SECONDS = 10
CONNECTIONS = Settings.model_fields["mail_connections"].default
BRIEFS = {MessageKind.MORNING_BRIEF, MessageKind.NUDGE}
STALE = "18:00 前未能发出，内容已过时"


@pytest.fixture
def full(june, copy):
    """June as it was lived, with all its mails still to be sent."""
    zone = copy(june.zone)
    zone.change("UPDATE message SET state = 'pending', sent_at = NULL")
    zone.change("UPDATE message SET expires_at = NULL WHERE kind NOT IN ('morning-brief', 'nudge')")
    return zone


@pytest.fixture
def lasting(full):
    """All of it still of use."""
    full.change("UPDATE message SET expires_at = NULL")
    return full


def first(zone, number):
    """Leave the first so many of those who have an address."""
    zone.change(
        "UPDATE message SET state = 'skipped' WHERE recipient = '' OR id NOT IN "
        f"(SELECT id FROM message WHERE recipient <> '' ORDER BY made_at, id LIMIT {number})"
    )


def clocks(moment, tmp_path):
    hand = tmp_path / "hand"
    hand.write_text(at("2026-06-30T23:00").isoformat())  # nothing is due that has not been done
    return Clocks(off_from(at(moment)), hand=hand)


def end_at(server, step, zone, arranged, command):
    """Tell a worker to end once all its connections have heard that step; the seconds it takes."""
    words = {"serve": ("serve", "--port", str(free_port()))}.get(command, (command,))
    with crew(zone, arranged, CRM_MAIL=server.url) as runs:
        runs.start(*words)
        wait_until(lambda: server.heard[step] >= CONNECTIONS, else_tell=lambda: runs.says)
        began = time.monotonic()
        runs.dismiss()
        return time.monotonic() - began


@pytest.mark.parametrize("command", ["deliver", "clock", "serve"])
def test_told_to_end_in_a_batch_it_ends_soon_and_knows_of_every_mail(lasting, tmp_path, command):
    words = {"serve": ("serve", "--port", str(free_port()))}.get(command, (command,))
    with (
        fair(slow_seconds=0.05) as office,
        crew(lasting, clocks("2026-07-01T09:00", tmp_path), CRM_MAIL=office.url) as runs,
    ):
        runs.start(*words)
        wait_until(lambda: len(office.order) > 3, else_tell=lambda: runs.says)
        began = time.monotonic()
        runs.dismiss()
        took = time.monotonic() - began

    messages = lasting.messages()
    sent = [m.message_id for m in messages if m.state is State.SENT and m.recipient]
    assert took < ENDS_WITHIN_SECONDS
    assert {m.state for m in messages} == {State.PENDING, State.SENT}
    assert {m.claimed_by for m in messages} == {None}
    assert sorted(office.order) == sorted(sent)


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("command", ["deliver", "clock", "serve"])
def test_told_to_end_while_a_server_drips_it_ends_soon_and_says_what_it_does_not_know(
    lasting, tmp_path, command
):
    with scripted(body=[Reply(drips=True)] * CONNECTIONS) as server:
        took = end_at(server, "body", lasting, clocks("2026-07-01T09:00", tmp_path), command)

    messages = lasting.messages()
    unknown = [m for m in messages if m.state in (State.AMBIGUOUS, State.HELD)]
    assert took < ENDS_WITHIN_SECONDS
    assert len(unknown) == len(server.bodies) == CONNECTIONS
    assert all("系统停止运行" in message.note for message in unknown)
    assert {m.state for m in messages if m not in unknown} <= {State.PENDING, State.SENT}
    assert {m.claimed_until for m in messages} == {None}


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("command", ["deliver", "clock", "serve"])
def test_told_to_end_before_a_body_it_ends_soon_and_leaves_the_mails_to_the_next_worker(
    lasting, tmp_path, command
):
    first(lasting, 10)
    arranged = clocks("2026-07-01T09:00", tmp_path)
    with scripted(DATA=[Reply()] * CONNECTIONS) as server:
        took = end_at(server, "DATA", lasting, arranged, command)
    left = [m for m in lasting.messages() if m.state is not State.SKIPPED]
    with fair() as office:
        lasting.fork("deliver", "--once", arranged=[arranged], CRM_MAIL=office.url).ended()

    assert took < ENDS_WITHIN_SECONDS
    assert {(m.state, m.claimed_by, m.claimed_until) for m in left} == {(State.PENDING, None, None)}
    assert Counter(m.message_id for m in left) == office.got


def test_killed_amid_several_connections_it_loses_no_mail_and_repeats_none_unflagged(
    lasting, tmp_path
):
    first(lasting, 50)
    arranged = clocks("2026-07-01T09:00", tmp_path)
    with post_office() as office, crew(lasting, arranged, CRM_MAIL=office.url) as runs:
        office.holds_at = 2 * CONNECTIONS  # all were sent before a test could stop it
        killed = runs.start("deliver")
        wait_until(
            lambda: (
                len(office.received) >= office.holds_at
                and len(office.received) == len(in_state(lasting, State.SENT)) + CONNECTIONS
            ),
            else_tell=lambda: runs.says,
        )
        killed.kill()
        killed.see_killed()
        under_way = in_state(lasting, State.SENDING)
        office.answers.set()
        for _ in range(2):  # the claims end; then the wait of what is unknown
            lasting.let_an_hour_pass()
            lasting.fork("deliver", "--once", arranged=[arranged], CRM_MAIL=office.url).ended()

    messages = [m for m in lasting.messages() if m.state is not State.SKIPPED]
    repeated = {m.message_id for m in messages if m.note == REPEATED}
    held = in_state(lasting, State.HELD)
    received = Counter(content for _, content in office.received)
    times = {m.message_id: received[mime_of(m, sender=SENDER)] for m in messages}
    twice = {found for found, number in times.items() if number == 2}
    assert CONNECTIONS <= len(under_way) <= CONNECTIONS * (1 + AHEAD)
    assert under_way == repeated | held
    assert twice <= repeated
    assert len(twice | held) >= CONNECTIONS  # the others were marked and had not begun
    assert {m.state for m in messages} <= {State.SENT, State.HELD}
    assert set(times.values()) <= {1, 2}


def in_state(zone, state):
    return {m.message_id for m in zone.messages() if m.state is state}


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True, scope="session")
def test_told_to_end_while_the_database_is_locked_it_ends_soon(lasting, tmp_path):
    arranged = clocks("2026-07-01T09:00", tmp_path)
    with post_office() as office, crew(lasting, arranged, CRM_MAIL=office.url) as runs:
        office.answers.clear()
        clock = runs.start("clock")
        wait_until(lambda: len(office.received) == CONNECTIONS, else_tell=lambda: runs.says)
        path = lasting.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            office.answers.set()
            status = clock.terminated(within=ENDS_WITHIN_SECONDS)

    assert status == 0


def test_after_a_day_without_a_server_the_backlog_goes_out_oldest_first_and_not_at_once(
    full, tmp_path
):
    first(full, 40)
    limited = {"CRM_MAIL_PER_MINUTE": "20", "CRM_MAIL_CONNECTIONS": "1"}  # strictly in order
    nobody = f"smtp://127.0.0.1:{free_port()}"
    with crew(full, clocks("2026-07-01T09:00", tmp_path), CRM_MAIL=nobody) as runs:
        runs.start("deliver")
        wait_until(lambda: runs.says.count("smtp.unreachable"), else_tell=lambda: runs.says)
        runs.dismiss()
    waiting = [m for m in full.messages() if m.state is State.PENDING]
    stale = [m for m in full.messages() if m.note and STALE in m.note]
    with (
        fair() as office,
        crew(full, clocks("2026-07-02T09:00", tmp_path), CRM_MAIL=office.url, **limited) as runs,
    ):
        runs.start("deliver")
        wait_until(lambda: len(office.order) == 20, else_tell=lambda: runs.says)
        runs.dismiss()

    oldest = sorted(waiting, key=lambda message: (message.made_at, message.id))
    assert len(waiting) + len(stale) == 40
    assert set() < {message.kind for message in stale} <= BRIEFS
    assert {message.kind for message in waiting}.isdisjoint(BRIEFS)
    assert {message.attempts for message in waiting} == {0}
    assert {message.due_at > at("2026-07-01T09:00") for message in waiting} == {True}
    assert office.order == [message.message_id for message in oldest[:20]]


def test_one_bad_address_among_fifty_harms_nobody_else(lasting, tmp_path):
    first(lasting, 50)
    with fair("zhao@crm.test") as office:
        lasting.change(
            "UPDATE message SET recipient = 'good@crm.test' WHERE state = 'pending' AND id NOT IN "
            "(SELECT min(id) FROM message WHERE state = 'pending')"
        )
        lasting.change(
            "UPDATE message SET recipient = 'zhao@crm.test' "
            "WHERE recipient <> 'good@crm.test' AND state = 'pending'"
        )
        arranged = [clocks("2026-07-01T09:00", tmp_path)]
        lasting.fork("deliver", "--once", arranged=arranged, CRM_MAIL=office.url).ended()

    tried = [m for m in lasting.messages() if m.state is not State.SKIPPED]
    (bad,) = [m for m in tried if m.state is not State.SENT]
    assert (len(tried), len(office.order)) == (50, 49)
    assert (bad.state, bad.recipient, bad.note) == (
        State.FAILED,
        "zhao@crm.test",
        "550 5.1.1 no such user",
    )
