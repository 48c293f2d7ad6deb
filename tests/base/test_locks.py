"""SQLite's write lock is taken at the first write, and others may write until then."""

import pytest
from sqlalchemy import select

from crm.base.db import writing
from crm.base.locks import is_reading, lock_row, read_first
from crm.people.models import Person
from tests.counting import statements_on
from tests.factories import make_person

pytestmark = pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)


@pytest.fixture
def reader(sessions):
    """A transaction that has read nobody so far."""
    with sessions() as session:
        read_first(session)
        assert session.scalars(select(Person)).all() == []
        yield session


def enter(sessions, username):
    with writing(sessions) as db:
        return make_person(db, username, duty=None)


def test_who_has_read_writes_after_somebody_else_has(sessions, reader):
    enter(sessions, "first")

    make_person(reader, "second", duty=None)
    reader.commit()

    with sessions() as db:
        assert set(db.scalars(select(Person.username))) == {"first", "second"}


def test_from_its_first_write_a_transaction_reads_what_is_current(sessions, reader):
    enter(sessions, "first")

    make_person(reader, "second", duty=None)

    assert set(reader.scalars(select(Person.username))) == {"first", "second"}


@pytest.mark.parametrize("lock", [lambda db: lock_row(db, Person, 1), lambda db: db.begin_nested()])
def test_a_locked_row_and_a_savepoint_need_the_write_lock(reader, lock):
    lock(reader)

    assert not is_reading(reader)


def test_a_second_write_takes_no_lock_again(reader):
    with statements_on(reader.get_bind()) as statements:
        make_person(reader, "first", duty=None)
        make_person(reader, "second", duty=None)

    assert statements.count("BEGIN IMMEDIATE") == 1
