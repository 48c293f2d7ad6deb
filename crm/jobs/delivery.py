"""Delivery of the outbox: claim a batch, send it, mark each message.

A message is delivered exactly once inside the database; over SMTP at least once, or at most once
for kinds that may not be repeated. Between DATA and our mark a crash leaves open whether a message
was sent: it becomes `ambiguous`, waits, and is sent once more with the same bytes and Message-ID.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from threading import Event
from uuid import uuid4

import structlog
from sqlalchemy import case, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.outbox import Message, State
from crm.jobs import claims
from crm.jobs.backoff import wait_after
from crm.jobs.claims import BATCH, DATABASE_DOWN, RESENT_BY_HAND, WAITING, keep_resend_line
from crm.jobs.connection import StoppedError
from crm.jobs.expiry import expiry_note, is_expired, skip_expired
from crm.jobs.mime import envelope_address, mime_of
from crm.jobs.rate_limit import RateLimit
from crm.jobs.smtp import (
    AmbiguousError,
    RefusedMailError,
    SmtpClient,
    SmtpServer,
    UnreachableError,
)
from crm.transactions import transaction

FIRST_WAIT = timedelta(minutes=1)
MOST_ATTEMPTS = 12  # with these waits, some seven hours

NO_ADDRESS = "没有邮箱地址，只存入站内信箱"
REPEATED = "上次发送结果不明，已原样重发一次"

log = structlog.get_logger()


class ClaimLostError(Exception):
    """The claim ended before DATA, so another worker may have the message."""


def leave_in_mailbox(db: Session, *, now: datetime, made_at: datetime | None = None) -> int:
    """Deliver pending messages by leaving them in the mailbox; `made_at`: only those of a slot."""
    query = (
        update(Message)
        .where(Message.state == State.PENDING, Message.due_at <= now, claims.is_unclaimed(now))
        .values(state=State.SENT, sent_at=now)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    if made_at:
        query = query.where(Message.made_at == made_at)
    return len(db.scalars(query).all())


def retry_delay(message_id: int, attempts: int) -> timedelta:
    """How long to wait after that many attempts, spread by a fifth.

    The spread keeps messages that failed together from returning together. It follows from the
    message and the attempt, so that tests can predict it.
    """
    wait = wait_after(attempts, first=FIRST_WAIT)
    spread = int.from_bytes(sha256(f"{message_id}:{attempts}".encode()).digest()[:2]) / 0xFFFF
    return timedelta(seconds=wait.total_seconds() * (0.8 + 0.4 * spread))


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
        while self._goes_on(may_go_on) and (counts := self.deliver_batch(may_go_on)):
            total += counts
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

    def deliver_batch(self, may_go_on: Callable[[], bool] = lambda: True) -> Counter[State]:
        """Deliver one batch; empty where nothing is due or the server cannot be reached."""
        if self.server is None:
            with transaction(self.sessions) as db:
                return +Counter({State.SENT: leave_in_mailbox(db, now=self.now())})
        now = self.now()
        counts = claims.settle_expired_claims(self.sessions, now=now) + self._skip_stale(now)
        # Claim no more than may be sent now, so that other workers can take the rest.
        if not (room := self.rate_limit.room(BATCH)):
            return counts
        worker = uuid4().hex
        ids = claims.claim_batch(self.sessions, worker, now=self.now(), most=room)
        goes_on = lambda: self._goes_on(may_go_on)  # noqa: E731 - of this batch
        return counts + _Batch(self, self.server, worker).deliver(ids, goes_on)

    def _skip_stale(self, now: datetime) -> Counter[State]:
        try:
            with transaction(self.sessions) as db:
                return skip_expired(db, now=now)
        except DATABASE_DOWN:
            raise
        except Exception:  # each is checked again before it is sent
            log.exception("outbox.not_skipped")
            return Counter()


class _Batch:
    """One claimed batch on its way."""

    def __init__(self, deliverer: Deliverer, server: SmtpServer, worker: str) -> None:
        self._deliverer = deliverer
        self._sessions = deliverer.sessions
        self._now = deliverer.now
        self._worker = worker
        self._client = SmtpClient(server, self._while_waiting)
        self._grace_seconds = server.limits.when_stopped
        self._current_id: int | None = None
        self._is_sending = False
        self._stopped_at: float | None = None  # by the monotonic clock
        self._plan_renewal()

    def deliver(self, ids: list[int], goes_on: Callable[[], bool]) -> Counter[State]:
        counts: Counter[State] = Counter()
        remaining = list(ids)

        try:
            while remaining and goes_on():
                counts[self._deliver_alone(remaining[0])] += 1
                del remaining[0]
        except UnreachableError as error:
            log.warning("smtp.unreachable", error=str(error), waiting=len(remaining))
            self._postpone(remaining, str(error))
        except ClaimLostError:  # the whole batch was claimed then; another worker may have it
            log.warning("outbox.claim_lost", messages=len(remaining))
        except StoppedError:
            log.info("outbox.stopped", messages=len(remaining))
        finally:
            # So that closing the session may be interrupted at once.
            self._is_sending = False
            self._client.close()

        self._release(remaining)

        return counts

    def _while_waiting(self) -> None:
        """Called during each wait for the server: stop when told to, and renew the claim."""
        if self._deliverer.stopped.is_set():
            self._end_soon()
        if self._current_id is None or clock.monotonic() < self._renew_at:
            return
        self._plan_renewal()
        try:
            with transaction(self._sessions) as db:
                claims.renew(db, self._worker, self._current_id, now=self._now())
        except SQLAlchemyError as error:  # go on; the next renewal may succeed
            log.warning("claim.not_renewed", error=str(error).partition("\n")[0])

    def _end_soon(self) -> None:
        """Stop at once before DATA; after it give the server a moment to answer."""
        now = clock.monotonic()
        self._stopped_at = self._stopped_at or now
        if not self._is_sending or now - self._stopped_at >= self._grace_seconds:
            raise StoppedError

    def _plan_renewal(self) -> None:
        self._renew_at = clock.monotonic() + claims.CLAIM_LASTS.total_seconds() / 3

    def _deliver_alone(self, message_id: int) -> State:
        """Deliver one message; a message that cannot be processed stops no other."""
        self._current_id, self._is_sending = message_id, False
        try:
            with self._sessions() as db:
                message = db.get_one(Message, message_id)
            return self._deliver(message)
        except (UnreachableError, ClaimLostError, StoppedError, *DATABASE_DOWN):
            raise
        except Exception as error:
            log.exception("message.unmanageable", id=message_id)
            state = claims.give_up(self._sessions, message_id, error, worker=self._worker)
            return state or State.FAILED

    def _deliver(self, message: Message) -> State:
        if message.expires_at and is_expired(
            message, self._now()
        ):  # it expired after it was claimed
            self._mark(message, state=State.SKIPPED, note=expiry_note(message.expires_at))
            return State.SKIPPED
        if not message.recipient:
            note = keep_resend_line(message, NO_ADDRESS)
            self._mark(message, state=State.SENT, sent_at=self._now(), note=note)
            return State.SENT

        try:
            sender, recipient, mime = self._envelope_and_mime(message)
        except Exception as error:  # noqa: BLE001 - whatever it is, this message cannot be sent
            return self._refused(message, str(error), for_good=True)

        try:
            self._deliverer.rate_limit.count()
            self._client.send(
                sender=sender,
                recipient=recipient,
                mime=mime,
                before_data=lambda: self._mark_sending(message),
            )
        except AmbiguousError as error:
            return self._ambiguous(message, str(error))
        except RefusedMailError as error:
            return self._refused(message, str(error), for_good=error.for_good)

        note = keep_resend_line(message, REPEATED if message.broke_off_at else None)
        self._mark(message, state=State.SENT, sent_at=self._now(), note=note)

        return State.SENT

    def _envelope_and_mime(self, message: Message) -> tuple[str, str, bytes]:
        """Sender and recipient of the envelope, and the mail itself."""
        sender = self._deliverer.sender
        mime = mime_of(message, sender=sender)
        return envelope_address(sender), envelope_address(message.recipient), mime

    def _mark_sending(self, message: Message) -> None:
        """Commit the state `sending` right before DATA; the claim must still be ours."""
        now = self._now()
        sending = (
            update(Message)
            .where(Message.id == message.id, Message.claimed_by == self._worker)
            .where(Message.claimed_until > now)
            .where(Message.state.in_(WAITING))
            .values(state=State.SENDING, claimed_until=now + claims.CLAIM_LASTS)
            .returning(Message.id)
        )

        with transaction(self._sessions) as db:
            if db.scalar(sending) is None:
                raise ClaimLostError

        self._is_sending = True
        if message.broke_off_at:
            log.warning("message.repeated", id=message.id, message_id=message.message_id)

    def _refused(self, message: Message, error: str, *, for_good: bool) -> State:
        attempts = message.attempts + 1
        final = for_good or attempts >= MOST_ATTEMPTS
        state = State.FAILED if final else State.PENDING
        due_at = self._now() + retry_delay(message.id, attempts)
        self._mark(message, state=state, due_at=due_at, note=keep_resend_line(message, error))
        log.warning("message.refused", id=message.id, state=state.value, error=error)
        return state

    def _ambiguous(self, message: Message, why: str) -> State:
        with transaction(self._sessions) as db:
            claimed = select(Message).where(
                Message.id == message.id,
                Message.claimed_by == self._worker,
                Message.state == State.SENDING,
            )
            row = db.scalar(claimed.with_for_update())
            return claims.mark_ambiguous(row, why, now=self._now()) if row else State.AMBIGUOUS

    def _mark(self, message: Message, **values: object) -> None:
        """Store the result, unless another worker has taken the message."""
        claimed = (
            update(Message)
            .where(Message.id == message.id, Message.claimed_by == self._worker)
            .where(Message.state.in_((State.PENDING, State.SENDING, State.AMBIGUOUS, State.HELD)))
            .values(attempts=Message.attempts + 1, claimed_by=None, claimed_until=None, **values)
        )
        with transaction(self._sessions) as db:
            db.execute(claimed)

    def _postpone(self, ids: list[int], error: str) -> None:
        note = case((Message.note.startswith(RESENT_BY_HAND), Message.note), else_=error)
        now = self._now()
        self._release(ids, due_at=now + FIRST_WAIT, note=note)
        with transaction(self._sessions) as db:  # all that waits, so that the order is kept
            waiting = claims.due_ids(now).with_for_update(skip_locked=True)
            db.execute(
                update(Message)
                .where(Message.id.in_(waiting))
                .values(due_at=now + FIRST_WAIT, note=note)
            )

    def _release(self, ids: list[int], **values: object) -> None:
        if not ids:
            return
        with transaction(self._sessions) as db:
            claims.release(db, self._worker, ids, **values)
