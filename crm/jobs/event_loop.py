"""Several conversations in one thread: while one waits for its server, the others go on.

Threads did the same, but contended for the interpreter: four took twice the processor time of one.
Functions that wait need no other form than in a thread of their own, as greenlets switch stacks.
"""

import select
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass

from greenlet import getcurrent, greenlet

from crm.base.clock import monotonic
from crm.jobs.connection import StoppedError

MILLISECONDS = 1000


@dataclass(slots=True)
class _Wait:
    """A function that waits for a descriptor."""

    task: greenlet
    ends: float  # by the monotonic clock
    is_ready: bool = False


class EventLoop:
    """Runs functions in one thread, and switches between them while they wait."""

    def __init__(self) -> None:
        self._main: greenlet | None = None  # set while it runs
        self._ready: deque[greenlet] = deque()
        self._waits: dict[int, _Wait] = {}  # by descriptor
        self._poll = select.poll()  # not select, which fails for descriptors above 1023
        self._pausing: list[greenlet] = []
        self._pause_ends = 0.0

    def run(self, steps: Iterable[Callable[[], None]]) -> None:
        """Run them all to their ends; what one of them raises ends the others."""
        for step in steps:
            task = greenlet(step)
            task.gr_context = copy_context()
            self._ready.append(task)

        self._main = getcurrent()
        try:
            while self._ready or self._waits or self._pausing:
                self._turn()
        finally:
            self._main = None
            self._end_others()

    def poll(self, descriptor: int, events: int, seconds: float) -> bool:
        """Wait for the descriptor; False where the seconds have passed."""
        wait = self._waits[descriptor] = _Wait(getcurrent(), monotonic() + seconds)
        self._poll.register(descriptor, events)
        self._switch()
        return wait.is_ready

    def pause(self, seconds: float) -> None:
        """Wait until all others pause as well, or the first of them has done so for its time."""
        ends = monotonic() + seconds
        self._pause_ends = min(self._pause_ends, ends) if self._pausing else ends
        self._pausing.append(getcurrent())
        self._switch()

    def _switch(self) -> None:
        if self._main is None:  # the functions that are left must end
            raise StoppedError
        self._main.switch()

    def _end_others(self) -> None:
        """End whoever is left where one of them raised an error."""
        waiting = [wait.task for wait in self._waits.values()]
        for task in (*self._ready, *waiting, *self._pausing):
            task.throw()

    def _turn(self) -> None:
        if self._ready:
            self._ready.popleft().switch()
            return

        now = monotonic()
        ends = [wait.ends for wait in self._waits.values()]
        if self._pausing:
            ends.append(self._pause_ends if self._waits else now)
        self._collect(max(min(ends) - now, 0.0))

    def _collect(self, seconds: float) -> None:
        """Let go on whoever's wait ends within that time."""
        found = self._poll.poll(seconds * MILLISECONDS)
        now = monotonic()

        for descriptor, _ in found:
            self._waits[descriptor].is_ready = True
        for descriptor, wait in list(self._waits.items()):
            if wait.is_ready or wait.ends <= now:
                self._poll.unregister(descriptor)
                del self._waits[descriptor]
                self._ready.append(wait.task)
        if self._pausing and not self._ready and (not self._waits or self._pause_ends <= now):
            self._ready.extend(self._pausing)
            self._pausing.clear()
