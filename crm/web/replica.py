"""Boards and lists are read from a replica, where there is one that has the reader's own changes.

Who is signed in, every form and every change is the primary's. A replica that is down or behind
is not used, and a page that fails on it is made again from the primary.
"""

from flask import Flask, current_app, request, session
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from crm.base import clock
from crm.base.db_faults import first_line
from crm.base.replica import BEGINNING, is_current
from crm.extensions import db
from crm.web.transaction import REPLICA, WRITTEN, release

PAGES = frozenset(
    {
        "myday.show",
        "search.show",
        "search.found",
        "visits.listing",
        "visits.sums",
        "trips.listing",
        "followups.listing",
        "companies.listing",
        "leads.board",
        "leads.cards",
        "leads.listing",
        "absences.listing",
        "compliance.board",
        "problems.listing",
        "problems.figures",
        "claims.listing",
        "receipts.listing",
        "supervision.listing",
        "targets.board",
        "digests.listing",
        "mailbox.listing",
        "audit.listing",
        "people.listing",
        "units.listing",
    }
)
PAUSE_SECONDS = 30  # after a failure, so that not every page waits for a host that is gone


class Pause:
    """Until when this process leaves the replica alone."""

    def __init__(self) -> None:
        self._until = 0.0

    def begin(self) -> None:
        self._until = clock.monotonic() + PAUSE_SECONDS

    def is_over(self) -> bool:
        return clock.monotonic() >= self._until


def _choose() -> None:
    """Read the rest of this request from the replica, if it may be."""
    if request.endpoint not in PAGES or REPLICA not in db.engines or not _pause().is_over():
        return

    db.session.commit()  # returns the primary's connection; who is signed in stays loaded
    db.session.bind = db.get_engine(REPLICA)
    try:
        if is_current(db.session, position=session.get(WRITTEN, BEGINNING)):
            return
    except SQLAlchemyError as error:
        _give_up(error)
    leave()


def leave() -> bool:
    """Read the rest of this request from the primary; False where it is read already."""
    if db.session.bind is db.engine:
        return False
    release()
    db.session.bind = db.engine
    return True


def read_again(error: DBAPIError) -> bool:
    """Whether a page that failed can be made again, from the primary."""
    if not leave():
        return False
    _give_up(error)
    return True


def _give_up(error: SQLAlchemyError) -> None:
    _pause().begin()
    text = first_line(error) if isinstance(error, DBAPIError) else type(error).__name__
    current_app.logger.warning("replica not used for %s s: %s", PAUSE_SECONDS, text)


def _pause() -> Pause:
    pause: Pause = current_app.extensions["replica_pause"]
    return pause


def init_app(app: Flask) -> None:
    """Choose the database of every request once access is checked."""
    app.extensions["replica_pause"] = Pause()
    app.before_request(_choose)
