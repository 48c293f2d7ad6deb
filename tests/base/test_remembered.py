"""Threads that read the same thing at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from crm.base.periods import DAY
from crm.base.remembered import CHARACTERS, MOST_OF_TEXT, Memory, Recall
from crm.base.value_class import value_class
from tests.conftest import NOW

THREADS = 4


@value_class
class Part:
    """A part of a page, as a record."""

    html: str


@pytest.fixture
def memory() -> Recall:
    return Recall(Memory(), "head", NOW)


def test_threads_that_need_the_same_value_wait_for_one_read(memory):
    reads, everybody = [], Barrier(THREADS)

    def read():
        reads.append("read")
        return "value", NOW + DAY

    def ask(_number: int) -> str:
        everybody.wait()
        return memory.find_or_read("what", read=read)

    with ThreadPoolExecutor(THREADS) as threads:
        values = list(threads.map(ask, range(THREADS)))

    assert values == ["value"] * THREADS
    assert reads == ["read"]


def test_other_values_are_read_meanwhile(memory):
    is_under_way, may_end = Event(), Event()

    def read_slowly():
        is_under_way.set()
        may_end.wait(timeout=10)
        return "slow", NOW + DAY

    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(memory.find_or_read, "slow", read=read_slowly)
        is_under_way.wait(timeout=10)
        quick = memory.find_or_read("quick", read=lambda: ("quick", NOW + DAY))
        may_end.set()

    assert (quick, slow.result()) == ("quick", "slow")


def test_a_read_that_fails_leaves_the_value_to_the_next(memory):
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        memory.find_or_read("what", read=fail)

    assert memory.find_or_read("what", read=lambda: ("value", NOW + DAY)) == "value"


def test_parts_of_pages_are_bounded_apart_from_plain_values(memory):
    """Searched words have no end: what was not looked at again goes, and plain values stay."""
    memory.find_or_read("units", read=lambda: ((1, 2), NOW + DAY))
    for number in range(200):
        part = Part("页" * 20_000)
        memory.find_or_read("part", number, read=lambda part=part: (part, NOW + DAY))
        memory.find("part", 0)

    kept = [number for number in range(200) if memory.find("part", number)]

    assert kept[0] == 0
    assert kept[1:] == list(range(201 - len(kept), 200))
    assert len(kept) * 20_000 <= MOST_OF_TEXT * CHARACTERS
    assert memory.find("units") == (1, 2)
