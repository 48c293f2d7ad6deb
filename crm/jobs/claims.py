"""Claims on messages: a worker takes a batch for a while; what a dead one left is told apart.

A claim is renewed while its message is being handed in, so that no other worker takes it over.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Select, literal, or_, select, true, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.orm import Session, sessionmaker

from crm.base.outbox import Message, State
from crm.mailing.queries import resting
from crm.transactions import transaction

BATCH = 50
CLAIM_LASTS = timedelta(minutes=5)
AMBIGUOUS_WAIT = timedelta(minutes=10)
UNKNOWN_END = "发送结果不明"
BY_HAND = "人工"  # the note of a message that was sent again by hand begins so, and is kept
LONGEST_NOTE = 500
WAITING = (State.PENDING, State.AMBIGUOUS)
DATABASE_AWAY = (OperationalError, InterfaceError, NoConnectionError)  # no message is to blame

log = structlog.get_logger()


def with_hand(message: Message, told: str | None) -> str | None:
    """What is told of a try, under the line of whoever sent the message again by hand."""
    first = (message.note or "").partition("\n")[0]
    by_hand = first if first.startswith(BY_HAND) else None
    return "\n".join(filter(None, (by_hand, _storable(told or "")))) or None


def _storable(told: str) -> str:
    """As both databases can hold it, whatever a server said: PostgreSQL takes no NUL."""
    signs = (sign if sign.isprintable() or sign == "\n" else "�" for sign in told)
    return "".join(signs)[:LONGEST_NOTE]


def is_free(now: datetime) -> ColumnElement[bool]:
    """Whether no worker has the message."""
    return or_(Message.claimed_until.is_(None), Message.claimed_until <= now)


def due(now: datetime) -> Select[int]:
    """Ids of the messages that wait for a worker."""
    waiting = Message.state.in_(WAITING)
    is_at_rest = Message.person_id.in_(resting(now))  # they wait for the end of the quiet hours
    return select(Message.id).where(waiting, Message.due_at <= now, ~is_at_rest, is_free(now))


def claim(
    db: Session, worker: str, *, now: datetime, most: int = BATCH, only: int | None = None
) -> list[int]:
    """Take a batch, oldest first; ids only, so that a row that cannot be read ends nothing."""
    wanted = (
        due(now)
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
    sessions: sessionmaker[Session], worker: str, *, now: datetime, most: int
) -> list[int]:
    """Take a batch in a transaction of its own; one by one where they cannot be had at once."""
    try:
        with transaction(sessions) as db:
            return claim(db, worker, now=now, most=most)
    except DATABASE_AWAY:
        raise
    except Exception:
        log.exception("outbox.not_claimed")
    with sessions() as db:
        in_order = due(now).order_by(Message.made_at, Message.id)
        ids = db.scalars(in_order.limit(most)).all()
    return [each for each in ids if _claim_alone(sessions, worker, each, now)]


def _claim_alone(
    sessions: sessionmaker[Session], worker: str, message_id: int, now: datetime
) -> bool:
    try:
        with transaction(sessions) as db:
            return bool(claim(db, worker, now=now, only=message_id))
    except DATABASE_AWAY:
        raise
    except Exception:  # the edge of one message: the others go out (DESIGN 3)
        log.exception("message.not_claimed", id=message_id)
        return False


def renew(db: Session, worker: str, message_id: int, *, now: datetime) -> None:
    """Keep a message that is being handed in, unless it was taken away."""
    db.execute(
        update(Message)
        .where(
            Message.id == message_id,
            Message.claimed_by == worker,
            Message.claimed_until.is_not(None),
        )
        .values(claimed_until=now + CLAIM_LASTS)
    )


def give_back(db: Session, worker: str, ids: Iterable[int], **values: object) -> None:
    """Let others have what this worker has not begun."""
    db.execute(
        update(Message)
        .where(Message.id.in_(list(ids)), Message.claimed_by == worker)
        .values(claimed_by=None, claimed_until=None, **values)
    )


def settle_abandoned(sessions: sessionmaker[Session], *, now: datetime) -> Counter[State]:
    """What a crash left between DATA and the mark: its end is unknown."""
    left = (Message.state == State.SENDING, Message.claimed_until <= now)
    counts: Counter[State] = Counter()
    with sessions() as db:
        ids = db.scalars(select(Message.id).where(*left)).all()

    for message_id in ids:
        this = select(Message).where(Message.id == message_id, *left)
        try:
            done = _settle(sessions, this, now)
        except DATABASE_AWAY:
            raise
        except Exception as error:  # the edge of one message: the others go on (DESIGN 3)
            log.exception("message.unmanageable", id=message_id)
            done = give_up(sessions, message_id, error)
        if done:
            counts[done] += 1

    return counts


def _settle(sessions: sessionmaker[Session], this: Select[Message], now: datetime) -> State | None:
    with transaction(sessions) as db:
        message = db.scalar(this.with_for_update(skip_locked=True))
        return break_off(message, "进程中断", now=now) if message else None


def break_off(message: Message, why: str, *, now: datetime) -> State:
    """Of a mail that was handed in without a clear answer nobody knows whether it arrived."""
    again = message.kind.may_repeat and message.broke_off_at is None
    message.state = State.AMBIGUOUS if again else State.HELD
    message.broke_off_at = now
    message.due_at = now + AMBIGUOUS_WAIT
    message.attempts += 1
    message.note = with_hand(message, f"{UNKNOWN_END}：{why}")
    # claimed_by stays: should its worker have stopped only, it may yet mark what it knows
    message.claimed_until = None
    log.warning("message.broke_off", id=message.id, state=message.state.value, why=why)
    return message.state


def give_up(
    sessions: sessionmaker[Session], message_id: int, error: Exception, *, worker: str | None = None
) -> State | None:
    """Leave a message that this program cannot handle to a person, without reading it.

    What has begun to go out is held: it may have arrived. None where not even that can be kept, or
    the message is not the worker's any more.
    """
    ours = update(Message).where(Message.id == message_id)
    if worker:
        ours = ours.where(Message.claimed_by == worker)

    note = f"程序无法处理这封邮件：{type(error).__name__}"
    outcomes = {State.SENDING: State.HELD} | dict.fromkeys(WAITING, State.FAILED)

    for before, after in outcomes.items():
        values = {"state": literal(after, Message.state.type), "note": note}
        changed = ours.where(Message.state == before).values(
            **values, claimed_by=None, claimed_until=None
        )
        try:
            with transaction(sessions) as db:
                is_done = db.scalar(changed.returning(Message.id)) is not None
        except DATABASE_AWAY:
            raise
        except Exception as stuck:  # noqa: BLE001 - nobody tries it again before its claim ends
            log.error("message.stuck", id=message_id, error=type(stuck).__name__)  # noqa: TRY400 - the first trace tells more
            return None
        if is_done:
            return after

    return None
