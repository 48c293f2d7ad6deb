"""Where mails go: to the server of the settings, else to the one of an admin, else nowhere."""

from collections.abc import Callable, Collection
from datetime import datetime
from threading import Event

from sqlalchemy.orm import Session, sessionmaker

from crm.base.addresses import parse_address
from crm.base.audit import record
from crm.base.errors import Refused
from crm.base.mail_settings import MailSettings
from crm.base.sealed import seal, unseal
from crm.base.value_class import value_class
from crm.jobs.delivery import Deliverer
from crm.jobs.models import MailServer
from crm.jobs.smtp import SmtpServer
from crm.people.models import Person
from crm.people.rules import SYSTEM

ONLY = 1  # the id of the one row
PURPOSE = "mail server"


@value_class
class MailRoute:
    """A server, none where mails stay in the mailbox, and the sender."""

    server: SmtpServer | None
    sender: str


def mail_route(db: Session, own: MailSettings) -> MailRoute:
    """Where mails go now; refused as `secret_key_changed`."""
    if own.is_fixed:
        return MailRoute(_server(own.url, own), own.sender)
    entered = db.get(MailServer, ONLY)
    if entered is None:
        return MailRoute(None, own.sender)
    url = unseal(entered.sealed_url, key=own.secret, purpose=PURPOSE)
    return MailRoute(_server(url, own), entered.sender)


def _server(url: str, own: MailSettings) -> SmtpServer:
    return SmtpServer.parse(url, per_minute=own.per_minute, connections=own.connections)


def enter_mail_server(  # noqa: PLR0913 - the server, its sender, and who enters them
    db: Session, *, url: str, sender: str, own: MailSettings, by: Person, now: datetime
) -> None:
    """Send mails over that server from now on.

    Refused as `not_yours`, `mail_server_fixed`; BadAddressError for a wrong sender.
    """
    _require_change(by, own)
    parse_address(sender)
    server = _server(url, own)

    row = db.get(MailServer, ONLY) or MailServer(id=ONLY)
    row.sealed_url = seal(url, key=own.secret, purpose=PURPOSE)
    row.sender, row.changed_at, row.changed_by_id = sender, now, by.id
    db.add(row)

    after = {"host": server.host, "port": server.port, "sender": sender}
    record(db, "mail_server.entered", row, by=by, at=now, after=after)


def remove_mail_server(db: Session, *, own: MailSettings, by: Person, now: datetime) -> None:
    """Leave mails in the mailbox again; refused as `not_yours`, `mail_server_fixed`."""
    _require_change(by, own)
    if row := db.get(MailServer, ONLY):
        record(db, "mail_server.removed", row, by=by, at=now)
        db.delete(row)


def _require_change(by: Person, own: MailSettings) -> None:
    if by.role not in SYSTEM:
        raise Refused("not_yours")
    if own.is_fixed:
        raise Refused("mail_server_fixed")


class RoutedDeliverer:
    """Delivers where mails go at the time: what an admin enters holds without a restart."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        own: MailSettings,
        now: Callable[[], datetime],
        stopped: Event,
    ) -> None:
        self.stopped = stopped
        self._sessions = sessions
        self._own = own
        self._now = now
        self._route: MailRoute | None = None
        self._deliverer: Deliverer | None = None

    def deliver_all(self, may_go_on: Callable[[], bool]) -> None:
        """Deliver until nothing is due."""
        self._current().deliver_all(may_go_on)

    def deliver_to_the_end(
        self, pause: Callable[[float], object], may_go_on: Callable[[], bool]
    ) -> None:
        """Deliver until nothing is due, with a pause whenever the minute's mails have gone."""
        self._current().deliver_to_the_end(pause, may_go_on)

    def deliver_only(self, message_ids: Collection[int]) -> None:
        """Deliver these messages."""
        self._current().deliver_only(message_ids)

    def _current(self) -> Deliverer:
        with self._sessions() as db:
            route = mail_route(db, self._own)
        if self._deliverer is None or route != self._route:
            # the limit by the minute begins anew with another server
            self._route = route
            self._deliverer = Deliverer(
                self._sessions, route.server, route.sender, self._now, self.stopped
            )
        return self._deliverer
