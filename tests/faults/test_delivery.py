"""Delivery told to end in a batch, without a server for a day, with one bad address."""

import time

import pytest

from crm.base.outbox import MessageKind, State
from tests.faults.arranged import Clocks, off_from
from tests.faults.crew import crew, wait_until
from tests.faults.storm import fair
from tests.faults.visitor import free_port
from tests.jobs.scripted import Reply, scripted
from tests.jobs.work import at

ENDS_WITHIN_SECONDS = 10
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


@pytest.mark.parametrize("command", ["deliver", "clock", "serve"])
def test_told_to_end_while_a_server_drips_it_ends_soon_and_says_what_it_does_not_know(
    lasting, tmp_path, command
):
    words = {"serve": ("serve", "--port", str(free_port()))}.get(command, (command,))
    with (
        scripted(body=[Reply(drips=True)]) as server,
        crew(
            lasting,
            clocks("2026-07-01T09:00", tmp_path),
            CRM_MAIL=server.url,
            CRM_MAIL_CONNECTIONS="1",
        ) as runs,
    ):
        runs.start(*words)
        wait_until(server.reached["body"].is_set, else_tell=lambda: runs.says)
        began = time.monotonic()
        runs.dismiss()
        took = time.monotonic() - began

    messages = lasting.messages()
    (unknown,) = [m for m in messages if m.state in (State.AMBIGUOUS, State.HELD)]
    assert took < ENDS_WITHIN_SECONDS
    assert "系统停止运行" in unknown.note
    assert {m.state for m in messages if m is not unknown} <= {State.PENDING, State.SENT}
    assert {m.claimed_until for m in messages} == {None}
    assert server.got.total() == 1


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
