"""Somebody else does the same between a check and its write."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import Executable, event, insert
from sqlalchemy.orm import Session

from crm.extensions import db as database_of_app
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


@contextmanager
def before_first_write(app: Flask, step: Callable[[], object]) -> Iterator[None]:
    """Do it right before the application's next write, when all checks are done."""
    waiting = [step]

    def before(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        # on SQLite a request that has read begins anew, with the write lock
        is_write = statement.startswith(("ROLLBACK", "INSERT", "UPDATE", "DELETE"))
        is_lock = "FOR UPDATE" in statement or "pg_advisory_xact_lock" in statement
        if waiting and (is_write or is_lock):
            waiting.pop()()

    with app.app_context():
        engine = database_of_app.engine
    event.listen(engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
    assert not waiting


@contextmanager
def after_statement(app: Flask, part: str, step: Callable[[], object]) -> Iterator[None]:
    """Do it in a thread of its own, right after the first statement that holds `part`."""
    waiting = [step]

    def after(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if waiting and part in statement:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(waiting.pop()).result()

    with app.app_context():
        engine = database_of_app.engine
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", after)
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
