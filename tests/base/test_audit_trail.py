"""The audit trail: append-only in the database, chained in the order of commits, sealed, purged."""

from datetime import UTC, date, timedelta
from threading import Thread

import pytest
from sqlalchemy import inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from crm.app import create_app
from crm.base.audit import Created, coming_from, prepare_created, record, record_created
from crm.base.audit_entries import HASHED, AuditEntry, AuditLink
from crm.base.audit_trail import AuditSeal, Break, Flaw, Part, first_break, purge, seal_day, trail
from crm.base.db import database_now
from crm.base.errors import Refused
from crm.cli.migrations import migrations
from crm.extensions import db as database_of_app
from crm.people.models import Person
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import settings_for, unguarded
from tests.factories import make_person

BEFORE = """INSERT INTO audit_entry (at, action, subject, subject_id, after) VALUES
('2026-07-15 02:00:00.000000', 'person.added', 'person', 1, '{"name": "李"}'),
('2026-07-15 02:00:00.000001', 'person.changed', 'person', 1, NULL)"""
TODAY = date(2026, 7, 15)
OLD = "2020-01-02 03:04:05.000000"
COLUMNS = {
    "id": "id + 100",
    "at": "'2026-07-15 02:00:00.000001'",
    "by_id": "NULL",
    "action": "'visit.cancelleD'",
    "subject": "'persoN'",
    "subject_id": "subject_id + 1",
    "before": '\'{"name": "张"}\'',
    "after": "''",
    "address": "'127.0.0.2'",
    "stored_at": f"'{OLD}'",
}


def write(sessions, *names, at=NOW):
    """One transaction with an entry for each name."""
    with coming_from("127.0.0.1"), transaction(sessions) as db:
        for name in names:
            person = make_person(db, name, duty=None)
            result = {"name": name}
            record(db, "person.added", person, by=person, at=at, before=result, after=result)


def tamper(sessions, statement):
    """What somebody does who owns the tables."""
    with sessions.begin() as db, unguarded(db.connection()):
        db.execute(text(statement))


def found(sessions):
    with sessions() as db:
        return first_break(db)


def seal(sessions, on):
    with transaction(sessions) as db:
        return seal_day(db, on=on, at=NOW)


def make_old(sessions, days):
    """Entries as the database would have dated them that many days ago, chained as such."""
    with sessions.begin() as db, unguarded(db.connection()):
        ago = db.scalar(select(database_now(db, -timedelta(days=days))))
        db.execute(update(AuditEntry).values(stored_at=ago))


def test_prepared_entries_that_a_savepoint_takes_back_are_not_linked(sessions):
    write(sessions, "zhao")

    with transaction(sessions) as db:
        row = Created(None, {"name": "qian"})
        entries = prepare_created(db, "person.added", Person, [row], at=NOW)
        with db.begin_nested() as savepoint:
            record_created(db, entries, [2])
            savepoint.rollback()
        record_created(db, entries, [3])

    assert found(sessions) is None
    with sessions() as db:
        assert db.scalars(select(AuditEntry.subject_id).order_by(AuditEntry.id)).all()[1:] == [3]


def test_each_column_of_an_entry_is_in_its_hash():
    assert set(HASHED) == {getattr(AuditEntry, c.key) for c in inspect(AuditEntry).column_attrs}
    assert set(COLUMNS) == {column.key for column in HASHED}


def test_an_entry_says_where_it_comes_from_and_when_the_database_had_it(sessions):
    write(sessions, "li")

    with sessions() as db:
        entry = db.scalars(select(AuditEntry)).one()
        now = db.scalar(select(database_now(db)))
    assert (entry.address, entry.at) == ("127.0.0.1", NOW)
    assert timedelta(0) <= now - entry.stored_at < timedelta(minutes=1)


