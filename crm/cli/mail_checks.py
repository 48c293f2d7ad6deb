"""The doctor's checks of mails: what waits, what failed and why, who cannot be written to."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.addresses import BadAddressError, normalize_address
from crm.base.outbox import Message
from crm.jobs import health
from crm.jobs.health import Health
from crm.people.models import Person
from crm.people.queries import active_at

MOST_NAMED = 3


def outbox(db: Session, now: datetime) -> tuple[Health, str]:
    """What the outbox holds; of what failed or is put off, whose it is and why."""
    backlog = health.backlog(db, now=now)
    told = "，".join(
        f"{state.label} {pile.count} 封（最早 {formatting.duration(pile.oldest)}前）"
        for state, pile in backlog.piles.items()
        if pile.oldest is not None
    )
    advice = []
    if backlog.oldest and backlog.oldest > health.SLOW:
        advice.append("邮件久未发出，请检查 CRM_MAIL、邮件服务器，以及 crm serve 或 crm deliver")

    if backlog.for_a_person:
        advice += _failed(db)
        advice.append("用 crm outbox list 查看，用 crm outbox retry 或 crm outbox send 重新发送")

    return backlog.health, "；".join([told or "没有待发邮件", *advice])


def _failed(db: Session) -> list[str]:
    """The last that wait for a person, each with its reason: it is theirs, not the server's."""
    query = (
        select(Message.recipient, Message.note)
        .where(Message.state.in_(health.FOR_A_PERSON), Message.note.is_not(None))
        .order_by(Message.id.desc())
    )
    last = db.execute(query.limit(MOST_NAMED)).all()
    return [f"{recipient}：{(note or '').splitlines()[-1]}" for recipient, note in last if note]


def addresses(db: Session, now: datetime) -> tuple[Health, str]:
    """Whether everybody's address can be written to: some are older than the check of them."""
    query = select(Person.username, Person.email).where(
        Person.email.is_not(None), Person.email != "", active_at(now)
    )
    bad = [f"{name}（{email}）" for name, email in db.execute(query) if not _is_good(email or "")]
    if not bad:
        return Health.OK, "人员的邮箱地址都可用"
    return Health.WARN, f"{_some(bad)} 的邮箱地址不可用，邮件发不到，请在人员页面改正"


def _is_good(email: str) -> bool:
    try:
        normalize_address(email)
    except BadAddressError:
        return False
    return True


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" 等 {len(names)} 人" if len(names) > MOST_NAMED else ""
    return "、".join(names[:MOST_NAMED]) + more
