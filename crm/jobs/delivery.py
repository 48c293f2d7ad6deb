"""Delivery of the outbox: claim a batch, send it, mark each message.

A message is delivered exactly once inside the database; over SMTP at least once, or at most once
for kinds that may not be repeated. Between DATA and our mark a crash leaves open whether a message
was sent: it becomes `ambiguous`, waits, and is sent once more with the same bytes and Message-ID.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Event
from uuid import uuid4

from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from crm.base.clock import monotonic
from crm.base.logs import structlog
from crm.base.outbox import Message, State
from crm.jobs import claims
from crm.jobs.batch_delivery import BatchDelivery, Task
from crm.jobs.claims import BATCH, DATABASE_DOWN
from crm.jobs.delivery_hold import is_held
from crm.jobs.expiry import skip_expired
from crm.jobs.rate_limit import RateLimit
from crm.jobs.smtp import (
    SmtpServer,
)
from crm.transactions import transaction

QUICK_BATCH_SECONDS = 0.5
LARGEST_BATCH = 400
REPLAYED = "按当时的时点补做，只存入系统信箱"

log = structlog.get_logger()


def leave_in_mailbox(
    db: Session,
    *,
    now: datetime,
    made_at: datetime | None = None,
    only: Collection[int] | None = None,
) -> int:
    """Deliver what waits by leaving it in the mailbox.

    `made_at`: only the messages of a slot; `only`: those few.
    """
    waiting = Message.state.in_(claims.WAITING), Message.due_at <= now, claims.is_unclaimed(now)
    query = (
        update(Message)
        .where(*waiting, Message.channel_id.is_(None))
        .values(state=State.SENT, sent_at=now)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    if only is not None:
        query = query.where(Message.id.in_(only))
    if made_at:
        query = query.where(Message.made_at == made_at)
        _keep_from_channels(db, made_at)
    return len(db.scalars(query).all())


def _keep_from_channels(db: Session, made_at: datetime) -> None:
    """A slot that is replayed for the mailbox tells nobody outside."""
    of_slot = update(Message).where(
        Message.channel_id.is_not(None), Message.made_at == made_at, Message.state == State.PENDING
    )
    db.execute(
        of_slot.values(state=State.SKIPPED, note=REPLAYED),
        execution_options={"synchronize_session": False},
    )


@dataclass(frozen=True)
class Deliverer:
    """Delivers messages by SMTP; without a server it leaves them in the mailbox.

    Once `stopped` is set it ends soon, whatever the server does.
    """

    sessions: sessionmaker[Session]
    server: SmtpServer | None
    sender: str
    now: Callable[[], datetime]
    stopped: Event = field(default_factory=Event)

    @cached_property
    def rate_limit(self) -> RateLimit:
        """The server's limit, kept for as long as this worker lives."""
        return RateLimit(self.server.per_minute if self.server else 0)

    def deliver_all(self, may_go_on: Callable[[], bool] = lambda: True) -> Counter[State]:
        """Deliver until nothing is due; how many messages reached which state."""
        total: Counter[State] = Counter()
        most, began = BATCH, monotonic()
        while self._goes_on(may_go_on) and (counts := self.deliver_batch(may_go_on, most=most)):
            total += counts
            # Larger batches cost less, but leave less to other workers.
            is_quick = monotonic() - began < QUICK_BATCH_SECONDS
            most, began = min(2 * most, LARGEST_BATCH) if is_quick else BATCH, monotonic()
        if total:
            log.info("outbox.delivered", **{state.value: n for state, n in total.items()})
        return total

    def deliver_to_the_end(
        self, pause: Callable[[float], object], may_go_on: Callable[[], bool] = lambda: True
    ) -> None:
        """Deliver until nothing is due, with a pause whenever the minute's mails have gone."""
        self.deliver_all(may_go_on)
        while self._goes_on(may_go_on) and (seconds := self.rate_limit.seconds_to_wait()):
            pause(seconds)
            self.deliver_all(may_go_on)

    def _goes_on(self, may_go_on: Callable[[], bool]) -> bool:
        return not self.stopped.is_set() and may_go_on()

    def deliver_batch(
        self, may_go_on: Callable[[], bool] = lambda: True, *, most: int = BATCH
    ) -> Counter[State]:
        """Deliver one batch; empty where nothing is due or the server cannot be reached."""
        now = self.now()
        counts = claims.settle_expired_claims(self.sessions, now=now)
        if self.server is None:
            return counts + self._leave(now)

        counts += self._skip_stale(now)
        # Claim no more than may be sent now, so that other workers can take the rest.
        if not (room := self.rate_limit.room(most)):
            return counts
        worker = uuid4().hex
        ids = claims.claim_batch(self.sessions, worker, now=self.now(), most=room)
        goes_on = lambda: self._goes_on(may_go_on)  # noqa: E731 - of this batch
        return counts + BatchDelivery(self._task(self.server, worker), goes_on).deliver(ids)

    def _leave(self, now: datetime, only: Collection[int] | None = None) -> Counter[State]:
        with transaction(self.sessions) as db:
            # what waits is decided on when the hold ends, with a mail server or without
            left = 0 if is_held(db) else leave_in_mailbox(db, now=now, only=only)
        return Counter({State.SENT: left})

    def deliver_only(self, ids: Collection[int]) -> Counter[State]:
        """Deliver these few messages, as far as they are due and nobody else has them."""
        if self.server is None:
            return self._leave(self.now(), ids)
        worker = uuid4().hex
        with transaction(self.sessions) as db:
            claimed = [
                found
                for message_id in ids
                for found in claims.claim(db, worker, now=self.now(), only=message_id)
            ]
        goes_on = lambda: self._goes_on(lambda: True)  # noqa: E731 - of this batch
        return BatchDelivery(self._task(self.server, worker), goes_on).deliver(claimed)

    def _task(self, server: SmtpServer, worker: str) -> Task:
        return Task(
            sessions=self.sessions,
            server=server,
            sender=self.sender,
            worker=worker,
            now=self.now,
            stopped=self.stopped,
            rate_limit=self.rate_limit,
        )

    def _skip_stale(self, now: datetime) -> Counter[State]:
        try:
            with transaction(self.sessions) as db:
                return skip_expired(db, now=now)
        except DATABASE_DOWN:
            raise
        except Exception:  # each is checked again before it is sent
            log.exception("outbox.not_skipped")
            return Counter()
