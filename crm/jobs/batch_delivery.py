"""Delivery of one claimed batch, over one or several connections to the server.

Each connection sends one message after the other. Before an envelope the message's state `sending`
is committed, together with the outcome of the message before it; connections share these commits.
To a server that is quicker than a commit a connection marks a few messages at once.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from threading import Event

from sqlalchemy import case, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.logs import structlog
from crm.base.outbox import Message, State
from crm.jobs import claims
from crm.jobs.backoff import wait_after
from crm.jobs.claims import DATABASE_DOWN, RESENT_BY_HAND, keep_resend_line
from crm.jobs.connection import Poll, StoppedError
from crm.jobs.event_loop import EventLoop
from crm.jobs.expiry import expiry_note, is_expired
from crm.jobs.marks import Marks, Outcome
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
QUICK_SECONDS = 0.02  # a mail that took longer takes longer than its commit
SAVED_AFTER = 0.5  # seconds without an answer: no crash then repeats the mails before
AHEAD = 3  # messages that a connection marks beside the next one

NO_ADDRESS = "没有邮箱地址，只存入站内信箱"
REPEATED = "上次发送结果不明，已原样重发一次"

log = structlog.get_logger()


class ClaimLostError(Exception):
    """The claim ended before DATA, so another worker may have the message."""


ENDINGS = (UnreachableError, ClaimLostError, StoppedError)  # of a batch; no message is at fault


def retry_delay(message_id: int, attempts: int) -> timedelta:
    """How long to wait after that many attempts, spread by a fifth.

    The spread keeps messages that failed together from returning together. It follows from the
    message and the attempt, so that tests can predict it.
    """
    wait = wait_after(attempts, first=FIRST_WAIT)
    spread = int.from_bytes(sha256(f"{message_id}:{attempts}".encode()).digest()[:2]) / 0xFFFF
    return timedelta(seconds=wait.total_seconds() * (0.8 + 0.4 * spread))


@dataclass(frozen=True)
class Task:
    """What the connections of a batch share."""

    sessions: sessionmaker[Session]
    server: SmtpServer
    sender: str
    worker: str  # by whom the batch is claimed
    now: Callable[[], datetime]
    stopped: Event
    rate_limit: RateLimit


@dataclass
class BatchDelivery:
    """A claimed batch; its connections take message by message until one of them ends it."""

    task: Task
    may_go_on: Callable[[], bool]
    _unsent: deque[int] = field(default_factory=deque)
    _ended_by: list[Exception] = field(default_factory=list)

    def deliver(self, ids: Iterable[int]) -> Counter[State]:
        """How many messages reached which state."""
        self._unsent.extend(ids)
        if not self._unsent:
            return Counter()
        rows, loop = self._read(), EventLoop()
        marks = Marks(self.task.sessions, self.task.worker, loop.pause)
        lanes = [
            Lane(self.task, rows, marks, loop.poll)
            for _ in range(min(self.task.server.connections, len(self._unsent)))
        ]

        loop.run([partial(self._send_through, lane) for lane in lanes])
        self._settle()

        return sum((lane.counts for lane in lanes), Counter[State]())

    def _read(self) -> Mapping[int, Message]:
        """The rows in one query; where one of them cannot be read, each is read alone later."""
        try:
            with self.task.sessions() as db:
                found = db.scalars(select(Message).where(Message.id.in_(list(self._unsent))))
                return {message.id: message for message in found}
        except DATABASE_DOWN:
            raise
        except Exception:
            log.exception("outbox.not_read")
            return {}

    def _send_through(self, lane: "Lane") -> None:
        try:
            self._send_all(lane)
            lane.save()
        except Exception as error:  # noqa: BLE001 - raised again once all connections are closed
            self._ended_by.append(error)
        finally:
            self._unsent.extend(lane.ahead)
            lane.close()

    def _send_all(self, lane: "Lane") -> None:
        while (message_id := self._take(lane)) is not None:
            try:
                lane.counts[lane.deliver(message_id)] += 1
            except ENDINGS as error:
                self._unsent.append(message_id)
                self._ended_by.append(error)
                return

    def _take(self, lane: "Lane") -> int | None:
        if self._ended_by or not (lane.ahead or self._unsent) or not self.may_go_on():
            return None
        if lane.ahead:
            return lane.ahead.popleft()
        message_id = self._unsent.popleft()
        while self._unsent and lane.wants_ahead(self._unsent[0]):
            lane.ahead.append(self._unsent.popleft())
        return message_id

    def _settle(self) -> None:
        """Give back what was not sent, and why."""
        for error in self._ended_by:
            if not isinstance(error, ENDINGS):
                raise error
        remaining = list(self._unsent)

        # Several connections end for the same reason.
        for error in {type(error): error for error in self._ended_by}.values():
            match error:
                case UnreachableError():
                    log.warning("smtp.unreachable", error=str(error), waiting=len(remaining))
                    self._postpone(remaining, str(error))
                case ClaimLostError():  # the batch was claimed as a whole
                    log.warning("outbox.claim_lost", messages=len(remaining))
                case StoppedError():
                    log.info("outbox.stopped", messages=len(remaining))

        self._release(remaining)

    def _postpone(self, ids: list[int], error: str) -> None:
        note = case((Message.note.startswith(RESENT_BY_HAND), Message.note), else_=error)
        now = self.task.now()
        self._release(ids, due_at=now + FIRST_WAIT, note=note)
        with transaction(self.task.sessions) as db:  # all that waits, so that the order is kept
            waiting = claims.due_ids(now).with_for_update(skip_locked=True)
            db.execute(
                update(Message)
                .where(Message.id.in_(waiting))
                .values(due_at=now + FIRST_WAIT, note=note)
            )

    def _release(self, ids: list[int], **values: object) -> None:
        if not ids:
            return
        with transaction(self.task.sessions) as db:
            claims.release(db, self.task.worker, ids, **values)


class Lane:
    """One connection of a batch, and the message that is on its way there."""

    def __init__(self, task: Task, rows: Mapping[int, Message], marks: Marks, poll: Poll) -> None:
        self.counts: Counter[State] = Counter()  # of messages, by the state they reached
        self.ahead: deque[int] = deque()  # the next ones, marked together with the current one
        self._task = task
        self._rows = rows
        self._marks = marks
        self._client = SmtpClient(task.server, self._while_waiting, poll)
        self._current_id: int | None = None
        self._marked_until: datetime = claims.LONG_AGO  # the end of the claim on those ahead
        self._marked_ids: Sequence[int] = ()
        self._is_quick = False
        self._is_sending = False  # the body
        self._began = 0.0  # with the current message, by the monotonic clock
        self._outcomes: list[Outcome] = []  # not stored yet
        self._stopped_at: float | None = None  # by the monotonic clock
        self._plan_renewal()

    def deliver(self, message_id: int) -> State:
        """Deliver one message; a message that cannot be processed stops no other."""
        self._current_id, self._is_sending = message_id, False
        try:
            return self._deliver(self._row(message_id))
        except (*ENDINGS, *DATABASE_DOWN):
            raise
        except Exception as error:
            log.exception("message.unmanageable", id=message_id)
            state = claims.give_up(self._task.sessions, message_id, error, worker=self._task.worker)
            return state or State.FAILED

    def wants_ahead(self, message_id: int) -> bool:
        """Whether the message may be marked as well when the next one is.

        A crash leaves open whether it was sent, so it must be one that may be sent once more.
        """
        row = self._rows.get(message_id)
        return (
            self._is_quick
            and len(self.ahead) < AHEAD
            and row is not None
            and row.kind.may_repeat
            and row.broke_off_at is None
        )

    def save(self) -> None:
        """Store how the last messages ended."""
        outcomes, self._outcomes = self._outcomes, []
        if outcomes:
            self._marks.ended(outcomes)

    def close(self) -> None:
        """Close the connection."""
        self._is_sending = False  # so that closing may be interrupted at once
        self._client.close()

    def _row(self, message_id: int) -> Message:
        if message_id in self._rows:
            return self._rows[message_id]
        with self._task.sessions() as db:
            return db.get_one(Message, message_id)

    def _while_waiting(self) -> None:
        """Called during each wait for the server: stop when told to, and renew the claim."""
        if self._task.stopped.is_set():
            self._end_soon()
        if self._outcomes and clock.monotonic() - self._began >= SAVED_AFTER:
            self.save()
        if self._current_id is None or clock.monotonic() < self._renew_at:
            return
        self._plan_renewal()
        now, ids = self._task.now(), [self._current_id, *self.ahead]
        try:
            with transaction(self._task.sessions) as db:
                claims.renew(db, self._task.worker, ids, now=now)
            self._marked_until = now + claims.CLAIM_LASTS
        except SQLAlchemyError as error:  # go on; the next renewal may succeed
            log.warning("claim.not_renewed", error=str(error).partition("\n")[0])

    def _end_soon(self) -> None:
        """Stop at once before DATA; after it give the server a moment to answer."""
        now = clock.monotonic()
        self._stopped_at = self._stopped_at or now
        if not self._is_sending or now - self._stopped_at >= self._task.server.limits.when_stopped:
            raise StoppedError

    def _plan_renewal(self) -> None:
        self._renew_at = clock.monotonic() + claims.CLAIM_LASTS.total_seconds() / 3

    def _deliver(self, message: Message) -> State:
        # It may have expired after it was claimed.
        if message.expires_at and is_expired(message, self._task.now()):
            may_have_arrived = message.broke_off_at is not None
            text = expiry_note(message.expires_at, may_have_arrived=may_have_arrived)
            self._mark(message, state=State.SKIPPED, note=text)
            return State.SKIPPED
        if not message.recipient:
            note = keep_resend_line(message, NO_ADDRESS)
            self._mark(message, state=State.SENT, sent_at=self._task.now(), note=note)
            return State.SENT

        try:
            sender, recipient, mime = self._envelope_and_mime(message)
        except Exception as error:  # noqa: BLE001 - whatever it is, this message cannot be sent
            return self._refused(message, str(error), for_good=True)

        try:
            self._mark_sending(message)
            self._task.rate_limit.count()
            self._began = clock.monotonic()
            self._client.send(
                sender=sender, recipient=recipient, mime=mime, before_data=self._begin_body
            )
            self._is_quick = clock.monotonic() - self._began < QUICK_SECONDS
        except AmbiguousError as error:
            return self._ambiguous(message, str(error))
        except RefusedMailError as error:
            return self._refused(message, str(error), for_good=error.for_good)

        note = keep_resend_line(message, REPEATED if message.broke_off_at else None)
        self._mark(message, state=State.SENT, sent_at=self._task.now(), note=note)

        return State.SENT

    def _envelope_and_mime(self, message: Message) -> tuple[str, str, bytes]:
        """Sender and recipient of the envelope, and the mail itself."""
        sender = self._task.sender
        mime = mime_of(message, sender=sender)
        return envelope_address(sender), envelope_address(message.recipient), mime

    def _mark_sending(self, message: Message) -> None:
        """Commit the state `sending`, and how the messages before it ended.

        From here on a crash leaves open whether the message was sent. The claim must still be ours.
        """
        now = self._task.now()
        if message.id not in self._marked_ids:
            outcomes, self._outcomes = self._outcomes, []
            ids = self._marked_ids = (message.id, *self.ahead)
            if not self._marks.sending(*ids, at=now, outcomes=outcomes):
                raise ClaimLostError
            self._marked_until = now + claims.CLAIM_LASTS
        elif now >= self._marked_until:
            raise ClaimLostError
        if message.broke_off_at:
            log.warning("message.repeated", id=message.id, message_id=message.message_id)

    def _begin_body(self) -> None:
        self._is_sending = True

    def _refused(self, message: Message, error: str, *, for_good: bool) -> State:
        attempts = message.attempts + 1
        final = for_good or attempts >= MOST_ATTEMPTS
        state = State.FAILED if final else State.PENDING
        due_at = self._task.now() + retry_delay(message.id, attempts)
        self._mark(message, state=state, due_at=due_at, note=keep_resend_line(message, error))
        log.warning("message.refused", id=message.id, state=state.value, error=error)
        return state

    def _ambiguous(self, message: Message, why: str) -> State:
        with transaction(self._task.sessions) as db:
            claimed = select(Message).where(
                Message.id == message.id,
                Message.claimed_by == self._task.worker,
                Message.state == State.SENDING,
            )
            row = db.scalar(claimed.with_for_update())
            return claims.mark_ambiguous(row, why, now=self._task.now()) if row else State.AMBIGUOUS

    def _mark(self, message: Message, **values: object) -> None:
        self._outcomes.append(Outcome(message.id, values))
