"""A thread that repeats one step: whenever it is woken, and after a while without being woken."""

from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread

from sqlalchemy.exc import DBAPIError

from crm.base import clock
from crm.base.db_faults import fault_of, first_line
from crm.base.logs import structlog
from crm.jobs import clock_check

log = structlog.get_logger()


class Worker:
    """One thread of a node; a step that fails is logged, and the next one tries again."""

    def __init__(
        self,
        name: str,
        step: Callable[[], None],
        *,
        stopping: Event,
        idle_seconds: float,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.last_step: datetime | None = None  # when the last successful step ended
        self._ended: float | None = None  # the same, by the monotonic clock

        self._step = step
        self._at_end = at_end
        self._stopping = stopping
        self._idle_seconds = idle_seconds
        self._wake = Event()
        # A daemon: what it has not committed when the process ends is rolled back and done again.
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Do the first step at once."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """Do the next step now, or once the current one has ended."""
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread to end; False where it does not in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def seconds_since_step(self) -> float | None:
        """Seconds since the last successful step; None before the first."""
        return None if self._ended is None else clock.monotonic() - self._ended

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Event.wait counts by the monotonic clock: a wall clock that is set back stalls the
            # scheduler, but not this.
            if not self._wake.wait(self._idle_seconds):
                log.warning("clock.not_woken", worker=self.name, seconds=self._idle_seconds)
            # before the step: whoever wakes it during the step wants another one
            self._wake.clear()
            if not self._stopping.is_set() and attempt(self._step, worker=self.name):
                self.last_step, self._ended = clock.now(), clock.monotonic()
        attempt(self._at_end, worker=self.name)


def attempt(step: Callable[[], None], **about: str) -> bool:
    """Do the step; False where it fails, with the reason in the log."""
    try:
        step()
    except clock_check.UntrustedClockError as error:
        clock_check.log_doubt(error.doubt)
        return False
    except DBAPIError as error:
        # A database that is down is no fault of ours: its traceback would only fill the log.
        details = {"error": first_line(error), "exc_info": not fault_of(error).is_transient}
        log.error("clock.tick_failed", **details, **about)  # noqa: TRY400
        return False
    except Exception:  # the thread's outer edge
        log.exception("clock.tick_failed", **about)
        return False

    return True
