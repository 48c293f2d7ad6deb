"""The clock of one node: timetable and delivery, each in a thread of its own."""

import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event, Thread
from uuid import uuid4

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.logs import structlog
from crm.base.mail import Site
from crm.base.mail_settings import MailSettings
from crm.jobs import clock_check, lease
from crm.jobs.channels.delivery import ChannelDeliverer
from crm.jobs.delivery import Deliverer
from crm.jobs.import_process import Start, work_on_imports, work_on_long_imports
from crm.jobs.mail_route import RoutedDeliverer
from crm.jobs.runner import Runner
from crm.jobs.timetable import Job
from crm.jobs.worker import Worker, attempt
from crm.jobs.write_yield import WriteYield
from crm.transactions import transaction

TICK_SECONDS = 30
WATCHDOG_SECONDS = 3 * TICK_SECONDS
IMPORT_SECONDS = 3  # a table that was just uploaded is looked at within so many
RENEW_SECONDS = 20  # the lease lasts 90 s, and its renewal may wait 20 s for SQLite's write lock
LONGEST_SLOT_SECONDS = 15 * 60  # a slot that takes longer hangs: another node may lead
STOPS_WITHIN_SECONDS = 8

log = structlog.get_logger()


class Node:
    """One node of possibly many; the lease decides which of them runs the timetable."""

    def __init__(
        self,
        runner: Runner,
        deliverer: Deliverer | RoutedDeliverer,
        *,
        now: Callable[[], datetime] = clock.now,
        import_process: Start | None = None,
    ) -> None:
        self._runner = runner
        self._import_process = import_process  # none: a thread of this one does
        self._deliverer = deliverer
        self._now = now
        self._sessions = runner.sessions
        self._channels = ChannelDeliverer(
            runner.sessions, runner.site.secret, now, deliverer.stopped
        )
        self._led_at: float | None = None  # by the monotonic clock; None between two ticks
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"

    @property
    def jobs(self) -> Sequence[Job]:
        return self._runner.jobs

    def run_timetable(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Run the slots that are due, if this node leads.

        Raises `UntrustedClockError`. The clock is checked before each slot and each mail, because
        it may leap at any moment.
        """
        try:
            if self._leads():
                self._runner.run_due(self._now, may_go_on=lambda: may_go_on() and self._leads())
        finally:
            self._led_at = None

    def deliver(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Deliver what waits, whether this node leads or not."""
        write_yield = WriteYield(self._sessions)
        is_trusted = clock_check.TrustCheck(self._sessions)

        def goes_on() -> bool:
            write_yield.pause_if_due()  # on SQLite a slot waits for the write lock
            return may_go_on() and is_trusted()

        self._deliverer.deliver_all(goes_on)

    def deliver_to_channels(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Deliver what waits for channels, whether this node leads or not."""
        write_yield = WriteYield(self._sessions)
        is_trusted = clock_check.TrustCheck(self._sessions)

        def goes_on() -> bool:
            write_yield.pause_if_due()
            return may_go_on() and is_trusted()

        self._channels.deliver_all(goes_on)

    def work_on_imports(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Check and keep tables of many rows, whether this node leads or not."""
        if self._import_process is None:
            work_on_imports(self._sessions, self._now, may_go_on)
        else:
            work_on_long_imports(self._sessions, self._now, may_go_on, self._import_process)

    def keep_lease(self) -> None:
        """Renew the lease during a long slot, but not of one that hangs."""
        # read once: the timetable's thread sets it meanwhile
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
            clock_check.require_trusted(db)
            leads = lease.acquire(db, self.holder)
        self._led_at = clock.monotonic() if leads else None
        return leads


class ClockThreads:
    """The threads of a node, until it is stopped.

    The timetable never waits for a mail server, and its lease is renewed in a long slot too.
    """

    def __init__(self) -> None:
        self._stopping = Event()
        self._timetable: Worker | None = None
        self._workers: list[Worker] = []
        self._scheduler: BackgroundScheduler | None = None

    def start(
        self,
        sessions: sessionmaker[Session],
        site: Site,
        mails: MailSettings,
        import_process: Start | None = None,
    ) -> None:
        """Start ticking; without a mail server mails stay in the mailbox."""
        deliverer = RoutedDeliverer(sessions, mails, clock.now, self._stopping)
        self.run(Node(Runner(sessions, site), deliverer, import_process=import_process))

    def run(self, node: Node) -> None:
        delivery = self._worker("delivery", lambda: node.deliver(self._goes_on))

        channels = self._worker("channels", lambda: node.deliver_to_channels(self._goes_on))

        def tick() -> None:
            node.run_timetable(self._goes_on)
            delivery.wake()  # for the mails that were just made
            channels.wake()

        self._timetable = self._worker("timetable", tick, at_end=node.retire)
        imports = self._worker("imports", lambda: node.work_on_imports(self._goes_on))
        self._workers = [self._timetable, delivery, channels, imports]
        # The scheduler only wakes the workers; each worker also wakes by itself (watchdog).
        self._scheduler = scheduler_of(self._wake, node.jobs)
        # a table that waits is found by a query of one index
        self._scheduler.add_job(imports.wake, "interval", seconds=IMPORT_SECONDS, id="imports")
        self._scheduler.start()
        for worker in self._workers:
            worker.start()
        Thread(target=self._keep_lease, args=(node,), name="lease", daemon=True).start()
        log.info("clock.started", holder=node.holder)

    def stop(self) -> None:
        """Stop after the current slot and message, or without them when they take too long."""
        self._stopping.set()
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
        self._wake()

        # one deadline for all workers together
        ends_at = clock.monotonic() + STOPS_WITHIN_SECONDS
        for worker in self._workers:
            in_time = worker.join(max(ends_at - clock.monotonic(), 0))
            log.info("clock.stopped", worker=worker.name, in_time=in_time)

    @property
    def last_tick(self) -> datetime | None:
        """When the timetable last did all that was due, whatever delivery did."""
        return self._timetable.last_step if self._timetable else None

    def seconds_since_tick(self) -> float | None:
        """Seconds since `last_tick`; None before the first tick."""
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
            attempt(node.keep_lease, worker="lease")


def scheduler_of(wake: Callable[[], object], jobs: Sequence[Job]) -> BackgroundScheduler:
    """An APScheduler that only wakes the node: at the jobs' times of day, and every tick.

    What is due is decided by data, so a wake-up that is lost or repeated does no harm.
    """
    zone = clock.civil(clock.now()).tzinfo
    scheduler = BackgroundScheduler(
        timezone=zone,
        # Its own misfire limit is one second, after which a wake-up would be lost.
        job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
    )
    scheduler.add_job(wake, IntervalTrigger(seconds=TICK_SECONDS, timezone=zone), id="tick")

    for at in sorted({job.at for job in jobs}):
        trigger = CronTrigger(hour=at.hour, minute=at.minute, timezone=zone)
        scheduler.add_job(wake, trigger, id=f"at {at:%H:%M}")

    return scheduler
