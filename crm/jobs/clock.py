"""The clock of one node: timetable and delivery, each in a thread of its own (DESIGN 3)."""

import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event, Thread
from uuid import uuid4

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.mail import Site
from crm.jobs import clock_check, lease
from crm.jobs.delivery import Courier
from crm.jobs.runner import Clockwork
from crm.jobs.scheduler import TICK_SECONDS, wake_ups
from crm.jobs.smtp import SmtpServer
from crm.jobs.timetable import Job
from crm.jobs.worker import Worker, succeeds
from crm.jobs.write_yield import Turns
from crm.transactions import transaction

WATCHDOG_SECONDS = 3 * TICK_SECONDS
RENEW_SECONDS = 20  # the lease lasts 90 s, and its renewal may wait 20 s for SQLite's write lock
LONGEST_SLOT_SECONDS = 15 * 60  # a slot that takes longer hangs: another node may lead
STOPS_WITHIN_SECONDS = 8

log = structlog.get_logger()


class Node:
    """What a node does; there may be many, and the lease lets one of them run the timetable."""

    def __init__(
        self, clockwork: Clockwork, courier: Courier, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._clockwork = clockwork
        self._courier = courier
        self._now = now
        self._sessions = clockwork.sessions
        self._led_at: float | None = None  # by the monotonic clock; none between two ticks
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"

    @property
    def jobs(self) -> Sequence[Job]:
        """The jobs of its timetable."""
        return self._clockwork.jobs

    def run_timetable(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Do what is due, where this node leads.

        Raises `DoubtfulClockError` where the clock is not to be believed. It is asked before each
        slot and each mail: a clock may leap at any moment.
        """
        try:
            if self._leads():
                self._clockwork.run_due(self._now, may_go_on=lambda: may_go_on() and self._leads())
        finally:
            self._led_at = None

    def deliver(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Deliver what waits, whether this node leads or not."""
        turns = Turns(self._sessions)

        def goes_on() -> bool:
            turns.give()  # on SQLite a slot waits for the write lock
            return may_go_on() and clock_check.is_believed(self._sessions)

        self._courier.deliver_all(goes_on)

    def keep_lease(self) -> None:
        """Renew the lease while a slot takes long; one that hangs loses it in the end."""
        led_at = self._led_at
        if led_at is None or clock.monotonic() - led_at > LONGEST_SLOT_SECONDS:
            return
        with transaction(self._sessions) as db:
            lease.renew(db, self.holder)

    def retire(self) -> None:
        """Let another node lead at once."""
        with transaction(self._sessions) as db:
            lease.release(db, self.holder)

    def _leads(self) -> bool:
        with transaction(self._sessions) as db:
            clock_check.believe(db)
            leads = lease.hold(db, self.holder)
        self._led_at = clock.monotonic() if leads else None
        return leads


class ClockRunner:
    """A node at work in threads of its own, until it is stopped.

    The timetable never waits for a mail server, and its lease is renewed in a long slot too.
    """

    def __init__(self) -> None:
        self._stopping = Event()
        self._timetable: Worker | None = None
        self._workers: list[Worker] = []
        self._scheduler: BackgroundScheduler | None = None

    def start(self, sessions: sessionmaker[Session], site: Site, mailer: SmtpServer | None) -> None:
        """Begin to tick, at once and from then on; without a mailer mails go to the mailbox."""
        courier = Courier(sessions, mailer, site.mail_from, clock.now, self._stopping)
        self.run(Node(Clockwork(sessions, site), courier))

    def run(self, node: Node) -> None:
        """Put the node to work."""
        delivery = self._worker("delivery", lambda: node.deliver(self._goes_on))

        def tick() -> None:
            node.run_timetable(self._goes_on)
            delivery.wake()  # of what was made

        self._timetable = self._worker("timetable", tick, at_end=node.retire)
        self._workers = [self._timetable, delivery]
        self._scheduler = wake_ups(self._wake, node.jobs)
        self._scheduler.start()
        for worker in self._workers:
            worker.start()
        Thread(target=self._keep_lease, args=(node,), name="lease", daemon=True).start()
        log.info("clock.started", holder=node.holder)

    def stop(self) -> None:
        """End after the slot and the message in hand, or without them when they take too long."""
        self._stopping.set()
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
        self._wake()
        ends_at = clock.monotonic() + STOPS_WITHIN_SECONDS
        for worker in self._workers:
            in_time = worker.join(max(ends_at - clock.monotonic(), 0))
            log.info("clock.stopped", worker=worker.name, in_time=in_time)

    @property
    def last_tick(self) -> datetime | None:
        """When the timetable last did all that was due; what is delivered has no say in it."""
        return self._timetable.last_step if self._timetable else None

    def seconds_since_tick(self) -> float | None:
        """How long ago that was; none before the first tick."""
        return self._timetable.seconds_since_step() if self._timetable else None

    def _worker(self, name: str, step: Callable[[], None], **at_end: Callable[[], None]) -> Worker:
        stopping, idle = self._stopping, WATCHDOG_SECONDS
        return Worker(name, step, stopping=stopping, idle_seconds=idle, **at_end)

    def _wake(self) -> None:
        for worker in self._workers:
            worker.wake()

    def _goes_on(self) -> bool:
        return not self._stopping.is_set()

    def _keep_lease(self, node: Node) -> None:
        while not self._stopping.wait(RENEW_SECONDS):
            succeeds(node.keep_lease, worker="lease")
