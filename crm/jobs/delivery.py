"""Delivering the outbox: claim a batch, send, mark; what a crash leaves is told apart (DESIGN 3).

Inside the database exactly once; over SMTP at least once, or at most once for kinds that may not
be repeated. The one window that no system closes lies between DATA and our mark: a message found
there is `ambiguous`, waits, and is sent once more with the same bytes and Message-ID.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from threading import Event
from uuid import uuid4

import structlog
from sqlalchemy import ColumnElement, Select, case, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from crm.base.db import writing
from crm.base.outbox import Message, State
from crm.jobs.mime import envelope_address, mime_of
from crm.jobs.pace import Pace
from crm.jobs.smtp import (
    BrokenOffError,
    Line,
    RefusedMailError,
    SmtpServer,
    UnreachableError,
)
from crm.jobs.staleness import is_stale, reason, skip_stale
from crm.mailing.queries import resting

BATCH = 50
CLAIM_LASTS = timedelta(minutes=5)  # longer than any one answer may take (smtp.TIMEOUT_SECONDS)
AMBIGUOUS_WAIT = timedelta(minutes=10)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
MOST_ATTEMPTS = 12  # with these waits, some seven hours

NO_ADDRESS = "没有邮箱地址，只存入站内信箱"
UNKNOWN_END = "发送结果不明"
REPEATED = "上次发送结果不明，已原样重发一次"
BY_HAND = "人工"  # the note of a message that was sent again by hand begins so, and is kept

log = structlog.get_logger()


class ClaimLostError(Exception):
    """The claim ended before DATA, and another worker may have the message."""


def leave_in_mailbox(db: Session, *, now: datetime, made_at: datetime | None = None) -> int:
    """Deliver what waits by leaving it in the mailbox; with `made_at`, what a slot just made."""
    query = (
        update(Message)
        .where(Message.state == State.PENDING, Message.due_at <= now, _is_free(now))
        .values(state=State.SENT, sent_at=now)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    if made_at:
        query = query.where(Message.made_at == made_at)
    return len(db.scalars(query).all())


def wait_before(message_id: int, attempts: int) -> timedelta:
    """How long to wait after that many attempts: doubling, up to an hour, spread by a fifth.

    The spread follows from the message and the attempt, so that tests can tell it.
    """
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
    spread = int.from_bytes(sha256(f"{message_id}:{attempts}".encode()).digest()[:2]) / 0xFFFF
    return timedelta(seconds=wait.total_seconds() * (0.8 + 0.4 * spread))


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(Message.claimed_until.is_(None), Message.claimed_until <= now)


def _due(now: datetime) -> Select[int]:
    waiting = Message.state.in_((State.PENDING, State.AMBIGUOUS))
    is_at_rest = Message.person_id.in_(resting(now))  # they wait for the end of the quiet hours
    return select(Message.id).where(waiting, Message.due_at <= now, ~is_at_rest, _is_free(now))


@dataclass(frozen=True)
class Courier:
    """A worker that delivers; without a server the mailbox is where messages go.

    Once `stopped` is set, it ends soon, whatever the server does.
    """

    sessions: sessionmaker[Session]
    server: SmtpServer | None
    sender: str
    now: Callable[[], datetime]
    stopped: Event = field(default_factory=Event)

    @cached_property
    def pace(self) -> Pace:
        """The server's limit, kept for as long as this worker lives."""
        return Pace(self.server.per_minute if self.server else 0)

    def deliver_all(self, may_go_on: Callable[[], bool] = lambda: True) -> Counter[State]:
        """Deliver until nothing is due; what became of the messages, counted."""
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
        while self._goes_on(may_go_on) and (seconds := self.pace.wait()):
            pause(seconds)
            self.deliver_all(may_go_on)

    def _goes_on(self, may_go_on: Callable[[], bool]) -> bool:
        return not self.stopped.is_set() and may_go_on()

    def deliver_batch(self, may_go_on: Callable[[], bool] = lambda: True) -> Counter[State]:
        """Deliver one batch; empty where nothing is due or the server cannot be reached."""
        if self.server is None:
            with writing(self.sessions) as db:
                return +Counter({State.SENT: leave_in_mailbox(db, now=self.now())})
        now = self.now()
        with writing(self.sessions) as db:
            counts = _settle_abandoned(db, now=now) + skip_stale(db, now=now)
        if not (room := self.pace.room(BATCH)):
            return counts
        worker = uuid4().hex
        with writing(self.sessions) as db:
            batch = _claim(db, worker, now=self.now(), most=room)
        return counts + _Round(self, worker, Line(self.server)).carry(
            batch, lambda: self._goes_on(may_go_on)
        )


