"""Somebody else does the same between a check and its write."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Executable, event, insert
from sqlalchemy.orm import Session

from crm.people.models import Person
from crm.people.rules import Role
from tests.factories import LONG_AGO


@contextmanager
def meanwhile(statement: Executable) -> Iterator[None]:
    """Do it right before the next session writes: in that session, for SQLite has one writer."""

    waiting = [statement]

    def between(session: Session, *_: object) -> None:
        if waiting:
            session.connection().execute(waiting.pop())

    event.listen(Session, "before_flush", between)
    yield
    event.remove(Session, "before_flush", between)
    assert not waiting


def person_called(username: str) -> Executable:
    """That a person of that username is entered."""
    result = {
        "name": "另一人",
        "pinyin": "ling yi ren",
        "search": "另一人",
        "role": Role.RECRUITER,
        "created_at": LONG_AGO,
    }
    return insert(Person).values(username=username, **result)