@pytest.mark.parametrize("table", ["audit_entry", "audit_link", "audit_seal"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_nothing_in_the_trail_is_changed_or_removed(sessions, table, change):
    write(sessions, "li")
    seal(sessions, TODAY)
    change = change.replace("id = id", "hash = hash") if table != "audit_entry" else change

    with sessions() as db, pytest.raises(DBAPIError, match="append-only"):
        db.execute(text(change.format(table)))


def test_the_tables_are_not_emptied_or_replaced(sessions, kind_of_database):
    write(sessions, "li")
    replaced = "REPLACE INTO audit_entry SELECT * FROM audit_entry"
    emptied = "TRUNCATE person CASCADE"

    with sessions() as db, pytest.raises(DBAPIError, match="append-only"):
        db.execute(text(replaced if kind_of_database == "sqlite" else emptied))


def test_a_whole_trail_has_no_break(sessions):
    write(sessions, "li")
    write(sessions, "wang", "zhao")
    seal(sessions, TODAY)

    assert found(sessions) is None
    with sessions() as db:
        assert (trail(db).entries, trail(db).position, trail(db).seals) == (4, 4, 1)


def test_an_empty_trail_has_no_break(sessions):
    assert found(sessions) is None


@pytest.mark.parametrize("column", COLUMNS)
def test_a_change_in_any_column_is_found(sessions, column):
    write(sessions, "li")
    write(sessions, "wang")
    write(sessions, "zhao")
    with sessions() as db:
        entry_id = db.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).all()[1]
    relink = "INSERT INTO audit_link (position, entry_id, hash) VALUES (2, :id + 100, :hash)"

    with sessions.begin() as db, unguarded(db.connection()):
        link = db.scalars(select(AuditLink).filter_by(entry_id=entry_id)).one()
        if column == "id":
            db.execute(text(f"DELETE FROM audit_link WHERE entry_id = {entry_id}"))
        db.execute(
            text(f"UPDATE audit_entry SET {column} = {COLUMNS[column]} WHERE id = {entry_id}")
        )
        if column == "id":
            db.execute(text(relink), {"id": entry_id, "hash": link.hash})

    result = str(entry_id + 100 if column == "id" else entry_id)
    assert found(sessions) == Break(Part.ENTRY, result, Flaw.ALTERED)


def test_a_byte_that_means_the_same_is_found_too(sessions, kind_of_database):
    write(sessions, "li")
    other = "replace(after, ' ', '')" if kind_of_database == "postgresql" else "CAST(x'ff' AS TEXT)"

    tamper(sessions, f"UPDATE audit_entry SET after = {other}")

    assert found(sessions).flaw is Flaw.ALTERED


def test_an_entry_that_was_removed_is_found(sessions):
    write(sessions, "li")
    write(sessions, "wang")
    write(sessions, "zhao")

    tamper(sessions, "DELETE FROM audit_entry WHERE id = (SELECT min(id) + 1 FROM audit_entry)")

    assert found(sessions) == Break(Part.LINK, "2", Flaw.MISSING)


def test_a_link_whose_entry_is_gone_is_missed_too(sessions, kind_of_database):
    write(sessions, "li")
    free = (
        "SET session_replication_role = replica"
        if kind_of_database == "postgresql"
        else "PRAGMA foreign_keys = OFF"
    )

    with sessions() as db, db.get_bind().connect() as alone:
        alone.detach()  # no test after this one gets a connection without foreign keys
        cursor = alone.connection.cursor()
        cursor.execute(free)
        cursor.execute("INSERT INTO audit_link (position, entry_id, hash) VALUES (2, 999, 'x')")
        alone.connection.commit()

    assert found(sessions) == Break(Part.LINK, "2", Flaw.MISSING)


@pytest.mark.parametrize(("which", "part"), [("min", Part.LINK), ("max", Part.HEAD)])
def test_the_first_and_the_last_entry_are_missed_as_well(sessions, which, part):
    write(sessions, "li")
    write(sessions, "wang")

    tamper(sessions, f"DELETE FROM audit_entry WHERE id = (SELECT {which}(id) FROM audit_entry)")

    assert (found(sessions).part, found(sessions).flaw) == (part, Flaw.MISSING)


def test_an_entry_that_was_slipped_in_is_found(sessions):
    write(sessions, "li")

    with sessions.begin() as db:
        db.execute(
            text(
                "INSERT INTO audit_entry (at, action, subject, subject_id) "
                "SELECT at, action, subject, subject_id FROM audit_entry"
            )
        )

    assert found(sessions).flaw is Flaw.UNCHAINED


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_link SET hash = 'x' || substr(hash, 2) WHERE position = 1",
        "UPDATE audit_head SET hash = ''",
        "UPDATE audit_head SET position = 1",
        "DELETE FROM audit_head",
        "UPDATE audit_seal SET hash = ''",
        "UPDATE audit_seal SET chain_hash = ''",
        "UPDATE audit_seal SET position = position + 1",
        "UPDATE audit_seal SET sealed_on = '2026-07-16'",
        "DELETE FROM audit_seal",
    ],
)
def test_a_change_of_the_chain_itself_is_found(sessions, change):
    write(sessions, "ai")
    write(sessions, "li")
    seal(sessions, TODAY)

    tamper(sessions, change)

    assert found(sessions) is not None


