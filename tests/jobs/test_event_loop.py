"""Functions in one thread: each goes on when what it waits for is there."""

import select
import socket
from functools import partial

import pytest

from crm.jobs.connection import StoppedError
from crm.jobs.event_loop import EventLoop


def test_while_one_waits_the_others_go_on():
    loop, done = EventLoop(), []
    ours, theirs = socket.socketpair()

    def reads():
        is_ready = loop.poll(ours.fileno(), select.POLLIN, 10)
        done.append((is_ready, ours.recv(1)))

    def writes():
        theirs.send(b"x")
        done.append("written")

    with ours, theirs:
        loop.run([reads, writes])

    assert done == ["written", (True, b"x")]


def test_a_wait_ends_with_its_time():
    loop, found = EventLoop(), []
    ours, theirs = socket.socketpair()

    with ours, theirs:
        loop.run([lambda: found.append(loop.poll(ours.fileno(), select.POLLIN, 0.01))])

    assert found == [False]


def test_who_pauses_goes_on_once_all_others_pause_or_have_ended():
    loop, done = EventLoop(), []

    def pauses(name):
        done.append(f"{name} pauses")
        loop.pause(10)
        done.append(f"{name} goes on")

    loop.run([partial(pauses, "an"), partial(pauses, "bo"), lambda: done.append("cai ends")])

    assert done == ["an pauses", "bo pauses", "cai ends", "an goes on", "bo goes on"]


def test_a_pause_ends_though_another_still_waits():
    loop, done = EventLoop(), []
    ours, theirs = socket.socketpair()

    def waits():
        loop.poll(ours.fileno(), select.POLLIN, 10)
        done.append("read")

    def pauses():
        loop.pause(0.01)
        done.append("paused")
        theirs.send(b"x")

    with ours, theirs:
        loop.run([waits, pauses])

    assert done == ["paused", "read"]


def test_what_one_of_them_raises_ends_the_others():
    loop, ended = EventLoop(), []
    ours, theirs = socket.socketpair()

    def waits():
        try:
            loop.poll(ours.fileno(), select.POLLIN, 10)
        finally:
            with pytest.raises(StoppedError):
                loop.pause(10)
            ended.append(True)

    def raises():
        raise KeyboardInterrupt

    with ours, theirs, pytest.raises(KeyboardInterrupt):
        loop.run([waits, raises])

    assert ended == [True]