def _with_hand(message: Message, told: str | None) -> str | None:
    """What is told of a try, under the line of whoever sent the message again by hand."""
    first = (message.note or "").partition("\n")[0]
    by_hand = first if first.startswith(BY_HAND) else None
    return "\n".join(filter(None, (by_hand, told))) or None


def _claim(db: Session, worker: str, *, now: datetime, most: int = BATCH) -> list[Message]:
    wanted = (
        _due(now)
        .order_by(Message.made_at, Message.id)  # a backlog goes out oldest first
        .limit(most)
        .with_for_update(skip_locked=True)  # SQLite has the immediate transaction instead
    )
    claimed = db.scalars(
        update(Message)
        .where(Message.id.in_(wanted))
        .values(claimed_by=worker, claimed_until=now + CLAIM_LASTS)
        .returning(Message)
        .execution_options(synchronize_session=False)
    ).all()
    db.expunge_all()  # they are read after this transaction, and changed only by statements
    return sorted(claimed, key=lambda message: (message.made_at, message.id))


def _settle_abandoned(db: Session, *, now: datetime) -> Counter[State]:
    """What a crash left between DATA and the mark: its end is unknown."""
    left = db.scalars(
        select(Message)
        .where(Message.state == State.SENDING, Message.claimed_until <= now)
        .with_for_update(skip_locked=True)
    )
    return Counter(_break_off(message, "进程中断", now=now) for message in left)


def _break_off(message: Message, why: str, *, now: datetime) -> State:
    again = message.kind.may_repeat and message.broke_off_at is None
    message.state = State.AMBIGUOUS if again else State.HELD
    message.broke_off_at = now
    message.due_at = now + AMBIGUOUS_WAIT
    message.attempts += 1
    message.note = _with_hand(message, f"{UNKNOWN_END}：{why}")
    # claimed_by stays: should its worker have stopped only, it may yet mark what it knows
    message.claimed_until = None
    log.warning("message.broke_off", id=message.id, state=message.state.value, why=why)
    return message.state