def test_what_is_rolled_back_leaves_no_gap(sessions):
    write(sessions, "li")
    with sessions() as db:
        record(db, "person.added", make_person(db, "gone"), by=None, at=NOW)
        db.flush()
        db.rollback()
        record(db, "person.added", make_person(db, "wang"), by=None, at=NOW)
        db.commit()
    with transaction(sessions) as db:
        inner = db.begin_nested()
        record(db, "person.added", make_person(db, "zhao"), by=None, at=NOW)
        inner.rollback()

    with sessions() as db:
        assert trail(db).entries == trail(db).position == 2
    assert found(sessions) is None


def test_transactions_at_the_same_time_stand_in_the_order_of_their_commits(sessions):
    names = [[f"p{thread}x{number}" for number in range(8)] for thread in range(6)]
    threads = [Thread(target=lambda own=own: [write(sessions, n) for n in own]) for own in names]

    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    with sessions() as db:
        assert trail(db).position == 48
    assert found(sessions) is None


def test_what_commits_after_the_seal_stands_in_the_next_one(sessions, kind_of_database):
    if kind_of_database == "sqlite":
        return  # one writer at a time: nothing can commit late
    write(sessions, "li")
    late = sessions()
    record(late, "person.added", make_person(late, "late"), by=None, at=NOW)
    late.flush()

    first = seal(sessions, TODAY)
    late.commit()
    late.close()
    second = seal(sessions, date(2026, 7, 16))

    assert (first, second) == (1, 2)  # the late one, and the entry of the first seal
    assert found(sessions) is None


def test_old_sealed_entries_are_purged_and_the_rest_stays_whole(sessions):
    write(sessions, "li")
    _rewrite(sessions, days=200)
    seal(sessions, date(2020, 1, 2))
    write(sessions, "wang")

    with transaction(sessions) as db:
        count = purge(db, before=date(2020, 1, 3), at=NOW)
    with transaction(sessions) as db:
        again = purge(db, before=date(2020, 1, 3), at=NOW)

    assert (count, again) == (1, 0)
    assert found(sessions) is None
    with sessions() as db:
        result = db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert result == ["audit.sealed", "person.added", "audit.purged"]


def _rewrite(sessions, days):
    """Entries as if they had been written that long ago."""
    make_old(sessions, days)
    with sessions.begin() as db, unguarded(db.connection()):
        ids = db.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).all()
        db.execute(text("DELETE FROM audit_link"))
        db.execute(text("DELETE FROM audit_head"))
        db.info["audit_made"] = set(ids)


def test_nothing_younger_than_183_days_is_purged(sessions):
    write(sessions, "li")
    seal(sessions, date(2020, 1, 2))

    with transaction(sessions) as db, pytest.raises(Refused, match="audit_too_young"):
        purge(db, before=date(2020, 1, 3), at=NOW)  # sealed long ago, but stored just now
    with sessions() as db:
        today = db.scalar(select(database_now(db))).astimezone(UTC).date()
    with transaction(sessions) as db, pytest.raises(Refused, match="audit_too_young"):
        purge(db, before=today - timedelta(days=181), at=NOW)


@pytest.mark.parametrize(("days", "gone"), [(182.9, False), (183.1, True)])
def test_the_database_itself_knows_the_age(sessions, days, gone):
    write(sessions, "li")
    make_old(sessions, days)

    with sessions() as db:
        try:
            db.execute(text("DELETE FROM audit_entry"))
        except DBAPIError:
            db.rollback()
        left = db.scalars(select(AuditLink)).all()

    assert (left == []) is gone


def test_old_entries_that_were_removed_without_a_purge_are_found(sessions):
    write(sessions, "li")
    _rewrite(sessions, days=200)
    seal(sessions, TODAY)

    with sessions.begin() as db:
        db.execute(text("DELETE FROM audit_entry WHERE id = (SELECT min(id) FROM audit_entry)"))

    assert found(sessions) == Break(Part.LINK, "1", Flaw.MISSING)


def test_a_day_is_sealed_once(sessions):
    seal(sessions, TODAY)

    with pytest.raises(DBAPIError):
        seal(sessions, TODAY)
    with sessions() as db:
        assert len(db.scalars(select(AuditSeal)).all()) == 1


def test_entries_made_before_there_was_a_chain_are_chained_by_the_migration(empty_database_url):
    app = create_app(settings_for(empty_database_url))
    with app.app_context():
        migrations().upgrade("0001")
        with database_of_app.engine.begin() as connection:
            connection.execute(text(BEFORE))
        migrations().upgrade()

        with database_of_app.sessionmaker() as db:
            assert first_break(db) is None
        with database_of_app.sessionmaker() as db:
            assert (trail(db).entries, trail(db).position) == (2, 2)
        database_of_app.engine.dispose()
