"""Claims on messages: a worker takes a batch for five minutes, and others leave it alone.

A claim is renewed while its message is being sent. What a worker that died left in the middle of
sending is settled once its claim has ended.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, case, exists, literal, or_, select, true, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.orm import Session, aliased, sessionmaker

from crm.base.logs import structlog
from crm.base.outbox import Message, State
from crm.jobs.models import DeliveryHold
from crm.mailing.queries import people_in_quiet_hours
from crm.transactions import transaction

BATCH = 50
CLAIM_LASTS = timedelta(minutes=5)
AMBIGUOUS_WAIT = timedelta(minutes=10)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
UNKNOWN_END = "发送结果不明"
RESENT_BY_HAND = "人工"  # the first line of a note begins so after a manual resend, and is kept
LONGEST_NOTE = 500
WAITING = (State.PENDING, State.AMBIGUOUS)
DATABASE_DOWN = (OperationalError, InterfaceError, NoConnectionError)  # no message is at fault

log = structlog.get_logger()


def keep_resend_line(message: Message, note: str | None) -> str | None:
    """The delivery note, keeping any manual-resend line first."""
    first = (message.note or "").partition("\n")[0]
    resend_line = first if first.startswith(RESENT_BY_HAND) else None
    return "\n".join(filter(None, (resend_line, _storable(note or "")))) or None


def _storable(text: str) -> str:
    """The text without unprintable characters: PostgreSQL stores no NUL."""
    characters = (char if char.isprintable() or char == "\n" else "�" for char in text)
    return "".join(characters)[:LONGEST_NOTE]


def is_unclaimed(now: datetime) -> ColumnElement[bool]:
    """Whether no worker has a claim on the message."""
    return or_(Message.claimed_until.is_(None), Message.claimed_until <= now)


def due_ids(now: datetime, *, channel_id: int | None = None) -> Select[int]:
    """The ids of mails that a worker may claim, or of a channel's messages; none while held."""
    waiting = (
        Message.state.in_(WAITING),
        Message.due_at <= now,
        is_unclaimed(now),
        ~exists(select(DeliveryHold.id)),
    )
    quiet = people_in_quiet_hours(now)  # their messages wait
    if channel_id is None:
        is_quiet = Message.person_id.in_(quiet)
        return select(Message.id).where(*waiting, Message.channel_id.is_(None), ~is_quiet)
    theirs = aliased(Message)
    told = select(theirs.id).where(theirs.id == Message.about_id, theirs.person_id.in_(quiet))
    return select(Message.id).where(*waiting, Message.channel_id == channel_id, ~told.exists())


def claim(  # noqa: PLR0913 - who claims, when, and how much of what
    db: Session,
    worker: str,
    *,
    now: datetime,
    most: int = BATCH,
    only: int | None = None,
    channel_id: int | None = None,
) -> list[int]:
    """Claim a batch, oldest first; returns ids, so that one unreadable row stops nothing."""
    wanted = (
        due_ids(now, channel_id=channel_id)
        .where(true() if only is None else Message.id == only)
        .order_by(Message.made_at, Message.id)
        .limit(most)
        .with_for_update(skip_locked=True)  # SQLite has the immediate transaction instead
        .cte("wanted")  # read once: as a subquery PostgreSQL may read it again, and take more
    )
    claimed = db.scalars(
        update(Message)
        .where(Message.id.in_(select(wanted.c.id)))
        .values(claimed_by=worker, claimed_until=now + CLAIM_LASTS)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    ).all()
    in_order = select(Message.id).where(Message.id.in_(claimed))

    return list(db.scalars(in_order.order_by(Message.made_at, Message.id)))


def claim_batch(
    sessions: sessionmaker[Session],
    worker: str,
    *,
    now: datetime,
    most: int,
    channel_id: int | None = None,
) -> list[int]:
    """Claim a batch in a transaction of its own; one by one where the batch fails."""
    try:
        with transaction(sessions) as db:
            return claim(db, worker, now=now, most=most, channel_id=channel_id)
    except DATABASE_DOWN:
        raise
    except Exception:
        log.exception("outbox.not_claimed")

    # The cause may be a single message: claimed one by one, the others still go out.
    with sessions() as db:
        in_order = due_ids(now, channel_id=channel_id).order_by(Message.made_at, Message.id)
        ids = db.scalars(in_order.limit(most)).all()
    return [
        message_id
        for message_id in ids
        if _claim_alone(sessions, worker, message_id, now, channel_id)
    ]


