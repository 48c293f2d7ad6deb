"""A real SMTP server on a socket, which takes mails, refuses some, waits and can break off."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from aiosmtpd.controller import Controller
from sqlalchemy.orm import Session, sessionmaker

from crm.base.outbox import MessageKind
from crm.jobs.delivery import Deliverer
from crm.jobs.smtp import SmtpServer
from crm.people.models import Person
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person
from tests.outbox import put

SENDER = "招商系统 <crm@crm.test>"


@dataclass
class PostOffice:
    """What the server does with a mail, and what it got."""

    at_recipient: dict[str, str] = field(default_factory=dict)  # answers other than yes
    at_data: list[str | None] = field(default_factory=list)  # answers in turn; None hangs up
    received: list[tuple[str, bytes]] = field(default_factory=list)
    port: int = 0
    asked: Event = field(default_factory=Event)  # a mail was handed in
    answers: Event = field(default_factory=Event)  # cleared: no mail is answered until it is set
    holds_at: int = 0  # with so many mails it stops answering by itself

    def __post_init__(self) -> None:
        self.answers.set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if answer := self.at_recipient.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.received.append((envelope.rcpt_tos[0], envelope.content))
        self.asked.set()
        if len(self.received) == self.holds_at:
            self.answers.clear()
        await asyncio.to_thread(self.answers.wait)
        answer = self.at_data.pop(0) if self.at_data else "250 OK"
        if answer is None:
            server.transport.close()
        return answer or "250 OK"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.received]


@contextmanager
def post_office(**secured: object) -> Iterator[PostOffice]:
    """Open one; `secured` is what aiosmtpd is to ask for: certificates, a login."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        office = PostOffice(port=probe.getsockname()[1])
    controller = Controller(office, hostname="127.0.0.1", port=office.port, **secured)
    controller.start()
    try:
        yield office
    finally:
        office.answers.set()
        controller.stop()


def deliverer(sessions: sessionmaker[Session], port: int, **later: float) -> Deliverer:
    """A worker at NOW, or so much later."""
    moment = NOW + timedelta(**later)
    return Deliverer(sessions, SmtpServer.parse(f"smtp://127.0.0.1:{port}"), SENDER, lambda: moment)


def write(
    sessions: sessionmaker[Session],
    *usernames: str,
    kind: MessageKind = MessageKind.WEEKLY,
    at: datetime = NOW,
    **given: object,
) -> None:
    """One message to each new person of these names."""
    with transaction(sessions) as db:
        for username in usernames:
            put_for(db, make_person(db, username, **given), kind=kind, at=at)


def put_for(db: Session, person: Person, *, kind: MessageKind, at: datetime) -> bool:
    return put(
        db,
        kind=kind,
        dedupe_key=f"{kind}:zone:{person.username}:2026-W28:-",
        person=person,
        subject=f"第28周周报：{person.name}的拜访完成情况与下周安排（初步数）",
        text=f"{person.name}，您好。\n.以点开头的一行\n",
        html=f"<p>{person.name}，您好。</p>",
        at=at,
    )
