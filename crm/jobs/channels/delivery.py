"""Delivery over channels, by the claims, states and promises of mails.

Inside the database each message is there once. Outside it arrives once, or a second time with its
flag: what broke off after the request was sent waits, and is sent once more under the same delivery
id; kinds that may not be repeated are held for a person.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock, Thread
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm.base.errors import Refused
from crm.base.logs import structlog
from crm.base.outbox import Message, State
from crm.jobs import claims
from crm.jobs.batch_delivery import FIRST_WAIT, MOST_ATTEMPTS, REPEATED, retry_delay
from crm.jobs.channels.destinations import destination_of
from crm.jobs.channels.http import Line
from crm.jobs.channels.sending import Destination, send
from crm.jobs.channels.words import Letter
from crm.jobs.claims import DATABASE_DOWN, RESENT_BY_HAND, keep_resend_line
from crm.jobs.connection import StoppedError
from crm.jobs.expiry import expiry_note, is_expired
from crm.jobs.marks import Marks, Outcome
from crm.jobs.rate_limit import RateLimit
from crm.jobs.smtp import AmbiguousError, RefusedMailError, UnreachableError
from crm.mailing.channel_models import Channel
from crm.mailing.channel_rules import ChannelKind
from crm.transactions import transaction

MOST_CHANNELS = 8  # at a time, so that a slow one holds up no other
BATCH = 8  # as many as a claim lasts for, whatever the receiver does
APPRISE_BATCH = 4  # it takes longer to begin

log = structlog.get_logger()


class ClaimLostError(Exception):
    """The claim ended before the request, so another worker may have the message."""


@dataclass
class ChannelDeliverer:
    """Delivers what waits for channels; each channel has a thread, and a limit of its own."""

    sessions: sessionmaker[Session]
    key: str  # by which the channels are sealed
    now: Callable[[], datetime]
    stopped: Event = field(default_factory=Event)
    line: Line | None = None
    _limits: dict[int, RateLimit] = field(default_factory=dict)

    def deliver_all(self, may_go_on: Callable[[], bool] = lambda: True) -> Counter[State]:
        """Deliver until nothing is due, or the limits are reached; the messages by their state."""
        now = self.now()
        total = claims.settle_expired_claims(self.sessions, now=now)
        waiting = self._waiting_channels(now)

        while waiting and not self.stopped.is_set() and may_go_on():
            some, waiting = waiting[:MOST_CHANNELS], waiting[MOST_CHANNELS:]
            total += self._deliver_through(some, may_go_on)

        if total:
            log.info("channels.delivered", **{state.value: n for state, n in total.items()})
        return total

    def _waiting_channels(self, now: datetime) -> list[int]:
        query = (
            select(Message.channel_id)
            .join(Channel, Channel.id == Message.channel_id)
            .where(
                Channel.is_on.is_(True),
                Message.state.in_(claims.WAITING),
                Message.due_at <= now,
            )
            .distinct()
        )
        with self.sessions() as db:
            return sorted(found for found in db.scalars(query) if found is not None)

    def _deliver_through(
        self, channel_ids: list[int], may_go_on: Callable[[], bool]
    ) -> Counter[State]:
        lanes = [
            ChannelLane(self, channel_id, self._limit_of(channel_id), may_go_on)
            for channel_id in channel_ids
        ]
        threads = [
            Thread(target=lane.run, name=f"channel-{lane.channel_id}", daemon=True)
            for lane in lanes
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for lane in lanes:
            if lane.error:
                raise lane.error
        return sum((lane.counts for lane in lanes), Counter[State]())

    def _limit_of(self, channel_id: int) -> RateLimit:
        if channel_id not in self._limits:
            with self.sessions() as db:
                kind = db.get_one(Channel, channel_id).kind
            self._limits[channel_id] = RateLimit(kind.per_minute)
        return self._limits[channel_id]


class ChannelLane:
    """What waits for one channel, message by message."""

    def __init__(
        self,
        deliverer: ChannelDeliverer,
        channel_id: int,
        limit: RateLimit,
        may_go_on: Callable[[], bool],
    ) -> None:
        self.channel_id = channel_id
        self.counts: Counter[State] = Counter()
        self.error: Exception | None = None
        self._sessions, self._now = deliverer.sessions, deliverer.now
        self._key = deliverer.key
        self._stopped = deliverer.stopped
        self._line = deliverer.line or Line(deliverer.stopped)
        self._limit = limit
        self._may_go_on = may_go_on
        self._worker = uuid4().hex
        self._marks = Marks(self._sessions, self._worker)

    def run(self) -> None:
        """Deliver until nothing is due, or the channel cannot be reached."""
        try:
            while self._goes_on() and self._deliver_batch():
                pass
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits for the thread
            self.error = error

    def _goes_on(self) -> bool:
        with _ASKING:  # what asks the database is asked by one thread at a time
            return not self._stopped.is_set() and self._may_go_on()

    def _deliver_batch(self) -> bool:
        """Deliver a batch; False where nothing more can be done now."""
        try:
            with self._sessions() as db:
                destination = destination_of(db, self.channel_id, self._key)
        except Refused:  # its messages wait until an admin has entered it again
            log.warning("channel.secret_key_changed", channel=self.channel_id)
            return False
        most = APPRISE_BATCH if destination.kind is ChannelKind.APPRISE else BATCH
        if not (room := self._limit.room(most)):
            return False
        ids = claims.claim_batch(
            self._sessions,
            self._worker,
            now=self._now(),
            most=room,
            channel_id=self.channel_id,
        )

        for position, message_id in enumerate(ids):
            if not self._goes_on():
                self._give_back(ids[position:], StoppedError())
                return False
            try:
                self.counts[self._deliver(message_id, destination)] += 1
            except (UnreachableError, ClaimLostError, StoppedError) as error:
                self._give_back(ids[position:], error)
                return False
        return bool(ids)

    def _deliver(self, message_id: int, destination: Destination) -> State:
        """Deliver one message; one that cannot be processed stops no other."""
        try:
            with self._sessions() as db:
                message = db.get_one(Message, message_id)
            if message.expires_at and is_expired(message, self._now()):
                note = expiry_note(
                    message.expires_at, may_have_arrived=message.broke_off_at is not None
                )
                return self._end(message, State.SKIPPED, note=note)
            return self._send(message, destination)
        except (UnreachableError, ClaimLostError, StoppedError, *DATABASE_DOWN):
            raise
        except Exception as error:
            log.exception("message.unmanageable", id=message_id)
            state = claims.give_up(self._sessions, message_id, error, worker=self._worker)
            return state or State.FAILED

    def _send(self, message: Message, destination: Destination) -> State:
        def begin() -> None:
            # From here on a crash leaves open whether it arrived; the claim must still be ours.
            if not self._marks.sending(message.id, at=self._now()):
                raise ClaimLostError
            self._limit.count()
            if message.broke_off_at:
                log.warning("message.repeated", id=message.id, message_id=message.message_id)

        try:
            answer = send(
                destination,
                letter_of(message),
                line=self._line,
                now=self._now(),
                before_body=begin,
            )
        except AmbiguousError as error:
            return self._ambiguous(message, str(error))
        except RefusedMailError as error:
            return self._refused(message, error)
        note = REPEATED if message.broke_off_at else answer
        return self._end(message, State.SENT, note=note, sent_at=self._now())

    def _refused(self, message: Message, error: RefusedMailError) -> State:
        attempts = message.attempts + 1
        final = error.for_good or attempts >= MOST_ATTEMPTS
        state = State.FAILED if final else State.PENDING
        log.warning("message.refused", id=message.id, state=state.value, error=str(error))
        due_at = self._now() + retry_delay(message.id, attempts)
        return self._end(message, state, note=str(error), due_at=due_at)

    def _ambiguous(self, message: Message, why: str) -> State:
        with transaction(self._sessions) as db:
            claimed = select(Message).where(
                Message.id == message.id,
                Message.claimed_by == self._worker,
                Message.state == State.SENDING,
            )
            row = db.scalar(claimed.with_for_update())
            return claims.mark_ambiguous(row, why, now=self._now()) if row else State.AMBIGUOUS

    def _end(self, message: Message, state: State, *, note: str, **values: object) -> State:
        kept = keep_resend_line(message, note)
        self._marks.ended([Outcome(message.id, {"state": state, "note": kept, **values})])
        return state

    def _give_back(self, ids: list[int], error: Exception) -> None:
        values: dict[str, object] = {}
        if isinstance(error, UnreachableError):
            log.warning("channel.unreachable", channel=self.channel_id, error=str(error))
            values = {"due_at": self._now() + FIRST_WAIT, "note": str(error)}
        with transaction(self._sessions) as db:
            claims.release(db, self._worker, ids, **values)


_ASKING = Lock()


def letter_of(message: Message) -> Letter:
    """The message as a channel gets it; the same of the same row, but for the flag of a repeat."""
    resent = (message.note or "").startswith(f"{RESENT_BY_HAND}重发")
    return Letter(
        delivery_id=message.message_id.strip("<>").partition("@")[0],
        event=message.kind.value,
        title=message.subject,
        text=message.body_text,
        recipient=message.recipient,
        made_at=message.made_at,
        may_be_repeat=message.broke_off_at is not None or resent,
    )