def _claim_alone(
    sessions: sessionmaker[Session],
    worker: str,
    message_id: int,
    now: datetime,
    channel_id: int | None,
) -> bool:
    try:
        with transaction(sessions) as db:
            claimed = claim(db, worker, now=now, only=message_id, channel_id=channel_id)
            return bool(claimed)
    except DATABASE_DOWN:
        raise
    except Exception:  # the edge of one message: the others still go out
        log.exception("message.not_claimed", id=message_id)
        return False


def renew(db: Session, worker: str, ids: Sequence[int], *, now: datetime) -> None:
    """Extend the claims on messages that are being sent, unless another worker has taken them."""
    db.execute(
        update(Message)
        .where(
            Message.id.in_(ids),
            Message.claimed_by == worker,
            Message.claimed_until.is_not(None),
        )
        .values(claimed_until=now + CLAIM_LASTS)
    )


def release(db: Session, worker: str, ids: Iterable[int], **values: object) -> None:
    """Release this worker's claims on messages whose body it has not begun to send."""
    # A stop may come after the commit of `sending` and before the body: nothing was delivered.
    is_sending = Message.state == State.SENDING
    state = case((is_sending, literal(State.PENDING, Message.state.type)), else_=Message.state)
    db.execute(
        update(Message)
        .where(Message.id.in_(list(ids)), Message.claimed_by == worker)
        .values(state=state, claimed_by=None, claimed_until=None, **values)
    )


def settle_expired_claims(sessions: sessionmaker[Session], *, now: datetime) -> Counter[State]:
    """Settle what a crash left between DATA and the mark: nobody knows whether it was sent."""
    abandoned = (Message.state == State.SENDING, is_unclaimed(now))
    counts: Counter[State] = Counter()
    with sessions() as db:
        ids = db.scalars(select(Message.id).where(*abandoned)).all()

    for message_id in ids:
        query = select(Message).where(Message.id == message_id, *abandoned)
        try:
            state = _settle(sessions, query, now)
        except DATABASE_DOWN:
            raise
        except Exception as error:  # the edge of one message: the others go on
            log.exception("message.unmanageable", id=message_id)
            state = give_up(sessions, message_id, error)
        if state:
            counts[state] += 1

    return counts


def _settle(sessions: sessionmaker[Session], query: Select[Message], now: datetime) -> State | None:
    with transaction(sessions) as db:
        message = db.scalar(query.with_for_update(skip_locked=True))
        return mark_ambiguous(message, "进程中断", now=now) if message else None


def mark_ambiguous(message: Message, why: str, *, now: datetime) -> State:
    """Mark a message that was sent without a clear answer; it may have arrived.

    It is sent once more, if its kind may be repeated; after that it is held for a person.
    """
    may_repeat = message.kind.may_repeat and message.broke_off_at is None

    # A second unknown outcome is for a person to judge.
    message.state = State.AMBIGUOUS if may_repeat else State.HELD
    message.broke_off_at = now
    message.due_at = now + AMBIGUOUS_WAIT
    message.attempts += 1
    message.note = keep_resend_line(message, f"{UNKNOWN_END}：{why}")
    # claimed_by stays: a worker that was only stopped may still mark what it knows.
    message.claimed_until = None

    log.warning("message.broke_off", id=message.id, state=message.state.value, why=why)
    return message.state


def give_up(
    sessions: sessionmaker[Session], message_id: int, error: Exception, *, worker: str | None = None
) -> State | None:
    """Leave a message that cannot be processed to a person, without reading its row.

    A message that was being sent is held, as it may have arrived. None where not even that can be
    stored, or another worker has the message.
    """
    claimed = update(Message).where(Message.id == message_id)
    if worker:
        claimed = claimed.where(Message.claimed_by == worker)

    note = f"程序无法处理这封邮件：{type(error).__name__}"
    # By state, so that the row itself need not be read: it may be what cannot be processed.
    outcomes = {State.SENDING: State.HELD} | dict.fromkeys(WAITING, State.FAILED)

    for before, after in outcomes.items():
        values = {"state": literal(after, Message.state.type), "note": note}
        changed = claimed.where(Message.state == before).values(
            **values, claimed_by=None, claimed_until=None
        )
        try:
            with transaction(sessions) as db:
                is_done = db.scalar(changed.returning(Message.id)) is not None
        except DATABASE_DOWN:
            raise
        except Exception as stuck:  # noqa: BLE001 - it is tried again when its claim ends
            log.error("message.stuck", id=message_id, error=type(stuck).__name__)  # noqa: TRY400 - the first traceback says more
            return None
        if is_done:
            return after

    return None
