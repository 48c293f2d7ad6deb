"""An alert when the clock stands still: a mail to the admins, by whatever process still works.

Each process of pages looks every minute. The message has one key for each standstill, so that the
first of them makes it, and the mail server is asked by that process itself: where no clock ticks,
often nobody delivers either.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm.base import clock
from crm.base.mail import Site
from crm.base.mail_settings import MailSettings
from crm.base.outbox import Message, MessageKind
from crm.jobs import health, ledger
from crm.jobs.health import LONGEST_SILENCE, Health
from crm.jobs.lease import TIMETABLE
from crm.jobs.mail_route import RoutedDeliverer
from crm.jobs.models import Lease
from crm.jobs.worker import attempt
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.queries import active_at
from crm.people.rules import SYSTEM
from crm.transactions import transaction

LOOKS_EVERY = timedelta(minutes=1)


def alert(sessions: sessionmaker[Session], *, site: Site, now: datetime) -> list[int]:
    """Put a message to each admin into the outbox, once for each standstill; their ids."""
    with sessions() as db:
        pulse = health.pulse(db, now=now)
        # none where nothing is installed
        if pulse.health is not Health.FAIL or pulse.silent_for is None:
            return []

    with transaction(sessions) as db:
        last = db.scalar(select(Lease.expires_at).where(Lease.name == TIMETABLE))
        began_at = last or ledger.installed_at(db) or now
        admins = db.scalars(select(Person).where(Person.role.in_(SYSTEM), active_at(now))).all()
        keys = [
            _post(db, admin, began_at=began_at, silent_for=pulse.silent_for, now=now, site=site)
            for admin in admins
        ]
        made = select(Message.id).where(Message.dedupe_key.in_(filter(None, keys)))
        return list(db.scalars(made))


def _post(  # noqa: PLR0913 - one message, whole
    db: Session,
    admin: Person,
    *,
    began_at: datetime,
    silent_for: timedelta,
    now: datetime,
    site: Site,
) -> str | None:
    """The key of the message; None where it was made before."""
    kind = MessageKind.STANDSTILL
    key = f"{kind.value}:{began_at.isoformat()}:{admin.username}"
    context = {"silent_since": now - silent_for, "reader": admin}
    is_new = post(db, Envelope(kind, key, now), person=admin, site=site, **context)
    return key if is_new else None


class StandstillWatch:
    """The thread of a process of pages that looks whether the clock ticks."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        site: Site,
        mails: MailSettings,
        *,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._sessions = sessions
        self._site = site
        self._now = now
        self._stopping = Event()
        self._deliverer = RoutedDeliverer(sessions, mails, now, self._stopping)

    def start(self) -> None:
        """Look from five minutes on: after a downtime the clock needs a moment, too."""
        Thread(target=self._run, name="standstill", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def look(self) -> None:
        """Alert the admins if the clock stands still."""
        made = alert(self._sessions, site=self._site, now=self._now())
        self._deliverer.deliver_only(made)

    def _run(self) -> None:
        wait = LONGEST_SILENCE
        while not self._stopping.wait(wait.total_seconds()):
            attempt(self.look, worker="standstill")
            wait = LOOKS_EVERY
