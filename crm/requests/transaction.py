"""One moment and, for changes, one transaction per request.

A request that changes something reads first, and takes SQLite's write lock at its first write.
Before the commit it asks the audit trail what others have changed since it began to read. Where
that may matter the request is run again, the second time under the lock from the beginning.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from flask import g
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base import audit_chain, clock
from crm.base.audit_chain import Subject
from crm.base.audit_commit import ChangesThatMatter, is_refused_link
from crm.base.audit_commit import Outdated as Outdated
from crm.base.locks import is_reading
from crm.extensions import db
from crm.transactions import apply_pending

MattersTo: TypeAlias = Callable[[Session, Collection[Subject]], bool] | ChangesThatMatter
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class Reads:
    """How far the audit trail reached before the first read, and which changes since matter.

    `matters` is None where every change matters: on SQLite, whose row locks are its write lock.
    On PostgreSQL rows are locked where that is needed, and so nothing else is checked.
    """

    position: int
    matters: MattersTo | None = None


def moment() -> datetime:
    """The moment of this request."""
    if "moment" not in g:
        g.moment = clock.now()
    return g.moment  # type: ignore[no-any-return]


def today() -> date:
    """The civil date of this request."""
    return clock.civil_date(moment())


@contextmanager
def transaction() -> Iterator[Session]:
    """The request's session: what was changed is committed at the end, or nothing is."""
    g.corrections = 0
    try:
        yield db.session
        g.corrections += apply_pending(db.session)
        if note := g.get("before_commit"):
            note(db.session)
        _require_current(db.session)
        _commit(db.session)
    except BaseException:
        # a worker that is stopped meanwhile must not leave a lock behind
        undo()
        raise
    g.pop("reads", None)
    if note := g.get("after_commit"):
        note()


def _commit(session: Session) -> None:
    try:
        session.commit()
    except IntegrityError as error:
        if is_refused_link(error):
            raise Outdated from error
        raise


def before_commit(note: Callable[[Session], None]) -> None:
    """Write something more in the transaction of this request, if it comes to change anything."""
    g.before_commit = note


def after_commit(note: Callable[[], None]) -> None:
    """Do something more whenever this request has committed."""
    g.after_commit = note


def note_reads() -> None:
    """Note how far the audit trail reaches, before anything else is read."""
    g.reads = Reads(audit_chain.position_seen(db.session))


def only_matters(matters: MattersTo) -> None:
    """Say which changes of others outdate what this request has read, on both databases."""
    if "reads" in g:
        g.reads.matters = matters


def is_outdated() -> bool:
    """Whether others have changed anything since this request began to read."""
    return "reads" in g and audit_chain.position(db.session) != g.reads.position


def _require_current(session: Session) -> None:
    """Raise `Outdated`, here or at the commit, where others have changed what was read."""
    reads: Reads | None = g.get("reads")
    session.flush()
    if reads is None or is_reading(session):  # nothing was read, or nothing written
        return
    if reads.matters is None and session.get_bind().dialect.name == "postgresql":
        return
    if isinstance(reads.matters, ChangesThatMatter):
        audit_chain.require_none_since(session, reads.position, reads.matters)
        return

    # from here to the commit nobody else commits
    if audit_chain.hold_position(session) == reads.position:
        return
    changed = audit_chain.changed_since(session, reads.position)
    if reads.matters is None or reads.matters(session, changed):
        raise Outdated


@contextmanager
def trial() -> Iterator[Session]:
    """The request's session for a look at what a change would do: nothing of it is kept."""
    try:
        yield db.session
    finally:
        undo()


def undo() -> None:
    """Roll back the request's changes."""
    db.session.rollback()
    # cached objects no longer belong to the session
    _forget_viewer()


def forget_reads() -> None:
    """Forget what the transaction has read, so that it is read again."""
    db.session.expunge_all()
    audit_chain.forget_position(db.session)
    _forget_viewer()


def _forget_viewer() -> None:
    for read in ("_login_user", "viewer", "figure_scope", "api_caller"):
        g.pop(read, None)


def release() -> None:
    """End a reading transaction; loaded objects stay usable, detached from the session."""
    db.session.expunge_all()
    undo()