@dataclass(frozen=True)
class _Round:
    """One batch on its way, by the worker of that claim."""

    courier: Courier
    worker: str
    line: Line

    def carry(self, batch: list[Message], may_go_on: Callable[[], bool]) -> Counter[State]:
        counts: Counter[State] = Counter()
        rest = list(batch)
        try:
            while rest and may_go_on():
                counts[self._deliver(rest[0])] += 1
                del rest[0]
        except UnreachableError as error:
            log.warning("smtp.unreachable", error=str(error), waiting=len(rest))
            self._postpone(rest, str(error))
        except ClaimLostError:  # the whole batch is as old; another worker has it by now
            log.warning("outbox.claim_lost", messages=len(rest))
        else:
            self._give_back(rest)
        finally:
            self.line.close()
        return counts

    def _deliver(self, message: Message) -> State:
        if message.expires_at and is_stale(message, self._now()):  # since it was claimed
            self._mark(message, state=State.SKIPPED, note=reason(message.expires_at))
            return State.SKIPPED
        if not message.recipient:
            note = _with_hand(message, NO_ADDRESS)
            self._mark(message, state=State.SENT, sent_at=self._now(), note=note)
            return State.SENT
        try:
            self.courier.pace.take()
            self.line.hand_in(
                sender=envelope_address(self.courier.sender),
                recipient=envelope_address(message.recipient),
                mime=mime_of(message, sender=self.courier.sender),
                before_data=lambda: self._begin(message),
            )
        except BrokenOffError as error:
            return self._broke_off(message, str(error))
        except RefusedMailError as error:
            return self._refused(message, str(error), for_good=error.for_good)
        except ValueError as error:  # no mail can be made of it
            return self._refused(message, str(error), for_good=True)
        self._mark(message, state=State.SENT, sent_at=self._now(), note=self._note(message))
        return State.SENT

    def _begin(self, message: Message) -> None:
        """Commit `sending`, right before DATA; the claim must still be ours."""
        now = self._now()
        begun = (
            update(Message)
            .where(Message.id == message.id, Message.claimed_by == self.worker)
            .where(Message.claimed_until > now)
            .where(Message.state.in_((State.PENDING, State.AMBIGUOUS)))
            .values(state=State.SENDING, claimed_until=now + CLAIM_LASTS)
            .returning(Message.id)
        )
        with writing(self.courier.sessions) as db:
            if db.scalar(begun) is None:
                raise ClaimLostError
        if message.broke_off_at:
            log.warning("message.repeated", id=message.id, message_id=message.message_id)

    def _refused(self, message: Message, error: str, *, for_good: bool) -> State:
        attempts = message.attempts + 1
        final = for_good or attempts >= MOST_ATTEMPTS
        state = State.FAILED if final else State.PENDING
        due_at = self._now() + wait_before(message.id, attempts)
        self._mark(message, state=state, due_at=due_at, note=_with_hand(message, error))
        log.warning("message.refused", id=message.id, state=state.value, error=error)
        return state

    def _broke_off(self, message: Message, why: str) -> State:
        with writing(self.courier.sessions) as db:
            ours = select(Message).where(
                Message.id == message.id,
                Message.claimed_by == self.worker,
                Message.state == State.SENDING,
            )
            row = db.scalar(ours.with_for_update())
            return _break_off(row, why, now=self._now()) if row else State.AMBIGUOUS

    def _mark(self, message: Message, **values: object) -> None:
        """Mark what we know, unless another worker has taken the message over."""
        ours = (
            update(Message)
            .where(Message.id == message.id, Message.claimed_by == self.worker)
            .where(Message.state.in_((State.PENDING, State.SENDING, State.AMBIGUOUS, State.HELD)))
            .values(attempts=Message.attempts + 1, claimed_by=None, claimed_until=None, **values)
        )
        with writing(self.courier.sessions) as db:
            db.execute(ours)

    def _postpone(self, messages: Iterable[Message], error: str) -> None:
        note = case((Message.note.startswith(BY_HAND), Message.note), else_=error)
        now = self._now()
        self._give_back(messages, due_at=now + FIRST_WAIT, note=note)
        with writing(self.courier.sessions) as db:  # all that waits, so that it stays in its order
            waiting = _due(now).with_for_update(skip_locked=True)
            db.execute(
                update(Message)
                .where(Message.id.in_(waiting))
                .values(due_at=now + FIRST_WAIT, note=note)
            )

    def _give_back(self, messages: Iterable[Message], **values: object) -> None:
        ids = [message.id for message in messages]
        if not ids:
            return
        with writing(self.courier.sessions) as db:
            db.execute(
                update(Message)
                .where(Message.id.in_(ids), Message.claimed_by == self.worker)
                .values(claimed_by=None, claimed_until=None, **values)
            )

    def _now(self) -> datetime:
        return self.courier.now()

    @staticmethod
    def _note(message: Message) -> str | None:
        return _with_hand(message, REPEATED if message.broke_off_at else None)
