"""A mail server in a storm: it puts off, takes its time, refuses and cuts lines, by a seed."""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, syntax

TAKEN = "250 OK"


@dataclass
class Storm:
    """What the server does, and what it got: a mail whose end it saw, whoever heard of it."""

    seed: int
    refused: frozenset[str] = frozenset()
    rages: bool = True
    greylists: bool = True
    slow_seconds: float = 0  # over each mail
    done: Counter[str] = field(default_factory=Counter)
    got: Counter[str] = field(default_factory=Counter)  # by Message-ID
    seen: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)  # the Message-IDs, as they came
    port: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"smtp://127.0.0.1:{self.port}"

    def happens(self, what: str, share: float) -> bool:
        """Whether it does so this time."""
        happens = self.rages and self._chance.random() < share
        self.done[what] += happens
        return happens

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        """Put off whom it sees for the first time, refuse some for good."""
        self.asked.append(address)
        if self.greylists and address not in self.seen:
            self.seen.add(address)
            self.done["greylisted"] += 1
            return "450 4.2.0 come again"
        if address in self.refused:
            self.done["refused for good"] += 1
            return "550 5.1.1 no such user"
        if self.happens("refused for now", 0.05):
            return "451 4.3.0 not now"
        if self.happens("delayed", 0.1):
            await asyncio.sleep(self._chance.uniform(0.02, 0.1))
        envelope.rcpt_tos.append(address)
        return TAKEN

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        """Take it, refuse it, or take it and say nothing."""
        if self.happens("refused after DATA", 0.05):
            return "452 4.2.2 full"
        if self.happens("slow after DATA", 0.1):
            await asyncio.sleep(self._chance.uniform(0.02, 0.2))
        await asyncio.sleep(self.slow_seconds)
        message_id = str(message_from_bytes(envelope.content)["Message-ID"])
        self.got[message_id] += 1
        self.order.append(message_id)
        if self.happens("cut after DATA", 0.06):
            server.transport.close()
        return TAKEN


class Cutting(SMTP):
    """A server that may hang up when DATA begins."""

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Hang up in the middle, or go on."""
        if self.event_handler.happens("cut in DATA", 0.04):
            await self.push("354 go on")
            self.transport.close()
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return Cutting(self.handler, **self.SMTP_kwargs)


def fair(*refused: str, slow_seconds: float = 0) -> AbstractContextManager[Storm]:
    """A server in fair weather, which may take its time."""
    return storm(0, *refused, rages=False, greylists=False, slow_seconds=slow_seconds)


@contextmanager
def storm(seed: int, *refused: str, **given: object) -> Iterator[Storm]:
    """Open one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        office = Storm(seed, frozenset(refused), port=probe.getsockname()[1], **given)
    controller = _Controller(office, hostname="127.0.0.1", port=office.port)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()
