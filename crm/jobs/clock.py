"""The clock of one node: each tick renews the lease, does what is due and delivers what waits."""

import os
import socket
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from uuid import uuid4

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.db import writing
from crm.base.mail import Site
from crm.jobs import lease, trust
from crm.jobs.clockwork import Clockwork
from crm.jobs.delivery import Courier
from crm.jobs.scheduler import TICK_SECONDS, wake_ups
from crm.jobs.smtp import SmtpServer

WATCHDOG_SECONDS = 3 * TICK_SECONDS
STOPS_WITHIN_SECONDS = 8

log = structlog.get_logger()


class Node:
    """What one tick does; many nodes may tick, and the lease lets one of them run the timetable."""

    def __init__(
        self, clockwork: Clockwork, courier: Courier, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._clockwork = clockwork
        self._courier = courier
        self._now = now
        self._sessions = clockwork.sessions
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"

    def tick(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Do what is due, where this node leads, then deliver what waits.

        Raises `DoubtfulClockError` where the clock is not to be believed. It is asked before each
        slot and each mail: a clock may leap at any moment.
        """
        if self._leads():
            self._clockwork.run_due(self._now, may_go_on=lambda: may_go_on() and self._leads())
        self._courier.deliver_all(lambda: may_go_on() and trust.is_believed(self._sessions))

    def retire(self) -> None:
        """Let another node lead at once."""
        with writing(self._sessions) as db:
            lease.release(db, self.holder)

    def _leads(self) -> bool:
        with writing(self._sessions) as db:
            trust.believe(db)
            return lease.hold(db, self.holder)


class ClockRunner:
    """A node that ticks in a thread of its own, until it is stopped."""

    def __init__(self) -> None:
        self.last_tick: datetime | None = None  # the last that ended well
        self._ticked: float | None = None  # the same, by the monotonic clock
        self._wake = Event()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._scheduler: BackgroundScheduler | None = None
        self._node: Node | None = None

    def start(self, sessions: sessionmaker[Session], site: Site, mailer: SmtpServer | None) -> None:
        """Begin to tick, at once and from then on; without a mailer mails go to the mailbox."""
        clockwork = Clockwork(sessions, site)
        courier = Courier(sessions, mailer, site.mail_from, clock.now, self._stopping)
        self._node = Node(clockwork, courier)
        self._scheduler = wake_ups(self._wake.set, clockwork.jobs)
        self._scheduler.start()
        self._wake.set()
        # A daemon: what it has not committed when the process ends is rolled back, and done again.
        self._thread = Thread(target=self._run, args=(self._node,), name="clock", daemon=True)
        self._thread.start()
        log.info("clock.started", holder=self._node.holder)

    def stop(self) -> None:
        """End after the slot and the message in hand, or without them when they take too long."""
        self._stopping.set()
        self._wake.set()
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
        if self._thread:
            self._thread.join(STOPS_WITHIN_SECONDS)
            log.info("clock.stopped", in_time=not self._thread.is_alive())

    def seconds_since_tick(self) -> float | None:
        """How long ago the last tick ended well; none before the first. Health looks at this."""
        return None if self._ticked is None else clock.monotonic() - self._ticked

    def _run(self, node: Node) -> None:
        while not self._stopping.is_set():
            # Event.wait counts by the monotonic clock: a wall clock set back stalls the scheduler,
            # but not this.
            if not self._wake.wait(WATCHDOG_SECONDS):
                log.warning("clock.not_woken", seconds=WATCHDOG_SECONDS)
            self._wake.clear()
            if not self._stopping.is_set():
                self._tick(node)
        self._guarded(node.retire)

    def _tick(self, node: Node) -> None:
        if self._guarded(lambda: node.tick(lambda: not self._stopping.is_set())):
            self.last_tick, self._ticked = clock.now(), clock.monotonic()

    @staticmethod
    def _guarded(step: Callable[[], None]) -> bool:
        try:
            step()
        except trust.DoubtfulClockError as error:
            trust.tell(error.doubt)
            return False
        except Exception:  # the clock's outer edge: the next tick tries again (STYLE 6)
            log.exception("clock.tick_failed")
            return False
        return True
